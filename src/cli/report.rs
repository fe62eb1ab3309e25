//! `report`: a user's reaction to the pictures of a message.

use std::{
    io::{IsTerminal, Read},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use tokio::sync::watch;

use super::{block_on, load_judge, settings};
use crate::{
    api::{self, Kind, ReportError, Reporter},
    config::{Settings, Sources},
    feedback::{Key, Recorded, Store},
    verdict::Scheduler,
};

#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("reaction").required(true)))]
pub struct Report {
    /// The user says that it is spam
    #[arg(long, group = "reaction")]
    spam: bool,
    /// The user says that it is not spam
    #[arg(long, group = "reaction")]
    ham: bool,
    /// The user says that it is an advertisement
    #[arg(long, group = "reaction")]
    ad: bool,
    /// The user says that it is not an advertisement
    #[arg(long, group = "reaction")]
    not_ad: bool,
    /// Who says so, as the mail server knows him; kept as a keyed digest only
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Take this reaction back
    #[arg(long)]
    undo: bool,
}

impl Report {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let settings = settings(sources)?;
        if std::io::stdin().is_terminal() {
            eprintln!("imagespam-milter: reading the message from the terminal; end it with Ctrl-D");
        }
        let longest = settings.limits.message_bytes;
        let mut message = Vec::new();
        std::io::stdin().take(longest as u64 + 1).read_to_end(&mut message).context("standard input can't be read")?;
        if message.len() > longest {
            return Err(ReportError::TooLarge(longest).into());
        }
        let recorded = block_on(self.hand_over(&settings, message))?;
        let (did, done) = if self.undo { ("taken back", "removed") } else { ("recorded", "new") };
        match recorded.pictures {
            0 => say!("no picture in it that could be judged: nothing {did}"),
            1 => say!("1 picture, {} {done}", recorded.changed),
            pictures => say!("{pictures} pictures, {} {done}", recorded.changed),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// To the daemon if one runs, so that the net need not be loaded; else by itself.
    async fn hand_over(&self, settings: &Settings, message: Vec<u8>) -> anyhow::Result<Recorded> {
        let report = api::Report { user: self.user.clone(), reaction: self.reaction() };
        if let Some(socket) = &settings.api.socket
            && let Some(recorded) =
                api::client::send(socket, &report, self.undo, message.clone()).await.map_err(anyhow::Error::msg)?
        {
            return Ok(recorded);
        }
        let store = Store::open(&settings.feedback).await?;
        let key = Key::open(&settings.feedback.key)?;
        let scheduler = Arc::new(Scheduler::new(Arc::new(load_judge(settings, 1)?)));
        let reporter = Reporter::new(watch::channel(scheduler).1, key, Arc::new(store));
        Ok(reporter.take(&report, self.undo, message).await?)
    }

    fn reaction(&self) -> Kind {
        match (self.spam, self.ham, self.ad) {
            (true, _, _) => Kind::Spam,
            (_, true, _) => Kind::Ham,
            (_, _, true) => Kind::Ad,
            // One of the four is required.
            _ => Kind::NotAd,
        }
    }
}
