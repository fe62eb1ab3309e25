//! Messages that are not judged because of who sends or gets them.

use std::net::IpAddr;

use crate::config::{MailPattern, Skip, Skips};

/// Who a message is from and for, as the mail server told it.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Address of the client, if it came over a network.
    pub client: Option<IpAddr>,
    /// Whether the client has logged in.
    pub authenticated: bool,
    /// Bare address; empty for bounces.
    pub sender: String,
    /// Bare addresses.
    pub recipients: Vec<String>,
}

/// Why this message is not to be judged, if so.
pub fn envelope_skip(settings: &Skips, envelope: &Envelope) -> Option<Skip> {
    let listed = |patterns: &[MailPattern], address: &str| patterns.iter().any(|pattern| pattern.matches(address));
    let in_networks = |client: IpAddr| settings.networks.iter().any(|network| network.contains(&client.to_canonical()));
    if settings.authenticated && envelope.authenticated {
        Some(Skip::Authenticated)
    } else if envelope.client.is_some_and(in_networks) {
        Some(Skip::Network)
    } else if listed(&settings.senders, &envelope.sender) {
        Some(Skip::Sender)
    } else if !envelope.recipients.is_empty() && envelope.recipients.iter().all(|address| listed(&settings.recipients, address)) {
        Some(Skip::Recipient)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PictureBelow;

    #[test]
    fn each_skip_needs_its_setting_and_recipients_need_all_to_be_listed() {
        let all = Skips {
            authenticated: true,
            networks: vec!["192.0.2.0/24".parse().expect("network"), "2001:db8::/32".parse().expect("network")],
            senders: vec!["boss@example.org".parse().expect("pattern")],
            recipients: vec!["example.net".parse().expect("pattern")],
            picture_below: PictureBelow { pixels: 0, bytes: 0 },
        };
        let none = Skips { authenticated: false, networks: vec![], senders: vec![], recipients: vec![], ..all };
        let to = |recipients: &[&str]| Envelope {
            recipients: recipients.iter().map(|r| (*r).to_owned()).collect(),
            ..Envelope::default()
        };
        let from = |client: &str| Envelope { client: client.parse().ok(), ..Envelope::default() };
        let cases = [
            (Envelope { authenticated: true, ..Envelope::default() }, Some(Skip::Authenticated)),
            (from("192.0.2.7"), Some(Skip::Network)),
            (from("::ffff:192.0.2.7"), Some(Skip::Network)),
            (from("2001:db8::1"), Some(Skip::Network)),
            (from("192.0.3.7"), None),
            (Envelope { sender: "Boss@Example.org".to_owned(), ..Envelope::default() }, Some(Skip::Sender)),
            (to(&["a@example.net", "b@EXAMPLE.net"]), Some(Skip::Recipient)),
            (to(&["a@example.net", "b@example.com"]), None),
            (Envelope::default(), None),
        ];
        for (envelope, expected) in cases {
            assert_eq!(envelope_skip(&all, &envelope), expected, "{envelope:?}");
            assert_eq!(envelope_skip(&none, &envelope), None, "{envelope:?}");
        }
    }
}
