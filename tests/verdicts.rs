//! The built daemon over its socket: what it does with messages.

mod common;

use std::time::{Duration, Instant};

use common::{
    Daemon,
    client::{Envelope, OUTSIDE},
    messages::{message, multipart, part, with_picture, without_picture},
    picture,
};

fn spam() -> Vec<u8> {
    with_picture("spam", "image/png", &picture("spam-stock.png"))
}

fn ham() -> Vec<u8> {
    with_picture("ham", "image/png", &picture("ham-letter.png"))
}

#[test]
fn a_spam_picture_is_tagged_and_a_ham_picture_is_told_not_to_be() {
    let daemon = Daemon::start(&[]);
    for name in ["spam-stock.png", "spam-stock.gif", "spam-loan.jpg"] {
        let answer = daemon.client().message(&with_picture(name, "image/x", &picture(name)));
        let verdict = answer.verdict().expect("verdict");
        assert!(
            verdict.starts_with("Yes, score=") && verdict.contains(" class=spam pictures=1 model=resnet50-thin/"),
            "{verdict}"
        );
        assert_eq!(answer.status, 'a');
    }
    for name in ["ham-letter.png", "ham-chart.png", "ham-temple.jpg", "ham-flower.jpg"] {
        let verdict = daemon.client().message(&with_picture(name, "image/x", &picture(name))).verdict().expect("verdict");
        assert!(verdict.starts_with("No, score=0.") && verdict.contains(" class=ham pictures=1 "), "{verdict}");
    }
    let line = daemon.logged("QUEUE1: action=tag verdict=spam score=");
    for piece in
        ["pictures=1 judged=1 undecodable=0", "from=<sender@example.com> nrcpt=1 client=192.0.2.1", "model=resnet50-thin/"]
    {
        assert!(line.contains(piece), "{line}");
    }
}

