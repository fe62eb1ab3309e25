//! What users do to pictures.

use std::{fmt, str::FromStr};

/// What a user did once to a picture; the four kinds of "Email.cz image spam v1".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reaction {
    /// "This is not spam."
    UnmarkSpam,
    /// "This is not an advertisement."
    MarkNonad,
    /// "This is an advertisement."
    MarkAd,
    /// "This is spam."
    MarkSpam,
}

/// Classes that reactions speak of, in the order of [`Reaction::class`].
pub const CLASSES: [&str; 3] = ["ham", "spam", "ad"];

impl Reaction {
    /// All kinds, in the order in which a tie between them is decided: the milder first.
    pub const ALL: [Self; 4] = [Self::UnmarkSpam, Self::MarkNonad, Self::MarkAd, Self::MarkSpam];

    /// Its name in the published files.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnmarkSpam => "USER_MESSAGE_UNMARK_SPAM",
            Self::MarkNonad => "USER_MESSAGE_MARK_NONAD",
            Self::MarkAd => "USER_MESSAGE_MARK_AD",
            Self::MarkSpam => "USER_MESSAGE_MARK_SPAM",
        }
    }

    /// Index into [`CLASSES`].
    pub fn class(self) -> usize {
        match self {
            Self::UnmarkSpam | Self::MarkNonad => 0,
            Self::MarkSpam => 1,
            Self::MarkAd => 2,
        }
    }
}

impl FromStr for Reaction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("unknown reaction \"{}\"; known are {known}", text.escape_debug())
        })
    }
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
