//! What became of a message, for the metrics.

use metrics::counter;

use super::{Known, PictureResult, Verdict};

/// Types that are counted by name; a sender can declare what he likes.
const TYPES: [&str; 12] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/tiff",
    "image/vnd.microsoft.icon",
    "image/svg+xml",
    "image/avif",
    "image/heic",
    "application/pdf",
    "image/x-tiles",
];
/// Limits that are counted by name; what a worker says is not trusted.
const LIMITS: [&str; 16] = [
    "message_bytes",
    "parts",
    "header_lines",
    "nesting",
    "pictures",
    "picture_bytes",
    "picture_pixels",
    "decoder_memory",
    "frames",
    "distinct_frames",
    "pages",
    "archive_files",
    "archive_bytes",
    "archive_ratio",
    "picture_time",
    "worker_memory",
];
const SYMBOLOGIES: [&str; 3] = ["qr", "aztec", "datamatrix"];

/// Tells of each limit that it has cut nothing off yet: Prometheus takes the first value that it sees of a counter for no increase.
pub fn count_limits_from_zero() {
    for limit in LIMITS {
        counter!("imagespam_milter_limits_total", "limit" => limit).increment(0);
    }
}

/// Counts a message with this verdict.
pub fn count(verdict: &Verdict) {
    counter!("imagespam_milter_messages_total", "action" => verdict.action.to_string(), "verdict" => verdict.word().to_owned())
        .increment(1);
    for picture in &verdict.pictures {
        let outcome = match &picture.result {
            PictureResult::Judged { known: None, .. } => "net",
            PictureResult::Judged { known: Some(Known::Exact), .. } => "exact",
            PictureResult::Judged { known: Some(Known::Near), .. } => "near",
            PictureResult::Skipped(..) => "skipped",
            PictureResult::Undecodable(_) => "undecodable",
            PictureResult::Failed(_) => "failed",
            PictureResult::Late => "late",
            PictureResult::Drawn => "drawn",
        };
        let kind = one_of(&TYPES, &picture.media_type);
        counter!("imagespam_milter_pictures_total", "type" => kind, "outcome" => outcome).increment(1);
        if let PictureResult::Judged { reported: Some(class), .. } = &picture.result {
            counter!("imagespam_milter_reported_pictures_total", "class" => *class).increment(1);
        }
        for code in &picture.codes {
            counter!("imagespam_milter_codes_total", "symbology" => one_of(&SYMBOLOGIES, &code.symbology)).increment(1);
        }
    }
    for limit in &verdict.incomplete {
        counter!("imagespam_milter_limits_total", "limit" => one_of(&LIMITS, limit)).increment(1);
    }
}

fn one_of(known: &[&'static str], name: &str) -> &'static str {
    known.iter().find(|known| **known == name).copied().unwrap_or("other")
}
