//! What keeps a worker from harm to others: no new privileges, limits on memory and files, and system calls that only read
//! from and write to what is open, take memory, and tell the time.

use std::collections::BTreeMap;

use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// System calls that decoding needs. Others fail with EPERM, which ends no worker for a clock or a lock that a later C
/// library reads in another way.
const ALLOWED: [i64; 32] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_close,
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_setitimer,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_alarm,
    #[cfg(not(target_arch = "x86_64"))]
    libc::SYS_setitimer,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Shuts this process in for good.
///
/// # Errors
/// What could not be done; the rest has been.
pub fn enter(memory: u64) -> Result<(), String> {
    let limits = [
        (Resource::RLIMIT_AS, memory),
        // No core file: it would hold the sender's mail.
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, 8),
    ];
    let mut problems: Vec<String> = limits
        .into_iter()
        .filter_map(|(what, limit)| setrlimit(what, limit, limit).err().map(|error| format!("{what:?}: {error}")))
        .collect();
    problems.extend(filter_calls().err().map(|error| format!("seccomp: {error}")));
    if problems.is_empty() { Ok(()) } else { Err(problems.join(", ")) }
}

/// Also sets `no_new_privs`.
fn filter_calls() -> Result<(), String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let rules: BTreeMap<_, _> = ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, denied, SeccompAction::Allow, arch).map_err(|error| error.to_string())?;
    let program = BpfProgram::try_from(filter).map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}
