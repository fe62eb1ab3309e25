//! The daemon's side: worker processes, taken when there is something to inspect and given back after it. One that fails or
//! is late is ended, another goes on behind the step it failed in.

use std::{
    io::{self, BufReader, IoSlice, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use metrics::counter;

use super::{
    Audience, Event, Kind, Look, Request, Seen, Task,
    protocol::{Again, End, Step, frame, read, write},
};

/// This very program, also after a newer one has taken its place on disk.
const PROGRAM: &str = "/proc/self/exe";
/// For a process to start and shut itself in, on a machine under load.
const START_TIME: Duration = Duration::from_secs(10);
/// What a worker's allocator (glibc's) is told: to give the memory of a large picture back when it is done with, instead of keeping
/// up to 64 MiB for the next. What is smaller stays, for the next picture is of that size.
const ALLOCATOR: [(&str, &str); 2] = [("MALLOC_MMAP_THRESHOLD_", "4194304"), ("MALLOC_TRIM_THRESHOLD_", "16777216")];
/// Workers that one message may cost.
const MOST_DEAD: usize = 10;

/// Why there are no workers.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The system refuses.
    #[error(
        "can't start a process to open messages in ({PROGRAM} worker): {0}; is /proc mounted, and limits.worker_memory large enough?"
    )]
    Start(io::Error),
}

/// Workers, and what they are told at their start.
pub struct Pool {
    task: Task,
    idle: Mutex<Vec<Process>>,
    longest: usize,
}

/// How an inspection ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Names of the limits that cut something off.
    pub incomplete: Vec<String>,
    /// The message was refused for its structure, by the last of [`Report::incomplete`].
    pub refused: bool,
    /// The deadline passed before the end.
    pub late: bool,
    /// There is no worker; the log tells more.
    pub failed: bool,
    /// Pictures that a reader's program would have to fetch.
    pub linked: u64,
}

/// What became of one worker's try.
enum Try {
    Ended(Report),
    Late,
    /// Before it told of anything: what was asked is not to blame.
    Gone,
    Died {
        step: Step,
        over_time: bool,
        how: String,
    },
}

impl Pool {
    /// Starts a first worker, to see that it can be done.
    ///
    /// # Errors
    /// If it can't.
    pub fn new(task: Task) -> Result<Self, WorkerError> {
        // What a worker may say at once: the views of a picture, names and codes.
        let views: usize = task.views.iter().map(|(width, height)| *width as usize * *height as usize * 3).sum();
        let pool = Self { task, idle: Mutex::new(Vec::new()), longest: views + (1 << 20) };
        let first = pool.start()?;
        if let Some(problem) = &first.unconfined {
            tracing::warn!("processes that open messages can't be shut in as they should ({problem}); they run all the same");
        }
        pool.give_back(first);
        Ok(pool)
    }

    /// Inspects what is in these pieces, one behind the other, for `audience`.
    pub fn inspect(&self, kind: Kind, pieces: &[&[u8]], deadline: Instant, audience: &mut dyn Audience) -> Report {
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        let mut request = Request { kind, length, dead: Vec::new(), from: 0 };
        let mut cut = Vec::new();
        let mut gone = 0;
        let mut report = loop {
            let process = match self.take() {
                Ok(process) => process,
                Err(error) => {
                    tracing::error!("{error}");
                    break Report { failed: true, ..Report::default() };
                }
            };
            match self.attempt(process, &request, pieces, deadline, &mut cut, audience) {
                Try::Ended(report) => break report,
                Try::Late => break Report { late: true, ..Report::default() },
                // Ended from outside, or so short of memory that it can't take the message in.
                Try::Gone if gone < MOST_DEAD => gone += 1,
                Try::Gone => {
                    tracing::error!(
                        "processes to open messages in end as soon as they have one; is limits.worker_memory large enough?"
                    );
                    break Report { failed: true, ..Report::default() };
                }
                Try::Died { step: Step { number, name, container, .. }, over_time, how } => {
                    counter!("imagespam_milter_worker_deaths_total").increment(1);
                    tracing::debug!("a worker was ended at {name:?}: {how}");
                    let limit = if over_time { "picture_time" } else { "worker_memory" };
                    cut.push(limit.to_owned());
                    audience.seen(Seen::bare(name, Look::OverLimit(how)));
                    request.dead.push(number);
                    request.from = if container { 0 } else { number };
                    if request.dead.len() == MOST_DEAD {
                        break Report::default();
                    }
                }
            }
        };
        for limit in cut {
            if !report.incomplete.contains(&limit) {
                report.incomplete.push(limit);
            }
        }
        report
    }

