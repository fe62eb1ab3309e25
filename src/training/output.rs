//! Files that are there whole or not at all.

use std::{
    fs::{File, Permissions},
    io::{BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use super::TrainingError;

/// Lets `write` fill a new file beside `path`, syncs it and renames it to `path`; on an error `path` stays as it was and
/// nothing else is left.
///
/// # Errors
/// That of `write`, or of the file system.
pub fn write_file<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<T, TrainingError>,
) -> Result<T, TrainingError> {
    let failed = |error: std::io::Error| TrainingError::file(path, format!("can't be written: {error}"));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(folder).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file.as_file());
    let result = write(&mut writer)?;
    writer.flush().map_err(failed)?;
    drop(writer);
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(result)
}
