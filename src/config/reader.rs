//! Takes typed settings out of the merged layers, one key at a time, and keeps every error instead of the first.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use bytesize::ByteSize;
use config::{Value, ValueKind};

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingError {
    /// Where the value came from: a file, an environment variable, a flag.
    pub origin: String,
    /// The setting, such as `limits.parts`.
    pub key: String,
    /// What is wrong, with the value and what is allowed.
    pub problem: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.origin, self.key, self.problem)
    }
}

/// Where a value came from, in words.
pub fn origin(value: &Value) -> String {
    value.origin().unwrap_or("default").to_owned()
}

/// A text with `***` in place of the password of a `scheme://user:password@host` in it, which may hold a `/` or `@` itself, and
/// of one in a URL's query, `?password=…`.
pub fn without_password(text: &str) -> String {
    let parts = text.split_once("://").and_then(|(scheme, rest)| {
        let (user, host) = rest.rsplit_once('@')?;
        Some((scheme, user.split_once(':')?.0, host))
    });
    let shown = parts.map_or_else(|| text.to_owned(), |(scheme, user, host)| format!("{scheme}://{user}:***@{host}"));
    // Not split at `?`, which a password in a query may hold.
    let hidden = |pair: &str| match pair.split_once("password=") {
        Some((before, _)) if before.is_empty() || before.ends_with('?') => format!("{before}password=***"),
        _ => pair.to_owned(),
    };
    shown.split('&').map(hidden).collect::<Vec<_>>().join("&")
}

/// The settings that have not been taken yet, by their full key, and the errors so far.
pub struct Reader {
    settings: BTreeMap<String, Value>,
    known: Vec<String>,
    errors: Vec<SettingError>,
}

impl Reader {
    /// Wraps the merged layers; arrays stay whole, tables are flattened to dotted keys.
    pub fn new(root: Value) -> Self {
        let mut settings = BTreeMap::new();
        flatten("", root, &mut settings);
        Self { settings, known: Vec::new(), errors: Vec::new() }
    }

    /// Notes an error about `key`.
    pub fn error(&mut self, origin: String, key: &str, problem: String) {
        self.errors.push(SettingError { origin, key: key.to_owned(), problem });
    }

