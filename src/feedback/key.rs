//! The key under which users and pictures are written down: without it, a digest can't be matched against a list of known
//! users or pictures.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::FeedbackError;

/// Bytes of the key.
const LENGTH: usize = 32;

/// A secret of this site.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Reads the key file, or makes one of random bytes, for its owner alone, if there is none.
    ///
    /// # Errors
    /// If it can't be read or made, others may read it, or it holds something else.
    pub fn open(path: &Path) -> Result<Self, FeedbackError> {
        let failed = |problem: String| FeedbackError::Key { path: path.display().to_string(), problem };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path).map_err(|error| failed(format!("can't be made: {error}")))?;
                fs::read(path).map_err(|error| failed(format!("can't be read: {error}")))?
            }
            Err(error) => return Err(failed(format!("can't be read: {error}"))),
        };
        let mode = fs::metadata(path).map_err(|error| failed(error.to_string()))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(failed(format!("has mode {mode:03o}, so that others can read it; chmod 600 it")));
        }
        if bytes.len() != LENGTH {
            return Err(failed(format!("has {} bytes, not {LENGTH}; restore it from a backup", bytes.len())));
        }
        Ok(Self(Hmac::new_from_slice(&bytes).map_err(|error| failed(error.to_string()))?))
    }

    /// HMAC-SHA256 (RFC 2104) of a user's name, as the mail server knows it.
    pub fn user(&self, name: &str) -> [u8; 32] {
        self.digest(&[b"user", name.trim().as_bytes()])
    }

    /// HMAC-SHA256 of a picture: the SHA-256 of its file, and which of the things in that file it is.
    pub fn picture(&self, sha256: &[u8; 32], label: Option<&str>) -> [u8; 32] {
        self.digest(&[b"picture", sha256, label.unwrap_or_default().as_bytes()])
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Whoever comes first makes it; another process at the same time takes that one.
fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(folder)?;
    draft.write_all(&rand::random::<[u8; LENGTH]>())?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all(),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}
