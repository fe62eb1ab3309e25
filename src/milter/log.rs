//! One line a message, as in a mail log: the queue id first, then `key=value`.

use super::session::{Message, Shared};
use crate::{
    telemetry::quoted,
    verdict::{Known, Outcome, PictureResult, Verdict},
};

/// Longest sender's text in a line, in characters.
const LONGEST: usize = 150;
/// The same of a code: addresses of phishing pages are long.
const LONGEST_CODE: usize = 600;
/// Codes of a message that are told in the log and in headers.
pub const MOST_CODES: usize = 10;

/// Logs a verdict, and at level `debug` each picture.
pub fn message(queue_id: Option<&str>, message: &Message, verdict: &Verdict, shared: &Shared) {
    let id = quoted(queue_id.unwrap_or("-"), LONGEST);
    for picture in &verdict.pictures {
        let (name, found) = (quoted(&picture.name, LONGEST), found(&picture.result));
        let size = picture.dimensions.map_or("-".to_owned(), |(width, height)| format!("{width}x{height}"));
        tracing::debug!(
            "{id}: picture={name} type={} size={size} {found} sha256={}",
            quoted(&picture.media_type, LONGEST),
            picture.sha256.map_or_else(String::new, |sha256| base16ct::lower::encode_string(&sha256))
        );
    }
    let outcome = match &verdict.outcome {
        Outcome::Judged { class, score } => format!("verdict={class} score={score:.3}"),
        Outcome::Skipped(skip) => format!("verdict={} skip={skip}", verdict.word()),
        Outcome::Unknown(reason) => format!("verdict=unknown reason={reason}"),
    };
    let dry_run = if shared.settings.policy.dry_run { " dry_run=true" } else { "" };
    let limits =
        if verdict.incomplete.is_empty() { String::new() } else { format!(" incomplete={}", verdict.incomplete.join(",")) };
    for (picture, code) in verdict.codes().into_iter().take(MOST_CODES) {
        let (picture, text) = (quoted(picture, LONGEST), quoted(&code.text, LONGEST_CODE));
        tracing::info!("{id}: code={} picture={picture} text={text}", code.symbology);
    }
    let known = if verdict.known() == 0 { String::new() } else { format!(" known={}", verdict.known()) };
    let reported = verdict.reported().map_or(String::new(), |class| format!(" reported={class}"));
    let linked = if verdict.linked == 0 { String::new() } else { format!(" linked={}", verdict.linked) };
    let envelope = &message.envelope;
    tracing::info!(
        "{id}: action={}{dry_run} {outcome} pictures={} judged={}{known} undecodable={}{reported}{limits}{linked} size={} ms={} from=<{}> nrcpt={} client={} \
         message_id={} model={}",
        verdict.action,
        verdict.pictures.len(),
        verdict.judged(),
        verdict.undecodable(),
        message.size,
        verdict.elapsed.as_millis(),
        quoted(&envelope.sender, LONGEST),
        envelope.recipients.len(),
        envelope.client.map_or("-".to_owned(), |client| client.to_string()),
        quoted(message.id.as_deref().unwrap_or("-"), LONGEST),
        verdict.model,
    );
}

fn found(result: &PictureResult) -> String {
    match result {
        PictureResult::Judged { probabilities, known, .. } => {
            let shown: Vec<_> = probabilities.iter().map(|probability| format!("{probability:.3}")).collect();
            let known = match known {
                Some(Known::Exact) => " known=exact",
                Some(Known::Near) => " known=near",
                None => "",
            };
            format!("probabilities={}{known}", shown.join("/"))
        }
        PictureResult::Late => "error=deadline".to_owned(),
        PictureResult::Skipped(skip, why) => format!("skip={skip} why={}", quoted(why, LONGEST)),
        PictureResult::Drawn => "drawn=true".to_owned(),
        PictureResult::Undecodable(error) | PictureResult::Failed(error) => format!("error={}", quoted(error, LONGEST)),
    }
}
