//! Types of settings that can't hold a bad value. Each parses from text and says what is allowed when it can't.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A probability or score: a number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Probability(f32);

impl Probability {
    /// Takes `value` if it lies in 0 to 1.
    pub fn new(value: f32) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The number, 0 to 1.
    pub fn get(self) -> f32 {
        self.0
    }
}

/// The least score of a rule: a number, or the name of a threshold that the model bundle defines.
#[derive(Clone, Debug, PartialEq)]
pub enum Threshold {
    /// A score, 0 to 1.
    Score(Probability),
    /// A name in the bundle's `[thresholds]`.
    Named(String),
}

impl FromStr for Threshold {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALLOWED: &str = "a number from 0 to 1, or a threshold's name such as \"tag\" or \"reject\"";
        if let Ok(number) = text.parse::<f32>() {
            return Probability::new(number).map(Self::Score).ok_or(ALLOWED);
        }
        let named = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if named { Ok(Self::Named(text.to_owned())) } else { Err(ALLOWED) }
    }
}

/// What happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Delivered as it is, with the verdict's header.
    Accept,
    /// Delivered with the header that says `Yes`.
    Tag,
    /// Tagged, with a prefix before the subject.
    Subject,
    /// Tagged, and held in the mail server's queue.
    Quarantine,
    /// Refused for good.
    Reject,
    /// Refused for now.
    Tempfail,
    /// Accepted and thrown away.
    Discard,
}

impl Action {
    const NAMES: [(&'static str, Self); 7] = [
        ("accept", Self::Accept),
        ("tag", Self::Tag),
        ("subject", Self::Subject),
        ("quarantine", Self::Quarantine),
        ("reject", Self::Reject),
        ("tempfail", Self::Tempfail),
        ("discard", Self::Discard),
    ];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES.iter().find(|(_, action)| action == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for Action {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, action)| *action)
            .ok_or("\"accept\", \"tag\", \"subject\", \"quarantine\", \"reject\", \"tempfail\" or \"discard\"")
    }
}

/// What a code in a picture must hold for a rule to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QrCondition {
    /// Anything.
    Any,
    /// The address of a web page.
    Url,
    /// The address of a recipient, plain, percent-encoded or in base64: a mark of targeted phishing.
    Recipient,
    /// The address of a web page at one of these domains, in ASCII and lower case, or below it.
    Domains(Vec<String>),
}

/// What happens to a message that could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Fail open: deliver it with the header that says `Unknown`.
    Accept,
    /// Refuse it for now.
    Tempfail,
}

impl FromStr for OnFailure {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "accept" => Ok(Self::Accept),
            "tempfail" => Ok(Self::Tempfail),
            _ => Err("\"accept\" or \"tempfail\""),
        }
    }
}

/// Why a message or a picture is not judged though nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The sender has logged in.
    Authenticated,
    /// The client is in one of `skip.networks`.
    Network,
    /// The envelope sender is in `skip.senders`.
    Sender,
    /// Every envelope recipient is in `skip.recipients`.
    Recipient,
    /// The message has no picture.
    NoPicture,
    /// All pictures are under `skip.picture_below_pixels` or `skip.picture_below_bytes`.
    SmallPicture,
    /// The message has more than `limits.message_bytes`.
    MessageSize,
    /// One of the other `limits` was reached.
    OverLimit,
}

impl Skip {
    const NAMES: [(&'static str, Self); 8] = [
        ("authenticated", Self::Authenticated),
        ("network", Self::Network),
        ("sender", Self::Sender),
        ("recipient", Self::Recipient),
        ("no-picture", Self::NoPicture),
        ("small-picture", Self::SmallPicture),
        ("message-size", Self::MessageSize),
        ("over-limit", Self::OverLimit),
    ];
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES.iter().find(|(_, skip)| skip == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for Skip {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::NAMES.iter().find(|(name, _)| *name == text).map(|(_, skip)| *skip).ok_or(
            "\"authenticated\", \"network\", \"sender\", \"recipient\", \"no-picture\", \"small-picture\", \
             \"message-size\" or \"over-limit\"",
        )
    }
}

/// A socket to listen on, in the notation of Sendmail and Postfix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// `unix:/path`
    Unix(PathBuf),
    /// `inet:host:port` or `inet6:[host]:port`; `v6` says which family a host name is looked up in.
    Inet {
        /// Host name or address, without brackets.
        host: String,
        /// TCP port; 0 lets the system choose.
        port: u16,
        /// `inet6:` was given.
        v6: bool,
    },
}

impl ListenAddress {
    /// The file of a unix socket.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Inet { .. } => None,
        }
    }
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALLOWED: &str = "\"unix:/path\", \"inet:host:port\" or \"inet6:[host]:port\"";
        if let Some(path) = text.strip_prefix("unix:") {
            // sun_path holds 108 bytes, the closing NUL among them (unix(7)).
            return match path.len() {
                2..=107 if path.starts_with('/') => Ok(Self::Unix(path.into())),
                _ => Err("\"unix:/path\" with an absolute path of at most 107 bytes"),
            };
        }
        let (rest, v6) = match (text.strip_prefix("inet:"), text.strip_prefix("inet6:")) {
            (Some(rest), _) => (rest, false),
            (_, Some(rest)) => (rest, true),
            _ => return Err(ALLOWED),
        };
        let (host, port) = rest.rsplit_once(':').ok_or(ALLOWED)?;
        let port = port.parse().map_err(|_| "a port from 0 to 65535 after the last colon")?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').filter(|_| v6).ok_or(ALLOWED)?,
            None => host,
        };
        let family_fits = host.parse::<IpAddr>().map_or(true, |address| address.is_ipv6() == v6);
        if host.is_empty() || !family_fits {
            return Err(ALLOWED);
        }
        Ok(Self::Inet { host: host.to_owned(), port, v6 })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Inet { host, port, v6: false } => write!(f, "inet:{host}:{port}"),
            Self::Inet { host, port, v6: true } => write!(f, "inet6:[{host}]:{port}"),
        }
    }
}

