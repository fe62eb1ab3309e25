//! The local HTTP interface. `status` tells how the daemon is: health, metrics, and a page for people (`page`). `scan` judges a message
//! that comes from no mail server. `reports` takes users' reactions, and `reporter` does what becomes of one; on the unix socket only, for they are
//! taken in any user's name. `access` asks for a token. `client` is the other side. Answers are JSON. Knows nothing of the milter.

mod access;
pub mod client;
mod page;
mod reporter;
mod reports;
mod scan;
mod status;

use axum::body::Body;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};

pub use access::{Token, guarded};
pub use reporter::{ReportError, Reporter};
pub use reports::reports;
pub use scan::scan;
pub use status::{Overview, Span, Status, reading};

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

/// A request's body, or `None` if it has more than `most` bytes or did not come whole. What is too much is read all the same: who is cut off while
/// he sends does not hear why.
async fn collect(body: Body, most: usize) -> Option<Vec<u8>> {
    let (mut body, mut kept, mut fits) = (body, Vec::new(), true);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        fits &= kept.len() + data.len() <= most;
        if fits {
            kept.extend_from_slice(&data);
        }
    }
    fits.then_some(kept)
}
