//! The log: one line an event on standard error, as text or JSON; under systemd's journal with the event's fields. The latest problems
//! are kept, to be told in the status.

use std::{
    collections::VecDeque,
    fmt, fs,
    os::{fd::AsFd, unix::fs::MetadataExt},
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        layer as fmt_layer,
        time::{self, FormatTime},
    },
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt,
};

use crate::config::{self, LogFormat, LogLevel};

/// Problems that are kept.
const PROBLEMS: usize = 20;
/// Before the names of an event's fields in the journal.
const JOURNAL_PREFIX: &str = "IMAGESPAM";

/// A warning or an error.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// When it was logged, in seconds since 1970.
    pub at: i64,
    /// `warning` or `error`.
    pub level: String,
    /// The log line's text.
    pub text: String,
}

/// The running log.
#[derive(Clone)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    problems: Arc<Mutex<VecDeque<Problem>>>,
}

impl Log {
    /// Starts logging. To be called once.
    pub fn start(settings: &config::Log) -> Self {
        let (filter, handle) = reload::Layer::new(filter(settings.level));
        let problems = Arc::default();
        let kept = Keep(Arc::clone(&problems));
        let journal =
            if settings.format == LogFormat::Text && stderr_is_journal() { tracing_journald::layer().ok() } else { None };
        // A line that can't be written (a full disk) is lost; the daemon goes on.
        let lines = match (journal, settings.format) {
            (Some(journal), _) => journal.with_field_prefix(Some(JOURNAL_PREFIX.to_owned())).boxed(),
            (None, LogFormat::Text) => {
                fmt_layer().with_writer(std::io::stderr).event_format(Lines).log_internal_errors(false).boxed()
            }
            (None, LogFormat::Json) => fmt_layer()
                .with_writer(std::io::stderr)
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .with_target(false)
                .log_internal_errors(false)
                .boxed(),
        };
        let _ = tracing_subscriber::registry().with(filter).with(kept).with(lines).try_init();
        Self { filter: handle, problems }
    }

    /// From now on tells so much.
    pub fn set_level(&self, level: LogLevel) {
        // Fails only after the end of logging.
        let _ = self.filter.reload(filter(level));
    }

    /// The latest warnings and errors, the last one first.
    pub fn problems(&self) -> Vec<Problem> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }
}

/// ONNX Runtime and the milter library tell much that is of no use to an administrator.
fn filter(level: LogLevel) -> EnvFilter {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    EnvFilter::new(format!("error,imagespam_milter={level}"))
}

/// Whether standard error is that pipe to the journal which `JOURNAL_STREAM` tells of (systemd.exec(5)).
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = std::io::stderr().as_fd().try_clone_to_owned() else { return false };
    fs::File::from(stderr).metadata().is_ok_and(|file| stream == format!("{}:{}", file.dev(), file.ino()))
}

/// Lines for people. Of an event's fields only its text is told: it holds the others.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        time::SystemTime.format_time(&mut writer)?;
        write!(writer, " imagespam-milter[{}]: ", std::process::id())?;
        writer.write_str(match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            Level::INFO => "",
            Level::DEBUG | Level::TRACE => "debug: ",
        })?;
        writeln!(writer, "{}", text(event))
    }
}

/// An event's text, without its other fields.
fn text(event: &Event<'_>) -> String {
    struct Text(String);
    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == "message" {
                self.0 = format!("{value:?}");
            }
        }
    }
    let mut text = Text(String::new());
    event.record(&mut text);
    text.0
}

/// Keeps the latest problems.
struct Keep(Arc<Mutex<VecDeque<Problem>>>);

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            _ => return,
        };
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed());
        let problem = Problem { at, level: level.to_owned(), text: text(event) };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(problem);
        if kept.len() > PROBLEMS {
            kept.pop_front();
        }
    }
}

/// A sender's text for a log line: as it is if it is one plain word, else in quotes with everything escaped that could
/// end or forge a line; cut after `longest` characters.
pub fn quoted(text: &str, longest: usize) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
    let cut: String = text.chars().take(longest).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    if !cut.is_empty() && cut.chars().all(plain) { format!("{cut}{more}") } else { format!("\"{}{more}\"", cut.escape_debug()) }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_senders_text_can_not_forge_a_log_line() {
        assert_eq!(quoted("user@example.org", 50), "user@example.org");
        assert_eq!(quoted("a\r\nX: action=accept", 50), "\"a\\r\\nX: action=accept\"");
        assert_eq!(quoted("say \"hi\"\u{1b}[31m", 50), "\"say \\\"hi\\\"\\u{1b}[31m\"");
        assert_eq!(quoted("", 50), "\"\"");
        assert_eq!(quoted("abcdef", 3), "abc…");
    }
}