/// One address, or all addresses of one domain. Compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPattern(String);

impl MailPattern {
    /// Whether the bare address (no angle brackets) fits.
    pub fn matches(&self, address: &str) -> bool {
        let compared = if self.0.contains('@') { Some(address) } else { address.rsplit_once('@').map(|(_, domain)| domain) };
        compared.is_some_and(|compared| compared.eq_ignore_ascii_case(&self.0))
    }
}

impl FromStr for MailPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|b| !b.is_ascii_control() && !b.is_ascii_whitespace() && !b"<>*,".contains(&b));
        let domain = text.rsplit_once('@').map_or(text, |(_, domain)| domain);
        if !plain || domain.is_empty() || text.starts_with('@') || domain.starts_with('.') {
            return Err("an address such as \"user@example.org\", or a domain such as \"example.org\"");
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name of a header field (RFC 5322, section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(String);

impl HeaderName {
    /// The name as configured.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `name`, as it came in a message, names this field.
    pub fn matches(&self, name: &str) -> bool {
        // "Name : value" is obsolete syntax (RFC 5322, section 4.5) that mail servers still take as the same field.
        name.trim_end().eq_ignore_ascii_case(&self.0)
    }
}

impl FromStr for HeaderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let token = text.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if !token || !(1..=60).contains(&text.len()) || !text.to_ascii_lowercase().starts_with("x-") {
            // A mail server's own fields, such as Subject, would be removed from every message.
            return Err("a header name that begins with \"X-\", of at most 60 printable characters, without a colon");
        }
        Ok(Self(text.to_owned()))
    }
}

/// An SMTP reply: code, enhanced status code (RFC 3463) and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpReply {
    /// Three digits.
    pub code: String,
    /// Such as `5.7.1`.
    pub status: String,
    /// One line.
    pub text: String,
}

impl SmtpReply {
    /// Parses `550 5.7.1 Text`; code and status must both begin with `class` ('4' or '5').
    pub fn parse(text: &str, class: char) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let (code, status, text) = (words.next()?, words.next()?, words.next()?);
        let digits = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let no_zero = |part: &str| part == "0" || !part.starts_with('0');
        let code_fits = code.len() == 3 && digits(code) && (b'0'..=b'5').contains(&code.as_bytes()[1]);
        let status_parts: Vec<&str> = status.split('.').collect();
        let status_fits = status_parts.len() == 3 && status_parts.iter().all(|part| digits(part) && no_zero(part));
        let class_fits = code.starts_with(class) && status_parts[0] == class.to_string();
        // Mail servers read "%" in a milter's reply as the start of a format (smfi_setreply of libmilter).
        let text_fits = (1..=400).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'%');
        (code_fits && status_fits && class_fits && text_fits).then(|| Self {
            code: code.to_owned(),
            status: status.to_owned(),
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_are_read_in_the_notation_of_postfix() {
        assert_eq!("unix:/run/m.sock".parse(), Ok(ListenAddress::Unix("/run/m.sock".into())));
        let inet = |host: &str, port, v6| Ok(ListenAddress::Inet { host: host.to_owned(), port, v6 });
        assert_eq!("inet:127.0.0.1:8899".parse(), inet("127.0.0.1", 8899, false));
        assert_eq!("inet:localhost:0".parse(), inet("localhost", 0, false));
        assert_eq!("inet6:[::1]:8899".parse(), inet("::1", 8899, true));
        for bad in ["", "unix:", "unix:relative", "inet:8899", "inet:host:99999", "inet:[::1]:1", "inet6:127.0.0.1:1", "tcp:h:1"]
        {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn mail_patterns_match_an_address_or_a_whole_domain() {
        let matches = |pattern: &str, address: &str| pattern.parse::<MailPattern>().expect("pattern").matches(address);
        assert!(matches("user@example.org", "USER@Example.org"));
        assert!(!matches("user@example.org", "other@example.org"));
        assert!(matches("example.org", "anyone@example.ORG"));
        assert!(!matches("example.org", "anyone@sub.example.org"));
        assert!(!matches("example.org", ""));
        for bad in ["", "@example.org", "*.example.org", "<a@b>", ".example.org", "a@"] {
            assert!(bad.parse::<MailPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn smtp_replies_need_code_status_and_text_of_one_class() {
        assert!(SmtpReply::parse("550 5.7.1 No", '5').is_some());
        for bad in [
            "450 4.7.1 No",
            "550 4.7.1 No",
            "550 5.7 No",
            "550 5.7.1",
            "550 No",
            "590 5.7.1 No",
            "550 5.7.1 100 %",
            "550 5.07.1 No",
            "550 5.7.1 a\r\nb",
        ] {
            assert!(SmtpReply::parse(bad, '5').is_none(), "{bad}");
        }
    }

    #[test]
    fn a_header_name_can_not_name_a_field_of_mail_itself() {
        assert!("X-Image-Spam".parse::<HeaderName>().is_ok());
        for bad in ["", "Subject", "X-a b", "X-a:", "X-ä"] {
            assert!(bad.parse::<HeaderName>().is_err(), "{bad}");
        }
    }
}