    /// The settings in force with their origin, sorted by key.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.settings.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of `key`, for a setting that `read` can't read in one go.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.known.push(key.to_owned());
        let value = self.settings.get(key).cloned();
        if value.is_none() {
            // The defaults hold every key, so this one was overlaid: `limits = 3` in a file hides `limits.parts`.
            self.error(
                "configuration".to_owned(),
                key,
                "is missing, because a value stands where its table should be".to_owned(),
            );
        }
        value
    }

    /// Converts a value with `convert`, which returns what is allowed when it can't. `None` means that an error was noted.
    pub fn convert<T>(&mut self, key: &str, value: &Value, convert: impl FnOnce(&Value) -> Result<T, String>) -> Option<T> {
        convert(value)
            .map_err(|allowed| {
                self.error(origin(value), key, format!("{} is not allowed here; allowed is {allowed}", show(value)))
            })
            .ok()
    }

    /// Reads `key` with `convert`, as in [`Reader::convert`].
    pub fn read<T>(&mut self, key: &str, convert: impl FnOnce(&Value) -> Result<T, String>) -> Option<T> {
        let value = self.take(key)?;
        self.convert(key, &value, convert)
    }

    /// Reads text that parses into `T`.
    pub fn text<T: FromStr<Err = &'static str>>(&mut self, key: &str) -> Option<T> {
        self.read(key, |value| string(value, "a text")?.parse().map_err(str::to_owned))
    }

    /// Reads text as it is.
    pub fn string(&mut self, key: &str) -> Option<String> {
        self.read(key, |value| string(value, "a text"))
    }

    /// Reads a list of texts, each of which parses into `T`.
    pub fn list<T: FromStr>(&mut self, key: &str, allowed: &str) -> Option<Vec<T>> {
        self.read(key, |value| {
            let ValueKind::Array(items) = &value.kind else { return Err(format!("a list, each item {allowed}")) };
            items
                .iter()
                .map(|item| {
                    string(item, allowed)?.parse().map_err(|_| format!("a list, each item {allowed} (not {})", show(item)))
                })
                .collect()
        })
    }

    /// Reads `true` or `false`.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        self.read(key, |value| match &value.kind {
            ValueKind::Boolean(flag) => Ok(*flag),
            _ => Err("true or false".to_owned()),
        })
    }

    /// Reads a whole number within `range`, which `T` holds.
    pub fn number<T: TryFrom<u64>>(&mut self, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<T> {
        self.read(key, |value| {
            let allowed = || format!("a whole number from {} to {}", range.start(), range.end());
            let number = integer(value).filter(|number| range.contains(number));
            number.and_then(|number| T::try_from(number).ok()).ok_or_else(allowed)
        })
    }

    /// Reads a size in bytes within `range`, which `T` holds: a whole number, or text with a unit.
    pub fn size<T: TryFrom<u64>>(&mut self, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<T> {
        self.read(key, |value| {
            let size = match &value.kind {
                ValueKind::String(text) => text.parse::<ByteSize>().ok().map(|size| size.as_u64()),
                _ => integer(value),
            };
            size.filter(|size| range.contains(size)).and_then(|size| T::try_from(size).ok()).ok_or_else(|| {
                format!("a size such as \"20 MiB\", from {} to {}", ByteSize(*range.start()), ByteSize(*range.end()))
            })
        })
    }

    /// Reads a duration such as `10s` within `range`.
    pub fn duration(&mut self, key: &str, range: std::ops::RangeInclusive<Duration>) -> Option<Duration> {
        self.read(key, |value| {
            let allowed = || {
                let (from, to) = (humantime::format_duration(*range.start()), humantime::format_duration(*range.end()));
                format!("a duration with its unit, such as \"10s\", from {from} to {to}")
            };
            let duration = match &value.kind {
                ValueKind::String(text) => humantime::parse_duration(text).ok(),
                _ => None,
            };
            duration.filter(|duration| range.contains(duration)).ok_or_else(allowed)
        })
    }

    /// Ends reading: every key that nothing asked for is an error too.
    pub fn finish(mut self) -> Vec<SettingError> {
        let unknown: Vec<_> = self.settings.iter().filter(|(key, _)| !self.known.contains(key)).collect();
        let unknown: Vec<_> = unknown.into_iter().map(|(key, value)| (key.clone(), origin(value))).collect();
        for (key, origin) in unknown {
            let nearest = self
                .known
                .iter()
                .map(|known| (strsim::damerau_levenshtein(known, &key), known))
                .filter(|(distance, _)| *distance <= 4)
                .min();
            let hint = nearest.map_or(String::new(), |(_, known)| format!("; did you mean {known}?"));
            self.error(origin, &key, format!("there is no such setting{hint}"));
        }
        self.errors
    }
}

fn flatten(prefix: &str, value: Value, into: &mut BTreeMap<String, Value>) {
    match value.kind {
        ValueKind::Table(table) => {
            for (key, inner) in table {
                let full = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                flatten(&full, inner, into);
            }
        }
        _ => {
            into.insert(prefix.to_owned(), value);
        }
    }
}

/// The text in `value`, or `allowed` as the error.
pub fn string(value: &Value, allowed: &str) -> Result<String, String> {
    match &value.kind {
        ValueKind::String(text) => Ok(text.clone()),
        _ => Err(allowed.to_owned()),
    }
}

fn integer(value: &Value) -> Option<u64> {
    match value.kind {
        ValueKind::I64(number) => number.try_into().ok(),
        ValueKind::U64(number) => Some(number),
        _ => None,
    }
}

/// The value as it would stand in the file.
pub fn show(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::String(text) => toml::Value::String(without_password(text)).to_string(),
        ValueKind::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        ValueKind::Table(table) => {
            let sorted: BTreeMap<_, _> = table.iter().collect();
            format!(
                "{{ {} }}",
                sorted.iter().map(|(key, value)| format!("{key} = {}", show(value))).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}
