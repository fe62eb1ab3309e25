//! Carries a verdict out: headers, subject, quarantine, and the answer to the mail server.

use base64::{Engine, engine::general_purpose::STANDARD};
use indymilter::{ActionError, ContextActions, EomContext, SetErrorReply, SmtpReplyError, Status};

use super::{
    log::MOST_CODES,
    session::{Message, Session},
};
use crate::{
    config::{Action, Settings, Skip, SmtpReply},
    mail::decoded_subject,
    verdict::{Outcome, Verdict, code_value, header_value},
};

/// Why a verdict can't be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The mail server refuses a change, or has gone.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The configured reply is refused.
    #[error(transparent)]
    Reply(#[from] SmtpReplyError),
}

/// Changes the message as the verdict asks and returns the answer.
pub async fn carry_out(
    context: &mut EomContext<Session>,
    message: &Message,
    verdict: &Verdict,
    settings: &Settings,
) -> Result<Status, ReplyError> {
    let policy = &settings.policy;
    match verdict.action {
        Action::Reject => return refuse(context, &policy.reject_reply, Status::Reject),
        Action::Tempfail => return refuse(context, &policy.tempfail_reply, Status::Tempfail),
        Action::Discard => return Ok(Status::Discard),
        Action::Accept | Action::Tag | Action::Subject | Action::Quarantine => {}
    }
    let name = settings.header.name.as_str();
    // What comes from skip.networks is not from outside: another host of the site may have judged it already.
    if verdict.outcome != Outcome::Skipped(Skip::Network) {
        // From the last to the first, for each removal renumbers what follows.
        let header = &settings.header;
        for (name, count) in [(&header.name, message.foreign_verdicts), (&header.qr, message.foreign_codes)] {
            for index in (1..=count).rev() {
                context.actions.change_header(name.as_str(), index, None::<&str>).await?;
            }
        }
    }
    let told = match verdict.outcome {
        Outcome::Skipped(skip) => settings.header.on_skip.contains(&skip),
        Outcome::Judged { .. } | Outcome::Unknown(_) => true,
    };
    if told {
        context.actions.insert_header(0, name, header_value(verdict, name)).await?;
    }
    let qr = settings.header.qr.as_str();
    for (picture, code) in verdict.codes().into_iter().take(MOST_CODES) {
        context.actions.insert_header(0, qr, code_value(qr, picture, code)).await?;
    }
    if verdict.action == Action::Subject {
        prefix_subject(context, message, &policy.subject_prefix).await?;
    }
    if verdict.action == Action::Quarantine {
        context.actions.quarantine(format!("image spam: {}", header_value(verdict, name).replace("\n\t", " "))).await?;
    }
    Ok(Status::Accept)
}

fn refuse(context: &mut EomContext<Session>, reply: &SmtpReply, status: Status) -> Result<Status, ReplyError> {
    context.reply.set_error_reply(&reply.code, Some(&reply.status), [reply.text.as_str()])?;
    Ok(status)
}

/// Puts the prefix before the subject, unless it is there already.
async fn prefix_subject(context: &EomContext<Session>, message: &Message, prefix: &str) -> Result<(), ReplyError> {
    match &message.subject {
        None => context.actions.insert_header(0, "Subject", encoded(prefix.trim_end())).await?,
        Some(subject) if decoded_subject(&String::from_utf8_lossy(subject)).trim_start().starts_with(prefix.trim()) => {}
        Some(subject) => {
            // A C string as it came, so it holds no NUL.
            let value = std::ffi::CString::new(prefixed(prefix, subject)).unwrap_or_default();
            context.actions.change_header("Subject", 1, Some(value)).await?;
        }
    }
    Ok(())
}

/// Prefix, space and subject. The line is folded between them where it would grow longer than RFC 5322 recommends.
fn prefixed(prefix: &str, subject: &[u8]) -> Vec<u8> {
    // White space between two encoded-words is not shown (RFC 2047, section 6.2): the first carries it then.
    let space = if !prefix.is_ascii() && subject.trim_ascii_start().starts_with(b"=?") { " " } else { "" };
    let prefix = encoded(&format!("{}{space}", prefix.trim_end()));
    let first_line = subject.split(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len);
    let separator: &[u8] = if "Subject: ".len() + prefix.len() + 1 + first_line > 78 { b"\n " } else { b" " };
    [prefix.as_bytes(), separator, subject].concat()
}

/// The prefix as it may stand in a header: an encoded-word (RFC 2047) if it is not plain ASCII. At most 45 bytes fit.
fn encoded(prefix: &str) -> String {
    if prefix.is_ascii() { prefix.to_owned() } else { format!("=?utf-8?B?{}?=", STANDARD.encode(prefix)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(prefix: &str, subject: &str) -> String {
        String::from_utf8(prefixed(prefix, subject.as_bytes())).expect("UTF-8")
    }

    #[test]
    fn the_prefix_reads_the_same_before_plain_and_encoded_subjects() {
        for prefix in ["[SPAM] ", "[Müll] ", "【垃圾】 "] {
            for (raw, decoded) in [("Hello", "Hello"), ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"), ("a\n b", "a b")] {
                assert_eq!(decoded_subject(&joined(prefix, raw)), format!("{prefix}{decoded}"), "{raw}");
            }
        }
    }

    #[test]
    fn long_subjects_are_folded_before_the_old_text() {
        let subject = "x".repeat(970);
        let value = joined("[SPAM] ", &subject);
        assert!(value.lines().all(|line| line.len() < 998), "RFC 5322, section 2.1.1");
        assert!(!joined("[SPAM] ", "short").contains('\n'));
    }
}
