//! The built daemon on its sockets: what it asks of a mail server, connections, start and end.

mod common;

use std::{
    io::Write,
    net::TcpStream,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    time::{Duration, Instant},
};

use common::{
    Daemon,
    client::{Client, OUTSIDE},
    messages::{with_picture, without_picture},
    picture, wait_for,
};
use nix::sys::signal::Signal;

fn spam() -> Vec<u8> {
    with_picture("spam", "image/png", &picture("spam-stock.png"))
}

fn ham() -> Vec<u8> {
    with_picture("ham", "image/png", &picture("ham-letter.png"))
}

#[test]
fn only_the_events_macros_and_rights_that_are_used_are_asked_for() {
    let daemon = Daemon::start(&[]);
    let client = daemon.client();
    let (add_header, change_header, quarantine) = (0x1, 0x10, 0x20);
    assert_eq!(client.actions, add_header | change_header, "no quarantine without a rule for it");
    let (no_helo, no_data, no_eoh, no_unknown) = (0x2, 0x200, 0x40, 0x100);
    let (no_connect, no_mail, no_rcpt, no_header, no_body) = (0x1, 0x4, 0x8, 0x20, 0x10);
    assert_eq!(client.options & (no_helo | no_data | no_eoh | no_unknown), no_helo | no_data | no_eoh | no_unknown);
    assert_eq!(client.options & (no_connect | no_mail | no_rcpt | no_header | no_body), 0);
    let asked: Vec<_> =
        client.macros.iter().filter(|(_, names)| !names.is_empty()).map(|(stage, names)| (*stage, names.as_str())).collect();
    assert_eq!(asked, [(2, "{auth_type}"), (5, "i")], "stages of mfapi.h: 2 is MAIL, 5 is the end of the message");
    let dry = Daemon::start(&["policy.dry_run=true"]);
    assert_eq!(dry.client().actions, 0);
    let quarantining = Daemon::start(&[r#"policy.rules=[{class="spam",threshold=0.5,action="quarantine"}]"#]);
    assert_eq!(quarantining.client().actions, add_header | change_header | quarantine);
}

#[test]
fn a_mail_server_that_offers_little_is_served_all_the_same() {
    let daemon = Daemon::start(&[]);
    let stream = UnixStream::connect(daemon.socket()).expect("connect");
    // Version 2 of the protocol: neither silent answers nor skips, no removal of headers.
    let mut client = Client::offering(stream, 0x1 | 0x2, 0x7f);
    let answer = client.message(&spam());
    assert_eq!(answer.status, 'a');
    assert!(answer.verdict().expect("verdict").starts_with("Yes"));
}

#[test]
fn one_connection_carries_many_messages_also_after_an_abort() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.client();
    client.connect_info("192.0.2.1");
    for round in 0..5 {
        assert!(client.next_message(&OUTSIDE, &spam()).verdict().expect("verdict").starts_with("Yes"), "{round}");
        // Aborted in the middle of the body: nothing of it may reach the next message.
        client.envelope(&OUTSIDE);
        let aborted = spam();
        let body = client.headers(&aborted);
        client.body(&body[..body.len() / 2]);
        client.send(b'A', b"");
        assert!(client.next_message(&OUTSIDE, &ham()).verdict().expect("verdict").starts_with("No"), "{round}");
    }
}

#[test]
fn many_connections_are_served_at_once() {
    // Time for all of them on a slow machine.
    let daemon = Daemon::start(&["policy.deadline=60s"]);
    let mut clients: Vec<_> = (0..100).map(|_| daemon.client()).collect();
    for client in &mut clients {
        client.connect_info("192.0.2.1");
        client.envelope(&OUTSIDE);
    }
    let message = spam();
    for client in &mut clients {
        let body = client.headers(&message);
        client.body(body);
    }
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = clients.iter_mut().map(|client| scope.spawn(|| client.end())).collect();
        threads.into_iter().map(|thread| thread.join().expect("answer")).collect()
    });
    assert!(answers.iter().all(|answer| answer.verdict().is_some_and(|verdict| verdict.starts_with("Yes"))));
}

