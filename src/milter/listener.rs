//! The sockets on which mail servers find the daemon.

use std::{
    io,
    net::SocketAddr,
    path::Path,
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

use crate::{
    config::{ListenAddress, Milter},
    socket::{Access, ListenError, SocketFile, bind_unix},
};

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
            ListenAddress::Unix(path) => listeners.bind_unix(path, settings)?,
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
        let failed =
            |number: usize, error: io::Error| ListenError::io(format!("socket {number} of systemd"), "can't be used", &error);
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

    fn bind_unix(&mut self, path: &Path, settings: &Milter) -> Result<(), ListenError> {
        let (owner, group) = (settings.socket_owner.as_deref(), settings.socket_group.as_deref());
        let access = Access { section: "milter", setting: "milter.listen", mode: settings.socket_mode, owner, group };
        let (socket, file) = bind_unix(path, &access)?;
        self.sockets.push(EitherListener::Unix(socket));
        self.addresses.push(format!("unix:{}", path.display()));
        self.files.push(file);
        Ok(())
    }

    async fn bind_inet(&mut self, address: &ListenAddress, host: &str, port: u16, v6: bool) -> Result<(), ListenError> {
        let failed = |problem: &str, error: io::Error| ListenError::io(address.to_string(), problem, &error);
        let found = tokio::net::lookup_host((host, port)).await.map_err(|error| failed("the host name is unknown", error))?;
        let found: Vec<SocketAddr> = found.filter(|found| found.is_ipv6() == v6).collect();
        let socket = TcpListener::bind(found.as_slice()).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address: address.to_string(), setting: "milter.listen" },
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
