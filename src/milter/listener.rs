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
    time::{Interval, MissedTickBehavior, Sleep, interval, sleep},
};

use crate::{
    config::{ListenAddress, Milter},
    socket::{Access, ListenError, SocketFile, bind_unix},
};

/// Pause after the system refused to accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often it is looked whether the socket files are still there.
const LOOK_OUT: Duration = Duration::from_secs(1);

type Socket = EitherListener<TcpListener, UnixListener>;

/// Any number of listening sockets as one.
pub struct Listeners {
    sockets: Vec<Socket>,
    /// Where they are, for the log.
    pub addresses: Vec<String>,
    files: Vec<BoundFile>,
    settings: Milter,
    look_out: Interval,
    next: usize,
    stop: Option<oneshot::Receiver<()>>,
    pause: Option<Pin<Box<Sleep>>>,
}

/// The file of a unix socket that is ours.
struct BoundFile {
    /// Which of the sockets.
    socket: usize,
    file: SocketFile,
    /// It is gone, and could not be made anew; that is told once.
    lost: bool,
}

/// Opens the sockets that systemd handed over, or else those of `milter.listen`.
///
/// # Errors
/// If one of them can't be had; none is left open then.
pub async fn bind(settings: &Milter) -> Result<Listeners, ListenError> {
    let mut look_out = interval(LOOK_OUT);
    look_out.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut listeners = Listeners {
        sockets: Vec::new(),
        addresses: Vec::new(),
        files: Vec::new(),
        settings: settings.clone(),
        look_out,
        next: 0,
        stop: None,
        pause: None,
    };
    if listeners.take_from_systemd()? {
        return Ok(listeners);
    }
    for address in &settings.listen {
        match address {
            ListenAddress::Unix(path) => {
                let (socket, file) = listen_on(path, settings)?;
                listeners.files.push(BoundFile { socket: listeners.sockets.len(), file, lost: false });
                listeners.sockets.push(socket);
                listeners.addresses.push(format!("unix:{}", path.display()));
            }
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

    /// Without its file nobody finds a socket any more; it is made anew. What has taken the file's place is left alone.
    fn mend(&mut self) {
        for bound in self.files.iter_mut().filter(|bound| bound.file.is_gone()) {
            match listen_on(bound.file.path(), &self.settings) {
                Ok((socket, file)) => {
                    tracing::warn!("unix:{} was removed, and has been made anew", file.path().display());
                    // In this order: while the old socket is open, no other file gets the number of its inode.
                    (bound.file, bound.lost) = (file, false);
                    self.sockets[bound.socket] = socket;
                }
                Err(error) if !bound.lost => {
                    tracing::error!("{error}; the file was removed, and no mail server finds the daemon there");
                    bound.lost = true;
                }
                Err(_) => {}
            }
        }
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

fn listen_on(path: &Path, settings: &Milter) -> Result<(Socket, SocketFile), ListenError> {
    let (owner, group) = (settings.socket_owner.as_deref(), settings.socket_group.as_deref());
    let access = Access { section: "milter", setting: "milter.listen", mode: settings.socket_mode, owner, group };
    let (socket, file) = bind_unix(path, &access)?;
    Ok((EitherListener::Unix(socket), file))
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
        if self.look_out.poll_tick(context).is_ready() {
            self.mend();
            // Registers the wake-ups of the next tick and of sockets that are new.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
