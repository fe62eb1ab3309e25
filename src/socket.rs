//! Listening sockets: what the milter's and the local HTTP interface's have in common.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

/// Why a socket can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process answers on it.
    #[error("{address}: another process listens there; stop it, or change {setting}")]
    InUse {
        /// The socket.
        address: String,
        /// Where it is set.
        setting: &'static str,
    },
    /// Something other than a socket is in the way.
    #[error("{address}: the path exists and is not a socket; remove it, or change {setting}")]
    NotASocket {
        /// The socket.
        address: String,
        /// Where it is set.
        setting: &'static str,
    },
    /// No such user or group.
    #[error("there is no {what} \"{name}\" on this system (setting {setting})")]
    NoSuchName {
        /// The setting.
        setting: String,
        /// User or group.
        what: &'static str,
        /// As configured.
        name: String,
    },
    /// The system refuses.
    #[error("{address}: {problem}")]
    Io {
        /// The socket.
        address: String,
        /// What failed.
        problem: String,
    },
}

impl ListenError {
    /// A refusal of the system.
    pub fn io(address: String, problem: &str, error: &io::Error) -> Self {
        Self::Io { address, problem: format!("{problem}: {error}") }
    }
}

/// A socket file of ours, removed at the end unless another has taken its place.
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    /// Where it is, or was.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is no file any more.
    pub fn is_gone(&self) -> bool {
        fs::symlink_metadata(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Who may use a unix socket.
pub struct Access<'a> {
    /// The table of settings that these are of, for errors: `milter`.
    pub section: &'static str,
    /// The setting that names the socket, for errors.
    pub setting: &'static str,
    /// Permission bits.
    pub mode: u32,
    /// User name.
    pub owner: Option<&'a str>,
    /// Group name.
    pub group: Option<&'a str>,
}

/// Listens on a unix socket. A stale file is replaced; a live one is an error.
///
/// # Errors
/// If the socket can't be had.
pub fn bind_unix(path: &Path, access: &Access<'_>) -> Result<(UnixListener, SocketFile), ListenError> {
    let address = format!("unix:{}", path.display());
    let setting = access.setting;
    let failed = |problem: &str, error: &io::Error| ListenError::io(address.clone(), problem, error);
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(ListenError::NotASocket { address, setting }),
        // A stale socket file refuses connections; a live one takes them, or has a full queue.
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(_) | Err(_) => return Err(ListenError::InUse { address, setting }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("can't be looked at", &error)),
    }
    let (owner, group) = (user_id(access)?, group_id(access)?);
    // Made under another name and then renamed, the socket has its permissions from the first moment, and a stale
    // file is replaced in one step.
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let made = || -> io::Result<(UnixListener, u64)> {
        let _ = fs::remove_file(&temporary);
        let socket = UnixListener::bind(&temporary)?;
        chown(&temporary, owner, group)?;
        fs::set_permissions(&temporary, fs::Permissions::from_mode(access.mode))?;
        let inode = fs::symlink_metadata(&temporary)?.ino();
        fs::rename(&temporary, path)?;
        Ok((socket, inode))
    };
    let (socket, inode) = made().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed("can't be made (does its folder exist, and may this user write there?)", &error)
    })?;
    Ok((socket, SocketFile { path: path.to_owned(), inode }))
}

fn user_id(access: &Access<'_>) -> Result<Option<u32>, ListenError> {
    let Some(name) = access.owner else { return Ok(None) };
    match nix::unistd::User::from_name(name) {
        Ok(Some(user)) => Ok(Some(user.uid.as_raw())),
        _ => Err(no_such(access, "owner", "user", name)),
    }
}

fn group_id(access: &Access<'_>) -> Result<Option<u32>, ListenError> {
    let Some(name) = access.group else { return Ok(None) };
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(Some(group.gid.as_raw())),
        _ => Err(no_such(access, "group", "group", name)),
    }
}

fn no_such(access: &Access<'_>, suffix: &str, what: &'static str, name: &str) -> ListenError {
    ListenError::NoSuchName { setting: format!("{}.socket_{suffix}", access.section), what, name: name.to_owned() }
}
