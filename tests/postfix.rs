//! The daemon behind a real Postfix: what the recipient and the sending client see.

mod common;

use std::{
    collections::HashMap,
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use common::{
    Daemon,
    containers::{qr_picture, zip},
    messages::{message, multipart, part, with_picture, without_picture},
    picture,
    postfix::{Postfix, Smtp, missing},
    program, wait_for,
};

fn rule(action: &str) -> String {
    format!(r#"policy.rules=[{{class="spam",threshold="tag",action="{action}"}}]"#)
}

fn spam(subject: &str) -> Vec<u8> {
    with_picture(subject, "image/png", &picture("spam-stock.png"))
}

fn start(settings: &[&str]) -> (Daemon, Postfix) {
    let daemon = Daemon::start(settings);
    let postfix = Postfix::start(&daemon.socket(), &[]);
    (daemon, postfix)
}

/// Header fields (unfolded) and body as delivered; lines end with LF in a Maildir.
fn parsed(delivered: &[u8]) -> (Vec<String>, Vec<u8>) {
    let end = delivered.windows(2).position(|window| window == b"\n\n").expect("end of header");
    let header = String::from_utf8_lossy(&delivered[..end]).replace("\n\t", " ").replace("\n ", " ");
    (header.lines().map(str::to_owned).collect(), delivered[end + 2..].to_vec())
}

fn fields(delivered: &[u8], name: &str) -> Vec<String> {
    let prefix = format!("{}: ", name.to_ascii_lowercase());
    parsed(delivered).0.into_iter().filter(|field| field.to_ascii_lowercase().starts_with(&prefix)).collect()
}

#[test]
fn tag_and_accept_leave_every_other_byte_as_it_was() {
    if missing() {
        return;
    }
    let (daemon, postfix) = start(&[]);
    // Everything that a signature of DKIM may cover: odd white space, case and folding in headers, 8-bit and long lines,
    // dots, white space at the ends of lines, empty lines at the end.
    let tricky = |subject: &str, bytes: &[u8]| {
        let text = "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u{fc}\u{df}e  \t\r\n.\r\n..two\r\n\r\n\r\n";
        let body = multipart(
            "mixed",
            "=_odd",
            &[text.to_owned(), part("image/png", bytes), format!("\r\n{}\r\n\r\n\r\n", "long ".repeat(180))],
        );
        let mut message = message(
            subject,
            &format!(
                "X-Folded:  one\r\n\t two  \r\n  three\r\nx-CASE:kept\r\nX-Empty: \r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.com;\r\n\tb=abc def\r\n{body}"
            ),
        );
        // Latin-1 in the body, as real mail has it.
        message = String::from_utf8(message).expect("UTF-8").chars().map(|c| c as u8).collect();
        message
    };
    for (subject, name, yes) in [("tagged", "spam-stock.png", "Yes"), ("accepted", "ham-letter.png", "No")] {
        let sent = tricky(subject, &picture(name));
        assert!(postfix.send(&sent).starts_with("250 2.0.0 Ok"));
        let delivered = postfix.delivered_with(&format!("Subject: {subject}\n"));
        let verdicts = fields(&delivered, "X-Image-Spam");
        assert!(verdicts.len() == 1 && verdicts[0].starts_with(&format!("X-Image-Spam: {yes}, score=")), "{verdicts:?}");
        // Without what Postfix and the milter put on top, the message is what was sent, with LF for CR LF.
        let sent: Vec<u8> = sent.iter().copied().filter(|byte| *byte != b'\r').collect();
        let start = delivered.windows(6).position(|window| window == b"From: ").expect("first field of the message");
        assert!(delivered[start..] == sent[..], "{subject}:\n{}", String::from_utf8_lossy(&delivered[start..]));
    }
    daemon.logged("action=tag verdict=spam");
    // The log line begins with Postfix's own queue id.
    let line = daemon.logged("action=accept verdict=ham");
    let id = line.split_once("]: ").expect("prefix").1.split(':').next().expect("id").to_owned();
    assert!(postfix.log().contains(&format!("]: {id}: message-id=")), "{line}");
}

#[test]
fn forged_verdicts_do_not_reach_the_recipient() {
    if missing() {
        return;
    }
    let (_daemon, postfix) = start(&[]);
    let forged = "X-Image-Spam: No, score=0.000 class=ham\r\nx-image-spam: No\r\nX-Image-Spam : No, old style\r\nX-IMAGE-SPAM:No,\r\n\tfolded\r\n";
    for (subject, message) in [("forged", spam("forged")), ("bare", without_picture("bare"))] {
        assert!(postfix.send(&[forged.as_bytes(), &message].concat()).starts_with("250"));
        let verdicts = fields(&postfix.delivered_with(&format!("Subject: {subject}\n")), "X-Image-Spam");
        let expected: &[&str] = if subject == "forged" { &["X-Image-Spam: Yes, "] } else { &[] };
        assert!(
            verdicts.len() == expected.len() && verdicts.iter().zip(expected).all(|(found, wanted)| found.starts_with(wanted)),
            "{verdicts:?}"
        );
        let delivered = String::from_utf8_lossy(&postfix.delivered_with(&format!("Subject: {subject}\n"))).to_lowercase();
        assert_eq!(delivered.matches("x-image-spam").count(), expected.len(), "{delivered}");
    }
}

#[test]
fn a_hidden_picture_and_a_code_are_told_in_headers_and_forged_ones_are_gone() {
    if missing() {
        return;
    }
    let (_daemon, postfix) = start(&[]);
    let url = format!("https://login.example.com/verify?token={}", "0123456789abcdef".repeat(12));
    let archive = zip(&[("spam.png", &picture("spam-stock.png")), ("code.png", &common::png(&qr_picture(&url, 4)))]);
    let body =
        multipart("mixed", "b", &["Content-Type: text/plain\r\n\r\nHello\r\n".to_owned(), part("application/zip", &archive)]);
    let forged = "X-Image-Spam-QR: qr, part=1 text=https://good.example/\r\n";
    let message = [forged.as_bytes(), &message("hidden", &body), forged.as_bytes()].concat();
    assert!(postfix.send(&message).starts_with("250"));
    let delivered = postfix.delivered_with("Subject: hidden");
    assert!(fields(&delivered, "X-Image-Spam")[0].starts_with("X-Image-Spam: Yes, "));
    assert_eq!(fields(&delivered, "X-Image-Spam-QR"), [format!("X-Image-Spam-QR: qr, part=2/code.png text={url}")]);
}

#[test]
fn subject_puts_the_prefix_before_the_subject_once() {
    if missing() {
        return;
    }
    let (_daemon, postfix) = start(&[&rule("subject"), "policy.subject_prefix=\"[Bild-Müll]\""]);
    assert!(postfix.send(&spam("cheap shares")).starts_with("250"));
    let delivered = postfix.delivered_with("cheap shares");
    assert_eq!(fields(&delivered, "Subject"), ["Subject: =?utf-8?B?W0JpbGQtTcO8bGxd?= cheap shares"]);
    assert!(fields(&delivered, "X-Image-Spam")[0].starts_with("X-Image-Spam: Yes"));
    // Sent through once more, as a forwarded message would be.
    assert!(postfix.send(&spam("=?utf-8?B?W0JpbGQtTcO8bGxd?= again")).starts_with("250"));
    assert_eq!(fields(&postfix.delivered_with("again"), "Subject"), ["Subject: =?utf-8?B?W0JpbGQtTcO8bGxd?= again"]);
}

#[test]
fn quarantine_holds_the_message_in_the_queue() {
    if missing() {
        return;
    }
    let (_daemon, postfix) = start(&[&rule("quarantine")]);
    assert!(postfix.send(&spam("held")).starts_with("250 2.0.0 Ok"));
    let queue = wait_for("the hold queue", 10, || Some(postfix.queue()).filter(|queue| !queue.is_empty()));
    assert_eq!((queue.len(), &queue[0]["queue_name"]), (1, &"hold".into()));
    assert!(postfix.log().contains("milter triggers HOLD action"), "{}", postfix.log());
    assert!(postfix.queued(queue[0]["queue_id"].as_str().expect("id")).contains("X-Image-Spam: Yes, score="));
    assert!(postfix.delivered().is_empty());
}

#[test]
fn reject_tempfail_and_discard_are_answered_as_configured() {
    if missing() {
        return;
    }
    let reject = start(&[&rule("reject"), r#"policy.reject_reply="554 5.7.0 Send words, not pictures""#]);
    assert_eq!(reject.1.send(&spam("rejected")).trim_end(), "554 5.7.0 Send words, not pictures");
    let tempfail = start(&[&rule("tempfail")]);
    assert!(tempfail.1.send(&spam("put off")).starts_with("451 4.7.1 Message can't be checked at the moment"));
    let discard = start(&[&rule("discard")]);
    assert!(discard.1.send(&spam("discarded")).starts_with("250 2.0.0 Ok"));
    for (_, postfix) in [&reject, &tempfail, &discard] {
        assert!(postfix.send(&with_picture("ham", "image/png", &picture("ham-letter.png"))).starts_with("250"));
        assert!(fields(&postfix.delivered_with("Subject: ham\n"), "X-Image-Spam")[0].starts_with("X-Image-Spam: No"));
        assert_eq!(postfix.delivered().len(), 1, "the spam is not delivered");
        assert!(postfix.queue().is_empty());
    }
}

#[test]
fn broken_messages_are_delivered() {
    if missing() {
        return;
    }
    let daemon = Daemon::start(&["limits.message_bytes=3000000"]);
    let postfix = Postfix::start(&daemon.socket(), &["header_size_limit=2000000", "message_size_limit=20000000"]);
    let parts: String = (0..10_000).map(|_| "--many\r\n\r\nx\r\n").collect();
    let png = picture("spam-stock.png");
    let cases = [
        ("10,000 parts", message("c0", &format!("Content-Type: multipart/mixed; boundary=many\r\n\r\n{parts}--many--\r\n"))),
        // Postfix cuts header lines at line_length_limit and passes them on folded.
        ("a header of 1 MB", [format!("X-Long: {}\r\n", "x".repeat(1_000_000)).as_bytes(), &spam("c1")].concat()),
        ("bare CR and LF", message("c2", "Content-Type: text/plain\r\n\r\nbare\rcarriage\r\rreturns\nand\n\nline feeds\r\n.\n")),
        ("truncated picture", with_picture("c3", "image/png", &png[..png.len() / 3])),
        ("empty picture", with_picture("c4", "image/png", b"")),
        (
            "flipped picture",
            with_picture(
                "c5",
                "image/png",
                &png.iter().enumerate().map(|(at, byte)| if at % 97 == 40 { byte ^ 0x55 } else { *byte }).collect::<Vec<_>>(),
            ),
        ),
        ("text as picture", with_picture("c6", "image/jpeg", b"no picture")),
        (
            "broken MIME",
            message("c7", "Content-Type: multipart/mixed; boundary=\"open\r\n\r\n--open\r\nContent-Type: image/png\r\n\r\n"),
        ),
        ("over the size limit", with_picture("c8", "image/png", &vec![0x89; 5_000_000])),
        ("empty", b"\r\n".to_vec()),
    ];
    for (number, (name, message)) in cases.iter().enumerate() {
        let reply = postfix.send(message);
        assert!(reply.starts_with("250"), "{name}: {reply}");
        wait_for(&format!("delivery of {name}"), 30, || (postfix.delivered().len() > number).then_some(()));
    }
    let verdict = |subject: &str| fields(&postfix.delivered_with(&format!("Subject: {subject}\n")), "X-Image-Spam").concat();
    assert!(verdict("c0").contains("Unknown, reason=over-limit incomplete=parts"));
    assert!(verdict("c3").contains("Unknown, reason=undecodable") || verdict("c3").contains(", score="));
    assert!(verdict("c4").contains("Unknown, reason=undecodable pictures=0 undecodable=1"));
    assert!(verdict("c6").contains("Unknown, reason=undecodable"));
    assert!(verdict("c8").contains("Unknown, reason=message-size"));
}

#[test]
fn many_messages_on_one_smtp_connection_are_judged_one_by_one() {
    if missing() {
        return;
    }
    let (_daemon, postfix) = start(&[]);
    let mut client = Smtp::connect(postfix.port);
    for number in 0..6 {
        let name = if number % 2 == 0 { "spam-loan.jpg" } else { "ham-chart.png" };
        assert!(client.send(&with_picture(&format!("n{number}"), "image/x", &picture(name))).starts_with("250"));
        // A message given up after its recipients.
        client.command("MAIL FROM:<gone@example.com>");
        client.command("RCPT TO:<user@example.test>");
        client.command("RSET");
    }
    for number in 0..6 {
        let delivered = postfix.delivered_with(&format!("Subject: n{number}\n"));
        let expected = if number % 2 == 0 { "X-Image-Spam: Yes" } else { "X-Image-Spam: No" };
        assert!(fields(&delivered, "X-Image-Spam")[0].starts_with(expected), "{number}");
    }
}

/// Kills the daemon without warning while 200 messages are under way from ten clients, and starts it again. Clients
/// send again what was put off, as a mail server does. Returns how often each message was accepted.
fn killed_under_load(default_action: &str) -> (Postfix, HashMap<String, usize>) {
    const MESSAGES: usize = 200;
    let daemon = Daemon::start(&[]);
    let postfix = Postfix::start(&daemon.socket(), &[&format!("milter_default_action={default_action}")]);
    let next = AtomicUsize::new(0);
    let (accepted, put_off) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= MESSAGES {
                        return;
                    }
                    let message = spam(&format!("load-{number}-"));
                    wait_for("a message to be accepted", 60, || {
                        let reply = Smtp::connect(postfix.port).send(&message);
                        assert!(reply.starts_with(['2', '4']), "never a bounce: {reply}");
                        let taken = reply.starts_with('2');
                        if taken { &accepted } else { &put_off }.fetch_add(1, Ordering::SeqCst);
                        taken.then_some(())
                    });
                }
            });
        }
        wait_for("a quarter of the messages", 60, || (accepted.load(Ordering::SeqCst) >= MESSAGES / 4).then_some(()));
        let folder = daemon.kill();
        std::thread::sleep(Duration::from_millis(700));
        let again = Daemon::start_in(folder, &[]);
        wait_for("all messages", 120, || (accepted.load(Ordering::SeqCst) == MESSAGES).then_some(()));
        wait_for("the queue to empty", 60, || postfix.queue().is_empty().then_some(()));
        drop(again);
    });
    eprintln!("milter_default_action={default_action}: {} put off and sent again", put_off.load(Ordering::SeqCst));
    let mut delivered = HashMap::new();
    for message in postfix.delivered() {
        *delivered.entry(fields(&message, "Message-ID").concat()).or_insert(0) += 1;
    }
    assert_eq!(delivered.len(), MESSAGES);
    (postfix, delivered)
}

