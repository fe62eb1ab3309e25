//! What keeps the daemon itself from harm to others where no unit of systemd's does: it reads as its user may, and writes only where it
//! has to (landlock(7)). The processes that open messages are shut in further (`inspect`).

use std::path::{Path, PathBuf};

use landlock::{ABI, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules};

use crate::config::{ListenAddress, Settings, StoreAddress};

/// The newest rights of the kernel's that are taken away: devices' ioctl, and signals to others (Linux 6.12). An older kernel takes what it knows.
const RIGHTS: ABI = ABI::V6;
/// Sinks, graphics cards and shared memory; names of threads.
const SYSTEM: [&str; 2] = ["/dev", "/proc/self"];

/// Confines the calling thread and all that it starts from now on, for good: to be called before there are others. Whether the kernel can.
///
/// # Errors
/// If the kernel refuses.
pub fn confine(folders: &[PathBuf]) -> Result<bool, RulesetError> {
    let write = AccessFs::from_write(RIGHTS);
    let rules = Ruleset::default().handle_access(write)?.scope(Scope::Signal)?.create()?;
    let status = rules.add_rules(path_beneath_rules(folders, write))?.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Folders in which the daemon of these settings writes: those of its sockets, its store and the store's key, and temporary ones.
pub fn folders(settings: &Settings) -> Vec<PathBuf> {
    let sockets = settings.milter.listen.iter().filter_map(ListenAddress::path);
    let store = match &settings.feedback.store {
        Some(StoreAddress::Sqlite(path)) => vec![path.as_path(), &settings.feedback.key],
        Some(StoreAddress::Postgres(_)) => vec![settings.feedback.key.as_path()],
        None => Vec::new(),
    };
    let files = sockets.chain(settings.api.socket.as_deref()).chain(store);
    let folders = files.filter_map(Path::parent).map(Path::to_owned);
    folders.chain([std::env::temp_dir()]).chain(SYSTEM.map(PathBuf::from)).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, io, thread};

    use super::confine;

    #[test]
    fn what_is_confined_reads_everywhere_and_writes_only_in_its_folders() {
        let (ours, others) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        fs::write(others.path().join("read"), "me").expect("file");
        let (inside, outside) = (ours.path().to_owned(), others.path().to_owned());
        // The kernel confines the thread.
        let confined = thread::spawn(move || {
            if !confine(std::slice::from_ref(&inside)).expect("landlock") {
                eprintln!("skipped: this kernel has no landlock");
                return;
            }
            fs::write(inside.join("file"), "ours").expect("inside");
            std::os::unix::net::UnixListener::bind(inside.join("socket")).expect("inside");
            assert_eq!(fs::read_to_string(outside.join("read")).expect("reads"), "me");
            let refused = [
                fs::write(outside.join("read"), "x"),
                fs::write(outside.join("new"), "x"),
                fs::remove_file(outside.join("read")),
            ];
            for result in refused {
                assert_eq!(result.expect_err("outside").kind(), io::ErrorKind::PermissionDenied);
            }
            // What it starts is confined with it.
            let touched = std::process::Command::new("touch").arg(outside.join("new")).output().expect("touch");
            assert!(!touched.status.success());
        });
        confined.join().expect("thread");
    }
}
