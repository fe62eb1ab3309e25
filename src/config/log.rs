//! `[log]`: what the log tells, and how.

use super::reader::Reader;

/// `[log]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// How much it tells.
    pub level: LogLevel,
    /// How it is written on standard error.
    pub format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line an event, for people.
    Text,
    /// A JSON object a line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("\"text\" or \"json\""),
        }
    }
}

/// How much the log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what fails.
    Error,
    /// And what is odd.
    Warn,
    /// And a line for each message.
    Info,
    /// And how each picture was judged.
    Debug,
}

impl std::str::FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            _ => Err("\"error\", \"warn\", \"info\" or \"debug\""),
        }
    }
}

pub fn read(r: &mut Reader) -> Option<Log> {
    let (level, format) = (r.text("log.level"), r.text("log.format"));
    Some(Log { level: level?, format: format? })
}