#[test]
fn killed_under_load_no_message_is_lost_or_doubled_with_default_action_accept() {
    if missing() {
        return;
    }
    let (postfix, delivered) = killed_under_load("accept");
    assert!(delivered.values().all(|count| *count == 1), "{delivered:?}");
    let unjudged = postfix.delivered().iter().filter(|message| fields(message, "X-Image-Spam").is_empty()).count();
    eprintln!("{unjudged} of 200 were delivered unjudged");
    assert!(unjudged < 200);
}

#[test]
fn killed_under_load_no_message_is_lost_or_doubled_with_default_action_tempfail() {
    if missing() {
        return;
    }
    let (postfix, delivered) = killed_under_load("tempfail");
    assert!(delivered.values().all(|count| *count == 1), "{delivered:?}");
    assert!(postfix.delivered().iter().all(|message| fields(message, "X-Image-Spam").len() == 1), "none is delivered unjudged");
}

/// `setup postfix` for the daemon of these settings; its exit status and what it says.
fn setup(postfix: &Postfix, settings: &[String], option: &[&str]) -> (Option<i32>, String) {
    let mut command = program();
    command.env("MAIL_CONFIG", postfix.configuration()).args(["setup", "postfix"]).args(option);
    let output = command.args(settings.iter().flat_map(|setting| ["--set", setting])).output().expect("program");
    (output.status.code(), [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}

#[test]
fn setup_shows_applies_and_undoes_the_line_of_main_cf_and_keeps_other_milters() {
    if missing() {
        return;
    }
    let daemon = Daemon::start(&[]);
    let other = "{ inet:127.0.0.1:1, default_action=accept, connect_timeout=1s }";
    let postfix = Postfix::start(&daemon.socket(), &[&format!("smtpd_milters={other}")]);
    let listen = [format!("milter.listen=[\"unix:{}\"]", daemon.socket().display())];
    let main_cf = || fs::read_to_string(postfix.configuration().join("main.cf")).expect("main.cf");
    let before = main_cf();
    let mut sent = 0;
    // A reload only asks for it: an smtpd that is there already may take one message more by the old configuration.
    let mut wait_until = |tagged: bool| {
        wait_for("Postfix to go by the new line", 30, || {
            sent += 1;
            let subject = format!("number-{sent}-");
            postfix.send(&spam(&subject));
            let is_tagged = !fields(&postfix.delivered_with(&subject), "X-Image-Spam").is_empty();
            (is_tagged == tagged).then_some(())
        });
    };

    let (status, shown) = setup(&postfix, &listen, &[]);
    let new = format!("smtpd_milters = {other}, {{ unix:{}, default_action=accept }}", daemon.socket().display());
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains(&format!("- smtpd_milters = {other}\n+ {new}\n")), "{shown}");
    assert_eq!(main_cf(), before, "it only shows");

    assert_eq!(setup(&postfix, &listen, &["--apply"]).0, Some(0));
    assert!(main_cf().contains(&format!("\n{new}\n")), "{}", main_cf());
    wait_until(true);
    let (status, again) = setup(&postfix, &listen, &["--apply"]);
    assert!(status == Some(0) && again.contains("nothing to change"), "{again}");

    assert_eq!(setup(&postfix, &listen, &["--undo"]).0, Some(0));
    assert_eq!(main_cf(), before);
    wait_until(false);
    let (status, again) = setup(&postfix, &listen, &["--undo"]);
    assert!(status == Some(0) && again.contains("nothing to change"), "{again}");
}

#[test]
fn setup_changes_nothing_where_postfix_could_not_reach_the_daemon() {
    if missing() {
        return;
    }
    let daemon = Daemon::start(&["milter.socket_mode=\"0600\""]);
    let postfix = Postfix::start(&daemon.socket(), &["smtpd_milters="]);
    let before = fs::read(postfix.configuration().join("main.cf")).expect("main.cf");
    let refused = |listen: &str, why: &str| {
        let (status, said) = setup(&postfix, &[format!("milter.listen=[\"{listen}\"]")], &["--apply"]);
        assert!(status == Some(2) && said.contains(why), "{said}");
        assert_eq!(fs::read(postfix.configuration().join("main.cf")).expect("main.cf"), before, "{said}");
    };
    let socket = format!("unix:{}", daemon.socket().display());
    refused(&socket, "Postfix's user postfix may not write to");
    refused("unix:/nowhere/milter.sock", "no daemon answers on unix:/nowhere/milter.sock");
    refused("inet:127.0.0.1:1", "no daemon answers on inet:127.0.0.1:1");
    let master = postfix.configuration().join("master.cf");
    let chrooted = fs::read_to_string(&master).expect("master.cf").replace("inet n - n - - smtpd", "inet n - y - - smtpd");
    fs::write(&master, chrooted).expect("master.cf");
    refused(&socket, "smtpd runs in a chroot");
}
