//! The worker process: shuts itself in, and inspects one thing after the other until its socket is closed.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    sync::{Arc, atomic::AtomicBool},
};

use nix::unistd::alarm;

use super::{
    Event, Request, Task,
    look::{Listener, look},
    protocol::{Again, End, Step, read, write},
    sandbox,
};

/// Bytes of a task or request; they come from the daemon.
const LONGEST: usize = 1 << 20;
/// A worker whose daemon was killed in the middle of a step ends by itself after this and the step's time, in seconds.
const ORPHAN: u64 = 60;

/// Serves the daemon at standard input, a socket, whose other direction is standard output.
///
/// # Errors
/// If the daemon says what it must not.
pub fn run() -> io::Result<()> {
    // Signals to the whole service are the daemon's to act on: messages under way shall end.
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    // A panic is told in the picture's report, or by the end of this process.
    std::panic::set_hook(Box::new(|_| {}));
    let mut input = io::stdin().lock();
    // Not by `io::stdout`, which would go through the pixels line by line.
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let task: Task = read(&mut input, LONGEST)?;
    write(&mut output, &Event::Ready(sandbox::enter(task.limits.worker_memory).err()))?;
    loop {
        alarm::cancel();
        let request: Request = match read(&mut input, LONGEST) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            request => request?,
        };
        let mut bytes = Vec::new();
        let length = usize::try_from(request.length).map_err(io::Error::other)?;
        bytes.try_reserve_exact(length).map_err(io::Error::other)?;
        input.by_ref().take(request.length).read_to_end(&mut bytes)?;
        let seconds = u32::try_from(task.limits.picture_time.as_secs() + ORPHAN).unwrap_or(u32::MAX);
        look(&task, &request, &bytes, &mut Line { input: &mut input, output: &mut output, seconds })?;
    }
}

/// The daemon, as a step of the work sees it.
struct Line<'a, R, W> {
    input: &'a mut R,
    output: &'a mut W,
    /// For a step.
    seconds: u32,
}

impl<R: Read, W: Write> Listener for Line<'_, R, W> {
    fn tell(&mut self, event: Event) -> io::Result<()> {
        if matches!(event, Event::Begin(_)) {
            alarm::set(self.seconds);
        }
        write(self.output, &event)
    }

    fn known(&mut self, step: Step, sha256: [u8; 32], room: usize, last: Option<End>) -> io::Result<Again> {
        alarm::set(self.seconds);
        write(self.output, &Event::File { step, sha256, room, last })?;
        read(self.input, LONGEST)
    }
}
