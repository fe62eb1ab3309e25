//! Postfix's list of milters (`smtpd_milters`), read and changed through postconf(1). `MAIL_CONFIG` names another instance, as for all of
//! Postfix's commands.

use std::{
    io,
    net::{IpAddr, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
};

use crate::config::ListenAddress;

/// Where packages put the socket for a chrooted smtpd, under Postfix's queue directory.
const IN_QUEUE: &str = "imagespam-milter/milter.sock";
/// The default of `milter.listen`, and the socket unit's.
const IN_RUN: &str = "/run/imagespam-milter/milter.sock";
/// Where Postfix's commands are.
const PATH: &str = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/sbin:/bin";
const PARAMETER: &str = "smtpd_milters";

/// Why Postfix can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum PostfixError {
    /// A command is not there.
    #[error("can't run {0}: {1} (install what it belongs to: Postfix, or util-linux)")]
    Missing(&'static str, io::Error),
    /// A command of Postfix's failed.
    #[error("{command}: {problem}")]
    Failed {
        /// With its arguments.
        command: String,
        /// What it said.
        problem: String,
    },
    /// No socket of the daemon's is one that smtpd can see.
    #[error(
        "smtpd runs in a chroot, {queue}, in which it can't see {listen}; add \"inet:127.0.0.1:8894\" or a unix socket under {queue} to \
         milter.listen"
    )]
    OutOfReach {
        /// `queue_directory`.
        queue: String,
        /// `milter.listen`.
        listen: String,
    },
    /// The daemon is not there.
    #[error("no daemon answers on {0}: start it first, or mail would go unjudged")]
    Silent(String),
    /// The socket's permissions keep Postfix out.
    #[error(
        "Postfix's user {user} may not write to {socket}; add it to the socket's group: usermod --append --groups {group} {user}"
    )]
    NotAllowed {
        /// `mail_owner`.
        user: String,
        /// The socket.
        socket: String,
        /// Its group.
        group: String,
    },
}

/// What one instance of Postfix says of itself, and where it finds the daemon.
pub struct Postfix {
    queue: PathBuf,
    owner: String,
    /// Whether an smtpd may run in the chroot.
    chrooted: bool,
    /// `smtpd_milters` of main.cf, entry by entry as written.
    milters: Vec<String>,
    /// Services of master.cf with an `smtpd_milters` of their own: `submission/inet`.
    pub services_apart: Vec<String>,
    listen: Vec<ListenAddress>,
}

impl Postfix {
    /// Asks Postfix; `listen` is `milter.listen`.
    ///
    /// # Errors
    /// Without Postfix, or if its configuration can't be read.
    pub fn ask(listen: &[ListenAddress]) -> Result<Self, PostfixError> {
        let value = |name: &str| Ok::<_, PostfixError>(command("postconf", &["-xh", name])?.trim().to_owned());
        let smtpd = |line: &&str| line.split_whitespace().nth(7) == Some("smtpd");
        let services = command("postconf", &["-M"])?;
        let apart = command("postconf", &["-P", &format!("*/*/{PARAMETER}")])?;
        Ok(Self {
            queue: value("queue_directory")?.into(),
            owner: value("mail_owner")?,
            // "-" is Postfix's default, which depends on its compatibility level.
            chrooted: services.lines().filter(smtpd).any(|line| line.split_whitespace().nth(4) != Some("n")),
            // Without -x, for a list may name other parameters.
            milters: entries(command("postconf", &["-h", PARAMETER])?.trim()),
            services_apart: apart
                .lines()
                .filter_map(|line| line.split_once(&format!("/{PARAMETER}")))
                .map(|(name, _)| name.to_owned())
                .collect(),
            listen: listen.to_vec(),
        })
    }

    /// The line of main.cf as it is.
    pub fn line(&self) -> String {
        line(&self.milters)
    }

    /// Whether the daemon is in the list.
    pub fn is_set_up(&self) -> bool {
        self.milters.iter().any(|entry| self.is_ours(entry))
    }

    /// The list with the daemon as its last: what stands before it stays, in its order. While the daemon is down, mail flows unjudged.
    ///
    /// # Errors
    /// If there is no socket that Postfix could reach.
    pub fn with_daemon(&self) -> Result<Change, PostfixError> {
        let address = self.address()?;
        let mut milters = self.milters.clone();
        milters.push(format!("{{ {address}, default_action=accept }}"));
        Ok(Change(milters))
    }

    /// The list without the daemon.
    pub fn without_daemon(&self) -> Change {
        Change(self.milters.iter().filter(|entry| !self.is_ours(entry)).cloned().collect())
    }