    fn attempt(
        &self,
        mut process: Process,
        request: &Request,
        pieces: &[&[u8]],
        deadline: Instant,
        cut: &mut Vec<String>,
        audience: &mut dyn Audience,
    ) -> Try {
        let mut at = None;
        let died = |at: Option<Step>, over_time, how: String| at.map_or(Try::Gone, |step| Try::Died { step, over_time, how });
        if process.ask(request, pieces, deadline).is_err() {
            return if Instant::now() >= deadline { Try::Late } else { Try::Gone };
        }
        let mut step_ends = Instant::now() + self.task.limits.picture_time;
        loop {
            if audience.gone() {
                return Try::Late;
            }
            process.line.get_mut().ends = step_ends.min(deadline);
            let told = read(&mut process.line, self.longest);
            if let Ok(Event::Begin(step) | Event::File { step, .. }) = &told {
                cut.extend_from_slice(&step.incomplete);
                at = Some(step.clone());
                step_ends = Instant::now() + self.task.limits.picture_time;
            }
            match told {
                Ok(Event::Begin(_)) => {}
                Ok(Event::Seen(seen)) => {
                    audience.seen(seen);
                    // The net's time is not the worker's; the next frame of an animation is a new picture.
                    step_ends = Instant::now() + self.task.limits.picture_time;
                }
                Ok(Event::Codes(codes)) => audience.codes(codes),
                Ok(Event::File { step, sha256, room, last }) => {
                    let again: Again = audience.again(&sha256, &step.name, room);
                    // One that has gone meanwhile is seen at the next read, or when it is asked the next time.
                    let _ = write(process.line.get_mut(), &again);
                    if let Some(end) = last.filter(|_| again.is_some()) {
                        return self.ended(process, end);
                    }
                }
                Ok(Event::Whole(sha256)) => audience.whole(sha256),
                Ok(Event::End(end)) => return self.ended(process, end),
                Ok(Event::Refused(setting)) => {
                    self.give_back(process);
                    return Try::Ended(Report { incomplete: vec![setting], refused: true, ..Report::default() });
                }
                Ok(Event::Ready(_)) => return died(at, false, "a worker said what it must not".to_owned()),
                Err(_) if Instant::now() >= deadline => return Try::Late,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    let limit = humantime::format_duration(self.task.limits.picture_time);
                    return died(at, true, format!("took longer than limits.picture_time ({limit})"));
                }
                Err(_) => {
                    let how = process.end();
                    return died(at, false, how);
                }
            }
        }
    }

    fn ended(&self, process: Process, End { incomplete, linked }: End) -> Try {
        self.give_back(process);
        Try::Ended(Report { incomplete, linked, ..Report::default() })
    }

    fn take(&self) -> Result<Process, WorkerError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // One that was ended from outside while it waited is replaced.
        let alive = idle.and_then(|mut process| process.child.try_wait().is_ok_and(|status| status.is_none()).then_some(process));
        alive.map_or_else(|| self.start(), Ok)
    }

    fn give_back(&self, process: Process) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }

    fn start(&self) -> Result<Process, WorkerError> {
        let failed = WorkerError::Start;
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let input = OwnedFd::from(theirs);
        let output = input.try_clone().map_err(failed)?;
        let child = Command::new(PROGRAM)
            .arg("worker")
            .env_clear()
            .envs(ALLOCATOR)
            .current_dir("/")
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(output))
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let line = BufReader::new(Line { socket: ours, ends: Instant::now() + START_TIME });
        let mut process = Process { child, line, unconfined: None };
        write(process.line.get_mut(), &self.task).map_err(failed)?;
        match read(&mut process.line, self.longest).map_err(failed)? {
            Event::Ready(unconfined) => process.unconfined = unconfined,
            _ => return Err(failed(io::Error::other("it says something else"))),
        }
        Ok(process)
    }
}

/// A worker. Ended when dropped.
struct Process {
    child: Child,
    line: BufReader<Line>,
    unconfined: Option<String>,
}

/// The daemon's end of a worker's socket.
struct Line {
    socket: UnixStream,
    /// Until when reads and writes wait.
    ends: Instant,
}

impl Line {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.ends.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Process {
    fn ask(&mut self, request: &Request, pieces: &[&[u8]], deadline: Instant) -> io::Result<()> {
        let line = self.line.get_mut();
        line.ends = deadline;
        let request = frame(request)?;
        let slices = [request.as_slice()].into_iter().chain(pieces.iter().copied()).filter(|piece| !piece.is_empty());
        // As few writes as can be: each may wake the worker.
        let mut slices: Vec<IoSlice<'_>> = slices.map(IoSlice::new).collect();
        let mut left = slices.as_mut_slice();
        while !left.is_empty() {
            match line.write_vectored(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => IoSlice::advance_slices(&mut left, sent),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends it, and says how it had ended.
    fn end(&mut self) -> String {
        // Its end of the socket is closed by its death, which may take a moment to be seen.
        for _ in 0..100 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return match status.signal() {
                    Some(libc::SIGABRT) => "took more memory than limits.worker_memory allows".to_owned(),
                    Some(signal) => format!("ended its process by signal {signal}"),
                    None => "ended its process".to_owned(),
                };
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        "broke off".to_owned()
    }
}

/// A read or write that waited in vain.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(buffer).map_err(timed_out)
    }
}

impl Write for Line {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(buffer).map_err(timed_out)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write_vectored(buffers).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
