//! Finds and loads the ONNX Runtime library, once for a process.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ort::{
    environment::Environment,
    session::{
        Session,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
};

use super::ModelError;

/// Where the Debian package puts its library.
pub const PACKAGE_LIBRARY: &str = "/usr/lib/imagespam-milter/libonnxruntime.so";
/// Names that the system's loader is asked for, in this order.
const SYSTEM_LIBRARIES: [&str; 2] = ["libonnxruntime.so", "libonnxruntime.so.1"];

/// The loaded library; sessions are made in it.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
}

static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Loads the library: `configured`, else `$ORT_DYLIB_PATH`, else the package's own, else the system's. Whoever
    /// names a path means that one: if it can't be used, none of the later places is tried. A process loads one library;
    /// later calls return it.
    ///
    /// # Errors
    /// If there is no library, or only too old ones; says which were tried.
    pub fn load(configured: Option<&Path>) -> Result<Self, ModelError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return Ok(runtime.clone());
        }
        let mut tried = String::new();
        for (source, library) in candidates(configured) {
            match ort::init_from(&library) {
                Ok(builder) => {
                    let environment = builder.with_name("imagespam-milter").with_telemetry(false).build()?;
                    return Ok(loaded.insert(Self { environment, library }).clone());
                }
                Err(error) => tried.push_str(&format!("  {source}: {}: {}\n", library.display(), reason(error))),
            }
        }
        Err(ModelError::Runtime { tried: tried.trim_end().to_owned() })
    }

    /// What sessions are made in.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// For a session that runs on one core.
    pub(super) fn session_builder(&self) -> Result<SessionBuilder, ModelError> {
        let builder = Session::builder(&self.environment)?.with_optimization_level(GraphOptimizationLevel::All)?;
        Ok(builder.with_intra_threads(1)?.with_inter_threads(1)?)
    }

    /// The library's path, or its name if the system's loader found it.
    pub fn library(&self) -> &Path {
        &self.library
    }
}

fn candidates(configured: Option<&Path>) -> Vec<(&'static str, PathBuf)> {
    if let Some(path) = configured {
        return vec![("model.onnxruntime", path.to_owned())];
    }
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        return vec![("ORT_DYLIB_PATH", path.into())];
    }
    let system = SYSTEM_LIBRARIES.map(|name| ("the system's libraries", name.into()));
    [("the package's own folder", PACKAGE_LIBRARY.into())].into_iter().chain(system).collect()
}

fn reason(error: ort::LoadDynamicError) -> String {
    match error {
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            format!("is version {version_str}, too old: 1.{} or later is needed", ort::MINOR_VERSION)
        }
        ort::LoadDynamicError::Dlopen { error, .. } => {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            format!("can't be loaded: {cause}")
        }
        ort::LoadDynamicError::MissingApi { .. } => "is no ONNX Runtime library".to_owned(),
        other => other.to_string(),
    }
}

/// The build of the loaded library, in its own words.
pub fn version(_loaded: &Runtime) -> &'static str {
    ort::info()
}
