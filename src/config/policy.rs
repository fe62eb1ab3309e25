//! `[policy]`: what to do with what score.

use std::time::Duration;

use super::{
    reader::{Reader, string},
    rules::{self, Rule},
    types::{Action, OnFailure, SmtpReply},
};

/// `[policy]`
#[derive(Clone, Debug)]
pub struct Policy {
    /// First match wins.
    pub rules: Vec<Rule>,
    /// Judge and log only.
    pub dry_run: bool,
    /// Counted from the end of the message's data.
    pub deadline: Duration,
    /// For messages that could not be judged.
    pub on_failure: OnFailure,
    /// For messages of which a limit cut something off, if no rule fits.
    pub on_incomplete: Action,
    /// Put before the subject by [`Action::Subject`].
    pub subject_prefix: String,
    /// Reply of [`Action::Reject`].
    pub reject_reply: SmtpReply,
    /// Reply of [`Action::Tempfail`].
    pub tempfail_reply: SmtpReply,
}

pub fn read(r: &mut Reader) -> Option<Policy> {
    let rules = rules::read(r);
    let dry_run = r.flag("policy.dry_run");
    // Postfix and Sendmail wait 300 seconds for a milter's answer to a message.
    let deadline = r.duration("policy.deadline", Duration::from_millis(1)..=Duration::from_secs(240));
    let (on_failure, on_incomplete) = (r.text("policy.on_failure"), r.text("policy.on_incomplete"));
    let subject_prefix = r.read("policy.subject_prefix", |value| {
        // One encoded-word of RFC 2047 holds at most 75 characters: 45 bytes in base64.
        let allowed = "a text of 1 to 45 bytes on one line";
        let fits = |text: &String| (1..=45).contains(&text.len()) && !text.chars().any(char::is_control);
        string(value, allowed).and_then(|text| if fits(&text) { Ok(text) } else { Err(allowed.to_owned()) })
    });
    let mut reply = |key: &str, class: char| {
        r.read(key, |value| {
            let allowed = format!(
                "a reply code {class}xx, an enhanced status code {class}.x.x and up to 400 ASCII characters of text, without \"%\""
            );
            SmtpReply::parse(&string(value, &allowed)?, class).ok_or(allowed)
        })
    };
    let (reject_reply, tempfail_reply) = (reply("policy.reject_reply", '5'), reply("policy.tempfail_reply", '4'));
    Some(Policy {
        rules: rules?,
        dry_run: dry_run?,
        deadline: deadline?,
        on_failure: on_failure?,
        on_incomplete: on_incomplete?,
        subject_prefix: subject_prefix?,
        reject_reply: reject_reply?,
        tempfail_reply: tempfail_reply?,
    })
}
