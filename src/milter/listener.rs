//! The sockets on which mail servers find the daemon.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use indymilter::{EitherListener, EitherStream, Listener};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::oneshot,
    time::{Sleep, sleep},
};

use crate::config::{ListenAddress, Milter};

/// Why a socket can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process answers on it.
    #[error("{0}: another process listens there; stop it, or change milter.listen")]
    InUse(ListenAddress),
    /// Something other than a socket is in the way.
    #[error("{0}: the path exists and is not a socket; remove it, or change milter.listen")]
    NotASocket(ListenAddress),
    /// No such user or group.
    #[error("milter.{setting}: there is no {what} \"{name}\" on this system")]
    NoSuchName {
        /// The setting.
        setting: &'static str,
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

/// Pause after the system refused to accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type Socket = EitherListener<TcpListener, UnixListener>;

/// Any number of listening sockets as one.
pub struct Listeners {
    sockets: Vec<Socket>,
    /// Where they are, for the log.
    pub addresses: Vec<String>,
    files: Vec<SocketFile>,
    next: usize,
    stop: Option<oneshot::Receiver<()>>,
    pause: Option<Pin<Box<Sleep>>>,
}

/// A socket file of ours, removed at the end unless another has taken its place.
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the sockets that systemd handed over, or else those of `milter.listen`.
///
/// # Errors
/// If one of them can't be had; none is left open then.
pub async fn bind(settings: &Milter) -> Result<Listeners, ListenError> {
    let mut listeners =
        Listeners { sockets: Vec::new(), addresses: Vec::new(), files: Vec::new(), next: 0, stop: None, pause: None };
    if listeners.take_from_systemd()? {
        return Ok(listeners);
    }
    for address in &settings.listen {
        match address {
            ListenAddress::Unix(path) => listeners.bind_unix(address, path, settings)?,
            ListenAddress::Inet { host, port, v6 } => listeners.bind_inet(address, host, *port, *v6).await?,
        }
    }
    Ok(listeners)
}

impl Listeners {
    /// From the moment `stopped` completes, nothing is accepted and the sockets are closed.
    pub fn stop_on(&mut self, stopped: oneshot::Receiver<()>) {
        self.stop = Some(stopped);
    }

    fn take_from_systemd(&mut self) -> Result<bool, ListenError> {
        let mut handed = listenfd::ListenFd::from_env();
        let failed = |number: usize, error: io::Error| io_error(format!("socket {number} of systemd"), "can't be used", error);
        for number in 0..handed.len() {
            let (socket, address) = match handed.take_unix_listener(number) {
                Ok(Some(socket)) => {
                    socket.set_nonblocking(true).map_err(|error| failed(number, error))?;
                    let socket = UnixListener::from_std(socket).map_err(|error| failed(number, error))?;
                    let path = socket.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned));
                    (EitherListener::Unix(socket), format!("unix:{}", path.unwrap_or_default().display()))
                }
                _ => {
                    let socket = handed.take_tcp_listener(number).map_err(|error| failed(number, error))?;
                    let Some(socket) = socket else { continue };
                    socket.set_nonblocking(true).map_err(|error| failed(number, error))?;
                    let socket = TcpListener::from_std(socket).map_err(|error| failed(number, error))?;
                    let address = socket.local_addr().map_err(|error| failed(number, error))?;
                    (EitherListener::Tcp(socket), inet(address))
                }
            };
            self.sockets.push(socket);
            self.addresses.push(format!("{address} (from systemd)"));
        }
        Ok(!self.sockets.is_empty())
    }

    fn bind_unix(&mut self, address: &ListenAddress, path: &Path, settings: &Milter) -> Result<(), ListenError> {
        let failed = |problem: &str, error: io::Error| io_error(address.to_string(), problem, error);
        match fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.file_type().is_socket() => return Err(ListenError::NotASocket(address.clone())),
            // A stale socket file refuses connections; a live one takes them, or has a full queue.
            Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(_) | Err(_) => return Err(ListenError::InUse(address.clone())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("can't be looked at", error)),
        }
        let (owner, group) = (user_id(settings)?, group_id(settings)?);
        // Made under another name and then renamed, the socket has its permissions from the first moment, and a stale
        // file is replaced in one step.
        let temporary = path.with_extension(format!("{}.new", std::process::id()));
        let made = || -> io::Result<(UnixListener, u64)> {
            let _ = fs::remove_file(&temporary);
            let socket = UnixListener::bind(&temporary)?;
            chown(&temporary, owner, group)?;
            fs::set_permissions(&temporary, fs::Permissions::from_mode(settings.socket_mode))?;
            let inode = fs::symlink_metadata(&temporary)?.ino();
            fs::rename(&temporary, path)?;
            Ok((socket, inode))
        };
        let (socket, inode) = made().map_err(|error| {
            let _ = fs::remove_file(&temporary);
            failed("can't be made (does its folder exist, and may this user write there?)", error)
        })?;
        self.sockets.push(EitherListener::Unix(socket));
        self.addresses.push(address.to_string());
        self.files.push(SocketFile { path: path.to_owned(), inode });
        Ok(())
    }

    async fn bind_inet(&mut self, address: &ListenAddress, host: &str, port: u16, v6: bool) -> Result<(), ListenError> {
        let failed = |problem: &str, error: io::Error| io_error(address.to_string(), problem, error);
        let found = tokio::net::lookup_host((host, port)).await.map_err(|error| failed("the host name is unknown", error))?;
        let found: Vec<SocketAddr> = found.filter(|found| found.is_ipv6() == v6).collect();
        let socket = TcpListener::bind(found.as_slice()).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address.clone()),
            _ => failed("can't be listened on", error),
        })?;
        self.addresses.push(inet(socket.local_addr().map_err(|error| failed("has no address", error))?));
        self.sockets.push(EitherListener::Tcp(socket));
        Ok(())
    }
}

