//! The log: one line an event, on standard error. Under systemd's journal a line begins with its priority and leaves
//! the time to the journal.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        layer as fmt_layer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::config::LogLevel;

/// Starts logging. To be called once.
pub fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let format = Lines { journal: std::env::var_os("JOURNAL_STREAM").is_some() };
    // ONNX Runtime and the milter library tell much that is of no use to an administrator.
    let filter = EnvFilter::new(format!("error,imagespam_milter={level}"));
    // A line that can't be written (a full disk) is lost; the daemon goes on.
    let layer = fmt_layer().with_writer(std::io::stderr).event_format(format).log_internal_errors(false);
    let subscriber = tracing_subscriber::registry().with(filter).with(layer);
    let _ = subscriber.try_init();
}

struct Lines {
    journal: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // sd-daemon(3)
        let (priority, word) = match *event.metadata().level() {
            Level::ERROR => (3, "error: "),
            Level::WARN => (4, "warning: "),
            Level::INFO => (6, ""),
            Level::DEBUG | Level::TRACE => (7, "debug: "),
        };
        if self.journal {
            write!(writer, "<{priority}>")?;
        } else {
            SystemTime.format_time(&mut writer)?;
            write!(writer, " imagespam-milter[{}]: ", std::process::id())?;
        }
        writer.write_str(word)?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
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
