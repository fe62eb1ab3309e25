//! Users' reports: what becomes of one (`reporter`), the local HTTP interface through which they come (`server`), and its client
//! (`client`). `POST /v1/reports?user=NAME&reaction=KIND` with a message as its body keeps a reaction to each of the message's
//! pictures, `DELETE` takes it back; the answer is JSON. `GET /metrics` is for Prometheus. Knows nothing of the milter.

mod client;
mod reporter;
mod server;

use serde::{Deserialize, Serialize};

pub use client::send;
pub use reporter::{ReportError, Reporter};
pub use server::{Overview, reading, reports, serve};

use crate::feedback::Reaction;

/// What a user reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The user, as the mail server knows him.
    pub user: String,
    /// What he says of the message.
    pub reaction: Kind,
}

/// [`Reaction`], as the command line and the HTTP interface call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is spam.
    Spam,
    /// It is not spam.
    Ham,
    /// It is an advertisement.
    Ad,
    /// It is not an advertisement.
    NotAd,
}

impl From<Kind> for Reaction {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Spam => Self::MarkSpam,
            Kind::Ham => Self::UnmarkSpam,
            Kind::Ad => Self::MarkAd,
            Kind::NotAd => Self::MarkNonad,
        }
    }
}

/// What is answered where a report is not taken.
#[derive(Debug, Serialize, Deserialize)]
struct Refusal {
    error: String,
}