fn inet(address: SocketAddr) -> String {
    ListenAddress::Inet { host: address.ip().to_string(), port: address.port(), v6: address.is_ipv6() }.to_string()
}

fn io_error(address: String, problem: &str, error: io::Error) -> ListenError {
    ListenError::Io { address, problem: format!("{problem}: {error}") }
}

fn user_id(settings: &Milter) -> Result<Option<u32>, ListenError> {
    let Some(name) = &settings.socket_owner else { return Ok(None) };
    match nix::unistd::User::from_name(name) {
        Ok(Some(user)) => Ok(Some(user.uid.as_raw())),
        _ => Err(ListenError::NoSuchName { setting: "socket_owner", what: "user", name: name.clone() }),
    }
}

fn group_id(settings: &Milter) -> Result<Option<u32>, ListenError> {
    let Some(name) = &settings.socket_group else { return Ok(None) };
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(Some(group.gid.as_raw())),
        _ => Err(ListenError::NoSuchName { setting: "socket_group", what: "group", name: name.clone() }),
    }
}

impl Listener for Listeners {
    type Io = EitherStream<TcpStream, UnixStream>;

    /// Never fails: an error here would end the daemon, and a full table of file descriptors passes.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Self::Io>> {
        if self.stop.as_mut().is_some_and(|stop| Pin::new(stop).poll(context).is_ready()) {
            self.stop = None;
            self.sockets.clear();
            self.files.clear();
        }
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        for _ in 0..self.sockets.len() {
            self.next = (self.next + 1) % self.sockets.len();
            match self.sockets[self.next].poll_accept(context) {
                Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                Poll::Ready(Err(error)) => {
                    tracing::warn!("can't accept a connection, trying again: {error}");
                    let mut pause = Box::pin(sleep(ACCEPT_PAUSE));
                    // Registers the wake-up; a fresh sleep is never over at once.
                    let _ = pause.as_mut().poll(context);
                    self.pause = Some(pause);
                    return Poll::Pending;
                }
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }
}