    /// Tries whether the daemon answers where this Postfix would look for it and, as root, whether it lets Postfix's user in.
    ///
    /// # Errors
    /// If Postfix could not reach the daemon.
    pub fn reaches_daemon(&self) -> Result<(), PostfixError> {
        let address = self.address()?;
        let Some(socket) = self.path_of(&address) else {
            let there = address.strip_prefix("inet:").is_some_and(|address| TcpStream::connect(address).is_ok());
            return if there { Ok(()) } else { Err(PostfixError::Silent(address)) };
        };
        UnixStream::connect(&socket).map_err(|_| PostfixError::Silent(format!("unix:{}", socket.display())))?;
        if !nix::unistd::geteuid().is_root() {
            return Ok(());
        }
        // Asked of the kernel, with the groups that Postfix's processes have.
        let user = &self.owner;
        let mut test = Command::new("setpriv");
        let own_group = nix::unistd::User::from_name(user).ok().flatten().map_or(0, |user| user.gid.as_raw()).to_string();
        test.args(["--reuid", user, "--regid", &own_group, "--init-groups", "test", "-w"]).arg(&socket);
        let status = test.status().map_err(|error| PostfixError::Missing("setpriv", error))?;
        if status.success() {
            return Ok(());
        }
        let group = std::fs::metadata(&socket).ok().map(|metadata| std::os::unix::fs::MetadataExt::gid(&metadata));
        let group = group
            .and_then(|id| nix::unistd::Group::from_gid(id.into()).ok().flatten())
            .map_or_else(String::new, |group| group.name);
        Err(PostfixError::NotAllowed { user: user.clone(), socket: socket.display().to_string(), group })
    }

    /// Where this Postfix finds the daemon, in its own notation.
    fn address(&self) -> Result<String, PostfixError> {
        let in_queue = self.queue.join(IN_QUEUE);
        let unix = self.listen.iter().filter_map(ListenAddress::path);
        // The socket unit's are in no setting.
        let unix: Vec<&Path> = Some(in_queue.as_path()).filter(|path| path.exists()).into_iter().chain(unix).collect();
        let relative = unix.iter().find_map(|path| path.strip_prefix(&self.queue).ok());
        let absolute = || unix.first().filter(|_| !self.chrooted);
        let inet = || self.listen.iter().find_map(inet_address);
        let found = relative.map(|path| format!("unix:{}", path.display()));
        let found = found.or_else(|| absolute().map(|path| format!("unix:{}", path.display()))).or_else(inet);
        found.ok_or_else(|| PostfixError::OutOfReach {
            queue: self.queue.display().to_string(),
            listen: self.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
        })
    }

    /// The file of a unix socket in Postfix's notation.
    fn path_of(&self, address: &str) -> Option<PathBuf> {
        address.strip_prefix("unix:").map(|path| self.queue.join(path))
    }

    fn is_ours(&self, entry: &str) -> bool {
        let address = entry.trim_start_matches('{').trim_start().split([',', '}']).next().unwrap_or_default();
        let address = address.split_whitespace().next().unwrap_or_default();
        match self.path_of(address) {
            Some(path) => {
                let mut set = self.listen.iter().filter_map(ListenAddress::path);
                path == self.queue.join(IN_QUEUE) || path == Path::new(IN_RUN) || set.any(|set| set == path)
            }
            None => self.listen.iter().filter_map(inet_address).any(|ours| ours == address),
        }
    }
}

/// A new list of milters.
pub struct Change(Vec<String>);

impl Change {
    /// The line of main.cf as it would be.
    pub fn line(&self) -> String {
        line(&self.0)
    }

    /// Writes the line to main.cf, and has a running Postfix read it; whether one runs.
    ///
    /// # Errors
    /// If Postfix refuses.
    pub fn apply(&self) -> Result<bool, PostfixError> {
        if self.0.is_empty() {
            command("postconf", &["-X", PARAMETER])?;
        } else {
            command("postconf", &["-e", &self.line()])?;
        }
        let runs = command("postfix", &["status"]).is_ok();
        if runs {
            command("postfix", &["reload"])?;
        }
        Ok(runs)
    }
}

fn line(milters: &[String]) -> String {
    format!("{PARAMETER} = {}", milters.join(", ")).trim_end().to_owned()
}

/// A socket of TCP in Postfix's notation; a wildcard is reached on loopback.
fn inet_address(listen: &ListenAddress) -> Option<String> {
    let ListenAddress::Inet { host, port, .. } = listen else { return None };
    Some(match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => format!("inet:127.0.0.1:{port}"),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => format!("inet:[::1]:{port}"),
        Ok(IpAddr::V6(address)) => format!("inet:[{address}]:{port}"),
        _ => format!("inet:{host}:{port}"),
    })
}

/// Entries of a list of postconf(5): separated by commas or white space, which stand for themselves within braces.
fn entries(list: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let parts = list.split(|character: char| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (character == ',' || character.is_ascii_whitespace())
    });
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// What one of Postfix's commands prints.
fn command(name: &'static str, arguments: &[&str]) -> Result<String, PostfixError> {
    let output =
        Command::new(name).env("PATH", PATH).args(arguments).output().map_err(|error| PostfixError::Missing(name, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let problem = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(PostfixError::Failed { command: format!("{name} {}", arguments.join(" ")), problem })
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn a_list_is_taken_apart_at_commas_and_white_space_outside_of_braces() {
        let list = "inet:127.0.0.1:8891,unix:a  { unix:b, default_action=accept, x={1, 2} }, $more";
        assert_eq!(entries(list), ["inet:127.0.0.1:8891", "unix:a", "{ unix:b, default_action=accept, x={1, 2} }", "$more"]);
        assert!(entries("").is_empty());
    }
}