#[test]
fn forged_verdicts_are_removed_last_first_whatever_their_case() {
    let daemon = Daemon::start(&[]);
    let forged =
        [&b"X-Image-Spam: No, score=0.000\r\nx-image-spam : No\r\nX-IMAGE-SPAM: No\r\nX-Image-Spam-Else: stays\r\n"[..], &ham()]
            .concat();
    let removed = |answer: &common::client::Answer| {
        answer.changed.iter().map(|(name, index, value)| (name.clone(), *index, value.clone())).collect::<Vec<_>>()
    };
    let expected: Vec<_> = [3, 2, 1].map(|index| ("X-Image-Spam".to_owned(), index, String::new())).to_vec();
    let mut client = daemon.client();
    let answer = client.message(&forged);
    assert_eq!(removed(&answer), expected);
    assert!(answer.verdict().expect("verdict").starts_with("No, score=0."));
    // Of messages that are not judged, too; but not of those from the site's own networks.
    let bare = [&b"X-Image-Spam: No\r\nX-Image-Spam: No\r\nX-Image-Spam: No\r\n"[..], &without_picture("bare")].concat();
    let authenticated = Envelope { auth_type: Some("PLAIN"), ..OUTSIDE };
    let answer = daemon.client().message_from(&authenticated, &bare);
    assert_eq!((removed(&answer), answer.verdict()), (expected, None));
    let inside = Daemon::start(&[r#"skip.networks=["192.0.2.0/24"]"#]);
    assert!(inside.client().message(&bare).changed.is_empty());
}

#[test]
fn each_skip_can_be_switched_and_is_named_in_log_and_header() {
    let all = r#"header.on_skip=["authenticated","network","sender","recipient","no-picture","small-picture","message-size","over-limit"]"#;
    let settings = [
        all,
        r#"skip.networks=["198.51.100.0/24","2001:db8::/32"]"#,
        r#"skip.senders=["boss@example.org"]"#,
        r#"skip.recipients=["postmaster@example.test","abuse.example.test"]"#,
        "limits.message_bytes=200000",
        "limits.picture_pixels=500000",
    ];
    let daemon = Daemon::start(&settings);
    let recipients = ["<postmaster@example.test>", "<x@abuse.example.test>"];
    let tiny = with_picture("tiny", "image/gif", b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;");
    let large = with_picture("large", "image/jpeg", &picture("ham-temple.jpg"));
    let wide = with_picture("wide", "image/png", &picture("ham-letter.png"));
    let cases: [(&str, Envelope<'_>, &[u8]); 9] = [
        ("authenticated", Envelope { auth_type: Some("PLAIN"), ..OUTSIDE }, &spam()),
        ("network", Envelope { client: "198.51.100.7", ..OUTSIDE }, &spam()),
        ("network", Envelope { client: "2001:db8::7", ..OUTSIDE }, &spam()),
        ("sender", Envelope { sender: "<BOSS@example.org>", ..OUTSIDE }, &spam()),
        ("recipient", Envelope { recipients: &recipients, ..OUTSIDE }, &spam()),
        ("no-picture", OUTSIDE, &without_picture("none")),
        ("small-picture", OUTSIDE, &tiny),
        ("message-size", OUTSIDE, &large),
        ("over-limit", OUTSIDE, &wide),
    ];
    for (skip, envelope, message) in &cases {
        let answer = daemon.client().message_from(envelope, message);
        let verdict = answer.verdict().unwrap_or_default();
        let incomplete = match *skip {
            "message-size" => " incomplete=message_bytes",
            "over-limit" => " incomplete=picture_pixels",
            _ => "",
        };
        assert!(verdict.starts_with(&format!("Unknown, reason={skip}{incomplete} model=")), "{skip}: {verdict}");
        assert_eq!(answer.status, 'a');
        daemon.logged(&format!(
            "action=accept verdict={} skip={skip} ",
            if skip.ends_with("-picture") { "none" } else { "unknown" }
        ));
    }
    // Listed recipients count only if all are listed; a bounce has no sender that could be listed.
    let mixed = Envelope { recipients: &["<postmaster@example.test>", "<user@example.test>"], sender: "<>", ..OUTSIDE };
    assert!(daemon.client().message_from(&mixed, &spam()).verdict().expect("verdict").starts_with("Yes"));

    let off = Daemon::start(&[
        "skip.authenticated=false",
        "skip.picture_below_pixels=0",
        "skip.picture_below_bytes=0",
        "header.on_skip=[]",
        "limits.message_bytes=200000",
    ]);
    let authenticated = Envelope { auth_type: Some("PLAIN"), ..OUTSIDE };
    assert!(off.client().message_from(&authenticated, &spam()).verdict().expect("verdict").starts_with("Yes"));
    assert!(off.client().message(&tiny).verdict().expect("verdict").starts_with("No, "), "a small picture is judged");
    assert_eq!(off.client().message(&large).verdict(), None, "the header policy says so");
}

#[test]
fn the_rest_of_a_message_over_the_size_limit_need_not_be_sent() {
    let daemon = Daemon::start(&["limits.message_bytes=100000"]);
    let mut client = daemon.client();
    client.connect_info("192.0.2.1");
    client.envelope(&OUTSIDE);
    client.headers(&without_picture("long"));
    assert_eq!(client.body(&vec![b'x'; 5_000_000]), 2, "the second chunk of 64 kB passes the limit");
    assert!(client.end().verdict().expect("verdict").starts_with("Unknown, reason=message-size"));
}

#[test]
fn pictures_are_seen_in_any_part_type_encoding_and_depth() {
    let daemon = Daemon::start(&["limits.nesting=3"]);
    let png = picture("spam-stock.png");
    let nested = |depth: usize| {
        (0..depth).fold(part("image/png", &png), |inner, level| multipart("related", &format!("b{level}x"), &[inner]))
    };
    let quoted: String = png
        .iter()
        .map(|byte| format!("={byte:02X}"))
        .collect::<Vec<_>>()
        .chunks(25)
        .map(|line| line.concat() + "=\r\n")
        .collect();
    let attached = multipart("mixed", "inmost", &[part("image/png", &png)]);
    let forwarded = |depth: usize| {
        (0..depth).fold(attached.clone(), |inner, level| {
            multipart(
                "mixed",
                &format!("f{level}x"),
                &[format!("Content-Type: message/rfc822\r\n\r\nSubject: forwarded\r\n{inner}")],
            )
        })
    };
    let broken_base64 = part("image/png", &png).replacen("\r\n\r\n", "\r\n\r\n!!", 1);
    let cases = [
        ("alone", part("image/png", &png)),
        ("attachment", part("image/png; name=\"a.png\"\r\nContent-Disposition: attachment; filename=a.png", &png)),
        ("inline", multipart("related", "b", &[part("image/png\r\nContent-ID: <x@y>\r\nContent-Disposition: inline", &png)])),
        ("octet-stream", part("application/octet-stream", &png)),
        ("as PDF", part("application/pdf; name=report.pdf", &png)),
        ("as text", multipart("mixed", "b", &[part("text/plain", b"hello"), part("text/plain; charset=utf-8", &png)])),
        ("as HTML", part("text/html", &png)),
        ("as JPEG", part("image/jpeg", &png)),
        (
            "without type",
            multipart("mixed", "b", &[format!("Content-Transfer-Encoding: base64\r\n\r\n{}", common::messages::base64(&png))]),
        ),
        ("nested multiparts", nested(6)),
        (
            "quoted-printable",
            format!("Content-Type: image/png\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{quoted}\r\n"),
        ),
        ("junk in base64", broken_base64),
        ("encoding in capitals", part("image/png", &png).replace("Encoding: base64", "Encoding: BASE64")),
        ("forwarded", forwarded(1)),
        ("forwarded thrice", forwarded(3)),
        ("forwarded in base64", multipart("mixed", "outer", &[part("message/rfc822", attached.as_bytes())])),
    ];
    for (name, rest) in cases {
        let verdict = daemon.client().message(&message(name, &rest)).verdict().unwrap_or_default();
        assert!(verdict.starts_with("Yes, ") && verdict.contains("pictures=1 "), "{name}: {verdict}");
    }
    let too_deep = daemon.client().message(&message("four deep", &forwarded(4))).verdict().expect("verdict");
    assert!(
        too_deep.starts_with("Unknown, reason=over-limit incomplete=nesting "),
        "past limits.nesting no picture is seen: {too_deep}"
    );
    daemon.logged("incomplete=nesting");
}

#[test]
fn the_highest_score_of_all_pictures_counts_and_repeated_ones_are_judged_once() {
    let daemon = Daemon::start(&["log.level=\"debug\""]);
    let (ham, spam) = (picture("ham-chart.png"), picture("spam-loan.jpg"));
    let both = message(
        "both",
        &multipart(
            "mixed",
            "b",
            &[part("image/png; name=\"Übersicht.png\"", &ham), part("image/jpeg", &spam), part("image/jpeg", &spam)],
        ),
    );
    let verdict = daemon.client().message(&both).verdict().expect("verdict");
    assert!(verdict.starts_with("Yes, score=0.9") && verdict.contains("pictures=3 "), "{verdict}");
    daemon.logged("picture=2 type=image/jpeg size=");
    let few = Daemon::start(&["limits.pictures=1"]);
    let verdict = few.client().message(&both).verdict().expect("verdict");
    assert!(verdict.starts_with("No, ") && verdict.contains("pictures=1 incomplete=pictures"), "{verdict}");
}

#[test]
fn each_action_is_carried_out() {
    let rule = |action: &str| format!(r#"policy.rules=[{{class="spam",threshold="tag",action="{action}"}}]"#);
    let answer = |settings: &[&str], message: &[u8]| Daemon::start(settings).client().message(message);
    let reject = answer(&[&rule("reject"), r#"policy.reject_reply="554 5.7.0 No pictures, please""#], &spam());
    assert_eq!((reject.status, reject.reply.as_str()), ('y', "554 5.7.0 No pictures, please"));
    let tempfail = answer(&[&rule("tempfail")], &spam());
    assert!(tempfail.status == 'y' && tempfail.reply.starts_with("451 4.7.1 "), "{tempfail:?}");
    assert_eq!(answer(&[&rule("discard")], &spam()).status, 'd');
    let quarantine = answer(&[&rule("quarantine")], &spam());
    assert!(quarantine.quarantine.as_ref().is_some_and(|reason| reason.starts_with("image spam: Yes, score=")), "{quarantine:?}");
    assert_eq!(quarantine.status, 'a');
    let accept = answer(&[&rule("accept")], &spam());
    assert!(
        accept.status == 'a'
            && accept.verdict().expect("verdict").starts_with("No, score=")
            && accept.verdict().expect("verdict").contains("class=spam")
    );
    for action in ["reject", "tempfail", "discard", "quarantine", "subject"] {
        let untouched = answer(&[&rule(action)], &ham());
        assert!(
            untouched.status == 'a' && untouched.changed.is_empty() && untouched.quarantine.is_none(),
            "{action}: {untouched:?}"
        );
    }
}

#[test]
fn the_subject_gets_its_prefix_once() {
    let subject = |prefix: &str, subject: &str| {
        let rules = r#"policy.rules=[{class="spam",threshold=0.5,action="subject"}]"#;
        let daemon = Daemon::start(&[rules, &format!("policy.subject_prefix=\"{prefix}\"")]);
        let message = [format!("Subject: {subject}\r\n").as_bytes(), &spam()].concat();
        let answer = daemon.client().message(&message);
        answer.changed.iter().find(|(name, ..)| name == "Subject").map(|(_, index, value)| (*index, value.clone()))
    };
    assert_eq!(subject("[SPAM] ", "Hello"), Some((1, "[SPAM] Hello".to_owned())));
    assert_eq!(subject("[SPAM] ", "[SPAM] Hello"), None);
    assert_eq!(subject("[SPAM] ", "=?utf-8?Q?[SPAM]_Hello?="), None, "seen through RFC 2047");
    assert_eq!(subject("[Müll] ", "Hello"), Some((1, "=?utf-8?B?W03DvGxsXQ==?= Hello".to_owned())));
}

#[test]
fn a_dry_run_judges_and_logs_and_changes_nothing() {
    let daemon = Daemon::start(&["policy.dry_run=true", r#"policy.rules=[{class="spam",threshold=0.5,action="reject"}]"#]);
    let answer = daemon.client().message(&[&b"X-Image-Spam: forged\r\n"[..], &spam()].concat());
    assert!(answer.status == 'a' && answer.inserted.is_empty() && answer.changed.is_empty(), "{answer:?}");
    daemon.logged("action=reject dry_run=true verdict=spam");
}

#[test]
fn past_the_deadline_a_message_goes_on_as_unknown_or_is_put_off_if_so_chosen() {
    let many: Vec<_> = (0..40).map(|number| part("image/png", &common::drawn(number))).collect();
    let slow = message("slow", &multipart("mixed", "b", &many));
    let open = Daemon::start(&["policy.deadline=20ms"]);
    let started = Instant::now();
    let answer = open.client().message(&slow);
    assert_eq!(answer.status, 'a');
    assert!(answer.verdict().expect("verdict").starts_with("Unknown, reason=deadline "), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    open.logged("action=accept verdict=unknown reason=deadline");
    let strict = Daemon::start(&["policy.deadline=20ms", "policy.on_failure=\"tempfail\""]);
    assert!(strict.client().message(&slow).reply.starts_with("451 4.7.1 "));
}
