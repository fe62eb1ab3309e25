//! One line a message, as in a mail log: the queue id first, then `key=value`.

use super::session::Message;
use crate::{
    config::Settings,
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
pub fn message(queue_id: Option<&str>, message: &Message, verdict: &Verdict, settings: &Settings) {
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
    for (picture, code) in verdict.codes().into_iter().take(MOST_CODES) {
        let (picture, text) = (quoted(picture, LONGEST), quoted(&code.text, LONGEST_CODE));
        let symbology = code.symbology.as_str();
        tracing::info!(queue_id = id, code = symbology, picture, text, "{id}: code={symbology} picture={picture} text={text}");
    }
    let (word, score, reason) = match &verdict.outcome {
        Outcome::Judged { class, score } => (class.as_str(), Some(format!("{score:.3}")), None),
        Outcome::Skipped(skip) => (verdict.word(), None, Some(("skip", skip.to_string()))),
        Outcome::Unknown(reason) => ("unknown", None, Some(("reason", reason.to_string()))),
    };
    let envelope = &message.envelope;
    let action = verdict.action.to_string();
    let dry_run = settings.policy.dry_run;
    let (pictures, judged, known, undecodable) =
        (verdict.pictures.len(), verdict.judged(), verdict.known(), verdict.undecodable());
    let (reported, incomplete, linked) = (verdict.reported(), verdict.incomplete.join(","), verdict.linked);
    let (size, ms, nrcpt) = (message.size, verdict.elapsed.as_millis() as u64, envelope.recipients.len());
    let from = quoted(&envelope.sender, LONGEST);
    let client = envelope.client.map_or("-".to_owned(), |client| client.to_string());
    let message_id = quoted(message.id.as_deref().unwrap_or("-"), LONGEST);
    let (model, why) = (verdict.model.as_str(), reason.as_ref().map(|(_, why)| why.as_str()));
    let line = [
        format!("action={action}"),
        told_if(dry_run, "dry_run", "true"),
        format!("verdict={word}"),
        score.as_deref().map_or(String::new(), |score| format!("score={score}")),
        reason.as_ref().map_or(String::new(), |(key, why)| format!("{key}={why}")),
        format!("pictures={pictures} judged={judged}"),
        told_if(known > 0, "known", known),
        format!("undecodable={undecodable}"),
        reported.map_or(String::new(), |class| format!("reported={class}")),
        told_if(!incomplete.is_empty(), "incomplete", &incomplete),
        told_if(linked > 0, "linked", linked),
        format!("size={size} ms={ms} from=<{from}> nrcpt={nrcpt} client={client} message_id={message_id} model={model}"),
    ];
    let line = line.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    tracing::info!(
        queue_id = id,
        action,
        dry_run,
        verdict = word,
        score,
        reason = why,
        pictures,
        judged,
        known,
        undecodable,
        reported,
        incomplete,
        linked,
        size,
        ms,
        from,
        nrcpt,
        client,
        message_id,
        model,
        "{id}: {line}"
    );
}

fn told_if(told: bool, key: &str, value: impl std::fmt::Display) -> String {
    if told { format!("{key}={value}") } else { String::new() }
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
