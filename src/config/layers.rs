//! Where settings come from: the layers, merged by the `config` crate, each value with its origin.

use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Map, Source, Value, ValueKind};

use super::reader::{SettingError, without_password};

/// The configuration file of an installed package.
pub const DEFAULT_PATH: &str = "/etc/imagespam-milter/imagespam-milter.toml";
/// The defaults are the shipped configuration file itself, so that the two can't differ.
pub const DEFAULTS: &str = include_str!("../../conf/imagespam-milter.toml");
/// Environment variables of this prefix are settings: `IMAGESPAM_MILTER__LIMITS__PARTS`.
const ENVIRONMENT_PREFIX: &str = "IMAGESPAM_MILTER__";

/// The layers that the caller chooses.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A configuration file that must exist; otherwise [`DEFAULT_PATH`], if it exists.
    pub file: Option<PathBuf>,
    /// `key=value` from flags, in their order.
    pub overrides: Vec<String>,
}

/// Merges all layers into one table of values that know their origin.
pub fn merge(sources: &Sources) -> Result<Value, Vec<SettingError>> {
    let mut errors = Vec::new();
    let mut builder = Config::builder();
    let defaults = ("default".to_owned(), Ok(DEFAULTS.to_owned()));
    let files = files(sources, &mut errors).into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(&path)));
    for (origin, text) in std::iter::once(defaults).chain(files) {
        match text.map_err(|error| format!("can't be read: {error}")).and_then(|text| Layer::parse(&text, &origin)) {
            Ok(layer) => builder = builder.add_source(layer),
            Err(problem) => errors.push(syntax(origin, problem)),
        }
    }
    let flags = sources.overrides.iter().map(|given| (format!("--set {}", without_password(given)), given.clone()));
    for (origin, assignment) in environment().into_iter().chain(flags) {
        let Some((key, text)) = assignment.split_once('=') else {
            errors.push(syntax(origin, "is not of the form key=value".to_owned()));
            continue;
        };
        match builder.clone().set_override(key.trim(), value_of(text.trim(), &origin)) {
            Ok(with_override) => builder = with_override,
            Err(error) => errors.push(syntax(origin, error.to_string())),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let merged = builder.build().map_err(|error| vec![syntax("configuration".to_owned(), error.to_string())])?;
    Ok(merged.cache)
}

fn syntax(origin: String, problem: String) -> SettingError {
    SettingError { origin, key: "syntax".to_owned(), problem: problem.trim().replace('\n', "\n    ") }
}

/// The main file and, sorted by name, `conf.d/*.toml` beside it.
fn files(sources: &Sources, errors: &mut Vec<SettingError>) -> Vec<PathBuf> {
    let main = sources.file.clone().unwrap_or_else(|| DEFAULT_PATH.into());
    let mut found = Vec::new();
    if main.exists() {
        found.push(main.clone());
    } else if sources.file.is_some() {
        errors.push(syntax(main.display().to_string(), "there is no such file".to_owned()));
    }
    let folder = main.parent().unwrap_or(Path::new(".")).join("conf.d");
    match std::fs::read_dir(&folder) {
        Ok(entries) => {
            let mut parts: Vec<PathBuf> = entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
                .collect();
            parts.sort();
            found.append(&mut parts);
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => errors.push(syntax(folder.display().to_string(), format!("can't be read: {error}"))),
    }
    found
}

/// Origin and `key=value` of each setting in the environment, sorted.
fn environment() -> Vec<(String, String)> {
    let mut found: Vec<_> = std::env::vars()
        .filter_map(|(name, value)| {
            let key = name.strip_prefix(ENVIRONMENT_PREFIX)?.to_ascii_lowercase().replace("__", ".");
            Some((format!("environment variable {name}"), format!("{key}={value}")))
        })
        .collect();
    found.sort();
    found
}

/// One file's settings. The `config` crate reads files too, but gives their paths relative to the working directory.
#[derive(Clone, Debug)]
struct Layer(Map<String, Value>);

impl Layer {
    fn parse(text: &str, origin: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        Ok(Self(table.into_iter().map(|(key, value)| (key, with_origin(value, origin))).collect()))
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

fn with_origin(value: toml::Value, origin: &str) -> Value {
    let kind = match value {
        toml::Value::Boolean(flag) => ValueKind::Boolean(flag),
        toml::Value::Integer(number) => ValueKind::I64(number),
        toml::Value::Float(number) => ValueKind::Float(number),
        toml::Value::String(text) => ValueKind::String(text),
        toml::Value::Datetime(time) => ValueKind::String(time.to_string()),
        toml::Value::Array(items) => ValueKind::Array(items.into_iter().map(|item| with_origin(item, origin)).collect()),
        toml::Value::Table(table) => {
            ValueKind::Table(table.into_iter().map(|(key, value)| (key, with_origin(value, origin))).collect())
        }
    };
    Value::new(Some(&origin.to_owned()), kind)
}

/// Reads `text` as a TOML value, and as plain text where it is none: `5`, `true`, `["a"]`, `10s`.
fn value_of(text: &str, origin: &str) -> Value {
    let parsed = format!("value = {text}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("value"));
    with_origin(parsed.unwrap_or_else(|| toml::Value::String(text.to_owned())), origin)
}