#[test]
fn a_connection_over_the_limit_waits_until_another_closes() {
    let daemon = Daemon::start(&["milter.connections=2"]);
    let (first, _second) = (daemon.client(), daemon.client());
    let socket = daemon.socket();
    let third = std::thread::spawn(move || Client::connect(&socket).message(&without_picture("third")).status);
    std::thread::sleep(Duration::from_millis(500));
    assert!(!third.is_finished(), "the third connection was served beyond the limit");
    drop(first);
    assert_eq!(third.join().expect("third"), 'a');
}

#[test]
fn on_sigterm_a_message_under_way_ends_and_nothing_new_is_taken() {
    let mut daemon = Daemon::start(&[]);
    let mut client = daemon.client();
    client.connect_info("192.0.2.1");
    client.envelope(&OUTSIDE);
    let message = spam();
    let (first, rest) = client.headers(&message).split_at(1000);
    client.body(first);
    daemon.signal(Signal::SIGTERM);
    daemon.logged("shutting down: 1 messages under way");
    wait_for("the socket to close", 5, || UnixStream::connect(daemon.socket()).err());
    // Behind the close, which a busy machine may let be seen before.
    wait_for("the socket file to be removed", 5, || (!daemon.socket().exists()).then_some(()));
    client.body(rest);
    assert!(client.end().verdict().expect("verdict").starts_with("Yes"));
    assert!(daemon.wait().success());
    daemon.logged("stopped");
}

#[test]
fn sighup_does_not_disturb_the_daemon() {
    let mut daemon = Daemon::start(&[]);
    daemon.signal(Signal::SIGHUP);
    daemon.logged("reloaded: model=resnet50-thin/");
    assert!(daemon.client().message(&spam()).verdict().expect("verdict").starts_with("Yes"));
    assert!(daemon.is_running());
}

#[test]
fn a_message_that_never_ends_delays_the_shutdown_only_so_long() {
    let mut daemon = Daemon::start(&["milter.shutdown_grace=1s"]);
    let mut client = daemon.client();
    client.connect_info("192.0.2.1");
    client.envelope(&OUTSIDE);
    client.body(b"a first chunk, whose answer shows that the message has begun");
    let started = Instant::now();
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.wait().success());
    assert!((1.0..8.0).contains(&started.elapsed().as_secs_f32()), "{:?}", started.elapsed());
    assert!(client.receive().is_none(), "the connection is closed");
}

#[test]
fn sockets_of_all_kinds_carry_messages_at_once() {
    let folder = tempfile::tempdir().expect("folder");
    let paths = ["a.sock", "b.sock"].map(|name| folder.path().join(name));
    let listen = format!(
        r#"milter.listen=["unix:{}","unix:{}","inet:127.0.0.1:0","inet6:[::1]:0"]"#,
        paths[0].display(),
        paths[1].display()
    );
    let daemon = Daemon::start(&[&listen, "milter.socket_mode=\"0640\"", "milter.socket_group=\"nogroup\""]);
    let ready = daemon.logged(": ready: ");
    let ports: Vec<u16> = ready
        .split("inet")
        .skip(1)
        .filter_map(|piece| {
            let digits = piece.split([',', ' ']).next()?.rsplit(':').next()?;
            digits.parse().ok()
        })
        .collect();
    assert_eq!(ports.len(), 2, "{ready}");
    let message = without_picture("socket");
    for path in &paths {
        assert_eq!(std::fs::metadata(path).expect("socket").permissions().mode() & 0o777, 0o640);
        assert_eq!(Client::connect(path).message(&message).status, 'a');
    }
    assert_eq!(Client::negotiated(TcpStream::connect(("127.0.0.1", ports[0])).expect("inet")).message(&message).status, 'a');
    assert_eq!(Client::negotiated(TcpStream::connect(("::1", ports[1])).expect("inet6")).message(&message).status, 'a');
}

#[test]
fn a_stale_socket_file_is_replaced_and_a_live_one_or_a_file_is_an_error() {
    let daemon = Daemon::start(&[]);
    let listen = format!("milter.listen=[\"unix:{}\"]", daemon.socket().display());
    let second = common::program().args(["run", "--set", &listen]).output().expect("second daemon");
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && error.contains("another process listens there"), "{error}");
    assert_eq!(daemon.client().message(&without_picture("first lives")).status, 'a');

    let folder = daemon.kill();
    assert!(folder.path().join("milter.sock").exists(), "kill -9 leaves the file");
    let daemon = Daemon::start_in(folder, &[]);
    assert_eq!(daemon.client().message(&without_picture("stale replaced")).status, 'a');

    let file = daemon.folder().join("file");
    std::fs::write(&file, "precious").expect("file");
    let third = common::program()
        .args(["run", "--set", &format!("milter.listen=[\"unix:{}\"]", file.display())])
        .output()
        .expect("third");
    assert!(String::from_utf8_lossy(&third.stderr).contains("not a socket"), "{third:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("file"), "precious");
}

