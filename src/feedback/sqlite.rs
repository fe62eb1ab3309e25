//! What the store needs to know of SQLite alone: safe settings, corruption, backup.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sqlx::AnyPool;

use super::FeedbackError;

/// With a write-ahead log readers don't wait for writers; `FULL`: what was acknowledged survives a power cut.
pub const PRAGMAS: &str =
    "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

/// The address of a file, made if it is not there.
pub fn url(path: &Path) -> String {
    let path = percent_encoding::utf8_percent_encode(&path.to_string_lossy(), &PATH).to_string();
    format!("sqlite://{path}?mode=rwc")
}

/// What would end the path of a URL.
const PATH: percent_encoding::AsciiSet = percent_encoding::CONTROLS.add(b' ').add(b'?').add(b'#').add(b'%');

/// SQLITE_CORRUPT and SQLITE_NOTADB, also as extended codes, whose lower byte they are (sqlite.org/rescode.html).
pub fn is_corruption(code: &str) -> bool {
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 11 | 26))
}

/// SQLITE_CANTOPEN, also as an extended code.
pub fn is_unopened(code: &str) -> bool {
    code.parse::<u32>().is_ok_and(|code| code & 0xff == 14)
}

/// The error for a broken file, of which a copy is made unless there is one.
pub fn corrupted(path: &Path, problem: String) -> FeedbackError {
    let copy = PathBuf::from(format!("{}.corrupted", path.display()));
    let kept = if copy.exists() { Ok(()) } else { copy_whole(path, &copy) };
    let copy = kept.map_or_else(|error| format!("(no copy could be made: {error})"), |()| copy.display().to_string());
    FeedbackError::Corrupted { store: path.display().to_string(), problem, copy }
}

fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let draft = PathBuf::from(format!("{}.new", to.display()));
    let copied = fs::copy(from, &draft).and_then(|_| File::open(&draft)?.sync_all()).and_then(|()| fs::rename(&draft, to));
    copied.inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

/// Writes a consistent copy of the database to a new file.
pub async fn backup(pool: &AnyPool, to: &Path) -> Result<(), String> {
    if to.exists() {
        return Err("it exists already".to_owned());
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new().prefix(".backup-").tempdir_in(folder).map_err(|error| error.to_string())?;
    let copy = draft.path().join("copy");
    let vacuum = sqlx::query("VACUUM INTO $1").bind(copy.to_string_lossy().into_owned());
    vacuum.execute(pool).await.map_err(|error| error.to_string())?;
    File::open(&copy)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&copy, to))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|error| error.to_string())
}
