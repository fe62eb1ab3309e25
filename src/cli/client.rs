//! `client`: the running daemon's verdict on a message, for mail servers and scripts that speak no milter.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{FAILURE, FOUND, block_on, settings};
use crate::{
    api,
    config::{Settings, Sources},
};

#[derive(Args, Debug)]
pub struct Client {
    /// The message; "-" or nothing: standard input
    #[arg(value_name = "FILE")]
    message: Option<PathBuf>,
    /// An envelope recipient; may be repeated [default: those that the header names]
    #[arg(long = "recipient", value_name = "ADDRESS")]
    recipients: Vec<String>,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The verdict as an object on one line
    Json,
    /// The header that the milter would add, on one line; nothing if it would add none
    Header,
}

impl Client {
    /// The exit status is that of `scan`.
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let settings = settings(sources)?;
        let answer = block_on(self.ask(&settings))?;
        let header = answer["header"].as_str();
        match self.format {
            Format::Json => say!("{answer}"),
            Format::Header => {
                if let Some(header) = header {
                    say!("{header}");
                }
            }
        }
        Ok(match (answer["verdict"].as_str(), answer["action"].as_str()) {
            (Some("unknown"), _) => ExitCode::from(FAILURE),
            (_, Some("accept")) => ExitCode::SUCCESS,
            _ => ExitCode::from(FOUND),
        })
    }

    async fn ask(&self, settings: &Settings) -> anyhow::Result<Value> {
        let socket = settings.api.socket.as_deref().context("there is no api.socket to ask on")?;
        let recipients = (!self.recipients.is_empty()).then_some(self.recipients.as_slice());
        match api::client::scan(socket, recipients, self.read(settings.limits.message_bytes)?).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => bail!("no daemon answers on {} (setting api.socket)", socket.display()),
            Err(problem) => bail!(problem),
        }
    }

    /// One byte more than is ever judged, so that the daemon says what it thinks of that.
    fn read(&self, longest: usize) -> anyhow::Result<Vec<u8>> {
        let mut message = Vec::new();
        let (name, source): (String, Box<dyn Read>) = match &self.message {
            Some(path) if path.as_os_str() != "-" => {
                let name = path.display().to_string();
                (name.clone(), Box::new(File::open(path).with_context(|| name)?))
            }
            _ => ("standard input".to_owned(), Box::new(io::stdin())),
        };
        source.take(longest as u64 + 1).read_to_end(&mut message).with_context(|| format!("{name} can't be read"))?;
        Ok(message)
    }
}