#[test]
fn a_socket_file_that_was_removed_is_made_anew_and_one_that_replaced_it_is_left_alone() {
    let daemon = Daemon::start(&[]);
    let mut open = daemon.client();
    std::fs::remove_file(daemon.socket()).expect("remove");
    daemon.logged("was removed, and has been made anew");
    assert_eq!(daemon.client().message(&without_picture("anew")).status, 'a');
    assert_eq!(open.message(&without_picture("open all the while")).status, 'a');

    std::fs::remove_file(daemon.socket()).expect("remove");
    std::fs::write(daemon.socket(), "another's").expect("file");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(std::fs::read_to_string(daemon.socket()).expect("file"), "another's");
}

#[test]
fn sockets_of_systemd_are_used_instead_of_the_configured_ones() {
    let activate = "/usr/bin/systemd-socket-activate";
    if !std::path::Path::new(activate).exists() {
        eprintln!("skipped: needs {activate} (package systemd)");
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let socket = folder.path().join("systemd.sock");
    let program = common::program();
    let mut command = std::process::Command::new(activate);
    for (name, value) in program.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.arg(format!("--setenv={}={}", name.display(), value.display())).env(name, value);
    }
    let mut child = command
        .arg(format!("--listen={}", socket.display()))
        .arg(program.get_program())
        .args(["run", "--set", "milter.listen=[\"unix:/nonexistent/milter.sock\"]"])
        .stderr(std::fs::File::create(folder.path().join("log")).expect("log"))
        .spawn()
        .expect("systemd-socket-activate");
    // Its file is there a moment before anybody listens.
    let stream = wait_for("systemd's socket", 10, || UnixStream::connect(&socket).ok());
    let answer = Client::negotiated(stream).message(&spam());
    child.kill().expect("kill");
    child.wait().expect("wait");
    assert!(answer.verdict().expect("verdict").starts_with("Yes"));
}

#[test]
fn a_log_on_a_full_disk_costs_no_message() {
    let folder = tempfile::tempdir().expect("folder");
    let socket = folder.path().join("milter.sock");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut child = common::program()
        .args(["run", "--set", &format!("milter.listen=[\"unix:{}\"]", socket.display())])
        .stderr(full)
        .spawn()
        .expect("daemon");
    wait_for("the socket", 20, || UnixStream::connect(&socket).ok());
    for _ in 0..3 {
        assert!(Client::connect(&socket).message(&spam()).verdict().expect("verdict").starts_with("Yes"));
    }
    assert!(child.try_wait().expect("status").is_none(), "the daemon goes on");
    child.kill().expect("kill");
    child.wait().expect("wait");
}

#[test]
fn a_client_that_hangs_up_at_any_event_or_talks_nonsense_disturbs_nobody() {
    let mut daemon = Daemon::start(&[]);
    let message = spam();
    for stop in 0..8 {
        let mut client = daemon.client();
        let steps: [&dyn Fn(&mut Client); 7] = [
            &|client| client.connect_info("192.0.2.1"),
            &|client| client.envelope(&OUTSIDE),
            &|client| client.header(b"Subject", b"x"),
            &|client| client.send(b'B', b"half a body"),
            &|client| client.send(b'D', b"Ei\0Q\0"),
            &|client| client.send(b'E', b""),
            &|client| client.send(b'M', b"<a@b>\0"),
        ];
        steps.iter().take(stop).for_each(|step| step(&mut client));
    }
    for nonsense in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 0], &[0xff; 64], b"\0\0\0\x01Z", b"\0\0\0\x05O\0\0\0\x06", b"\0\0\0\x02L\0"]
    {
        let mut stream = UnixStream::connect(daemon.socket()).expect("connect");
        let _ = stream.write_all(nonsense);
    }
    assert!(daemon.client().message(&message).verdict().expect("verdict").starts_with("Yes"));
    assert!(daemon.is_running());
}
