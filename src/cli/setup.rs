//! `setup`: the mail server's part of the work.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::settings;
use crate::{config::Sources, postfix::Postfix};

#[derive(Debug, Subcommand)]
pub enum Setup {
    /// Put the daemon into Postfix's list of milters (smtpd_milters), or take it out
    Postfix(PostfixArgs),
}

/// Without an option it shows what it would change, and changes nothing. Other milters stay in the list, in their order. MAIL_CONFIG in the
/// environment names the folder of another Postfix.
#[derive(Args, Debug)]
pub struct PostfixArgs {
    /// Change main.cf (through postconf), and have a running Postfix read it
    #[arg(long, conflicts_with = "undo")]
    apply: bool,
    /// Take the daemon out of the list
    #[arg(long)]
    undo: bool,
}

impl Setup {
    /// # Errors
    /// If Postfix is not there, refuses, or could not reach the daemon.
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let Self::Postfix(arguments) = self;
        let postfix = Postfix::ask(&settings(sources)?.milter.listen)?;
        let set_up = postfix.is_set_up();
        if set_up != arguments.undo {
            say!("{}\nnothing to change", postfix.line());
            return Ok(ExitCode::SUCCESS);
        }
        let change = if arguments.undo { postfix.without_daemon() } else { postfix.with_daemon()? };
        say!("- {}\n+ {}", postfix.line(), change.line());
        for service in &postfix.services_apart {
            say!("{service} in master.cf has smtpd_milters of its own, which stays as it is");
        }
        if arguments.undo || arguments.apply {
            if arguments.apply {
                postfix.reaches_daemon()?;
            }
            let runs = change.apply()?;
            say!(
                "{}",
                if runs { "main.cf is changed, and Postfix has read it" } else { "main.cf is changed; Postfix does not run" }
            );
        } else {
            if let Err(problem) = postfix.reaches_daemon() {
                say!("but {problem}");
            }
            say!("to change main.cf so: imagespam-milter setup postfix --apply");
        }
        Ok(ExitCode::SUCCESS)
    }
}
