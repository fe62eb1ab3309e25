//! The daemon behind a real Sendmail, so that Postfix is not the only tongue it speaks.

mod common;

use common::{
    Daemon,
    messages::{with_picture, without_picture},
    picture,
    postfix::Smtp,
    sendmail::{Sendmail, missing},
    wait_for,
};

fn start(settings: &[&str]) -> (Daemon, Sendmail) {
    let listen = r#"milter.listen=["inet:127.0.0.1:0"]"#;
    let daemon = Daemon::start(&[&[listen], settings].concat());
    let ready = daemon.logged(": ready: ");
    let port = ready.rsplit(':').next().expect("port").trim().to_owned();
    let sendmail = Sendmail::start(&format!("inet:{port}@127.0.0.1"));
    (daemon, sendmail)
}

fn spam(subject: &str) -> Vec<u8> {
    with_picture(subject, "image/png", &picture("spam-stock.png"))
}

fn verdicts(delivered: &str) -> Vec<&str> {
    delivered.lines().filter(|line| line.to_lowercase().starts_with("x-image-spam")).collect()
}

#[test]
fn sendmail_tags_spam_and_loses_forged_verdicts() {
    if missing() {
        return;
    }
    let (daemon, sendmail) = start(&[]);
    let mut client = Smtp::connect(sendmail.port);
    let forged = b"X-Image-Spam: No, forged\r\nx-image-spam: No, forged\r\nX-IMAGE-SPAM: No, forged\r\n";
    for (subject, message, expected) in [
        ("first", spam("first"), "X-Image-Spam: Yes, score="),
        ("second", with_picture("second", "image/png", &picture("ham-letter.png")), "X-Image-Spam: No, score="),
        ("third", without_picture("third"), ""),
    ] {
        let reply = client.send(&[&forged[..], &message].concat());
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
        let delivered = sendmail.delivered_with(&format!("Subject: {subject}\n"));
        let found = verdicts(&delivered);
        assert!(
            found.len() == usize::from(!expected.is_empty()) && found.iter().all(|line| line.starts_with(expected)),
            "{delivered}"
        );
        // The body as it was, with LF for CR LF.
        let body = String::from_utf8(message).expect("UTF-8").replace('\r', "");
        let body = body.split_once("\n\n").expect("body").1.trim_end().to_owned();
        assert!(delivered.contains(&body), "{delivered}");
    }
    // Sendmail's own queue id begins the line.
    let line = daemon.logged("action=tag verdict=spam");
    let id = line.split_once("]: ").expect("prefix").1.split(':').next().expect("id");
    assert!(sendmail.delivered_with("Subject: first\n").contains(&format!("id {id}")), "{line}");
}

#[test]
fn sendmail_carries_out_every_action() {
    if missing() {
        return;
    }
    let with = |action: &str| start(&[&format!(r#"policy.rules=[{{class="spam",threshold="tag",action="{action}"}}]"#)]);
    let (_reject, sendmail) = with("reject");
    assert_eq!(
        Smtp::connect(sendmail.port).send(&spam("r")).trim_end(),
        "550 5.7.1 Message refused: a picture in it looks like spam"
    );
    let (_tempfail, sendmail) = with("tempfail");
    assert!(Smtp::connect(sendmail.port).send(&spam("t")).starts_with("451 4.7.1 "));
    let (_discard, sendmail) = with("discard");
    assert!(Smtp::connect(sendmail.port).send(&spam("d")).starts_with("250"));
    assert_eq!(sendmail.delivered(), 0);
    let (_subject, sendmail) = with("subject");
    assert!(Smtp::connect(sendmail.port).send(&spam("s")).starts_with("250"));
    assert!(sendmail.delivered_with("Subject: [SPAM] s\n").contains("X-Image-Spam: Yes"));
    let (_quarantine, sendmail) = with("quarantine");
    assert!(Smtp::connect(sendmail.port).send(&spam("q")).starts_with("250"));
    wait_for("the quarantine queue", 20, || {
        sendmail.queue().iter().any(|file| file.contains("image spam: Yes, score=")).then_some(())
    });
    assert_eq!(sendmail.delivered(), 0);
}
