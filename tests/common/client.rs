//! A mail server's side of the milter protocol, by the byte (libmilter's `mfdef.h`), so that nothing of the library
//! under test vouches for itself.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// All actions of protocol version 6.
pub const ALL_ACTIONS: u32 = 0x1ff;
/// All protocol options of version 6.
pub const ALL_OPTIONS: u32 = 0x1f_ffff;
const NOREPLY_CONNECT: u32 = 0x1000;
const NOREPLY_MAIL: u32 = 0x4000;
const NOREPLY_RCPT: u32 = 0x8000;
const NOREPLY_HEADER: u32 = 0x80;

/// One connection of a mail server.
pub struct Client {
    stream: Box<dyn Stream>,
    /// What the milter asked for.
    pub options: u32,
    pub actions: u32,
    pub macros: Vec<(u32, String)>,
}

/// What the milter did with a message.
#[derive(Debug, Default)]
pub struct Answer {
    /// `a`ccept, `c`ontinue, `r`eject, `t`empfail, `d`iscard, `y` reply code.
    pub status: char,
    /// Text of a reply code.
    pub reply: String,
    /// Name and value of headers inserted, in order.
    pub inserted: Vec<(String, String)>,
    /// Name, index and new value of headers changed; an empty value removes.
    pub changed: Vec<(String, u32, String)>,
    pub quarantine: Option<String>,
}

impl Answer {
    /// The verdict's header, unfolded.
    pub fn verdict(&self) -> Option<String> {
        let found: Vec<_> = self.inserted.iter().filter(|(name, _)| name == "X-Image-Spam").collect();
        assert!(found.len() <= 1, "one verdict at most: {found:?}");
        found.first().map(|(_, value)| value.replace("\n\t", " "))
    }
}

/// Who sends a message to whom.
pub struct Envelope<'a> {
    pub client: &'a str,
    pub auth_type: Option<&'a str>,
    pub sender: &'a str,
    pub recipients: &'a [&'a str],
}

pub const OUTSIDE: Envelope<'static> =
    Envelope { client: "192.0.2.1", auth_type: None, sender: "<sender@example.com>", recipients: &["<user@example.test>"] };

impl Client {
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("connect");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("timeout");
        Self::negotiated(stream)
    }

    pub fn negotiated(stream: impl Stream + 'static) -> Self {
        Self::offering(stream, ALL_ACTIONS, ALL_OPTIONS)
    }

    /// A mail server that lets a milter do no more than this.
    pub fn offering(stream: impl Stream + 'static, actions: u32, options: u32) -> Self {
        let mut client = Self { stream: Box::new(stream), options: 0, actions: 0, macros: Vec::new() };
        client.negotiate(actions, options);
        client
    }

    fn negotiate(&mut self, actions: u32, options: u32) {
        let offer: Vec<u8> = [6, actions, options].iter().flat_map(|number: &u32| number.to_be_bytes()).collect();
        self.send(b'O', &offer);
        let (kind, answer) = self.receive().expect("negotiation");
        assert_eq!(kind, b'O');
        let number = |at: usize| u32::from_be_bytes(answer[at..at + 4].try_into().expect("four bytes"));
        (self.actions, self.options) = (number(4), number(8));
        let mut rest = &answer[12..];
        self.macros.clear();
        while rest.len() > 4 {
            let stage = u32::from_be_bytes(rest[..4].try_into().expect("four bytes"));
            let end = rest[4..].iter().position(|byte| *byte == 0).expect("NUL");
            self.macros.push((stage, String::from_utf8(rest[4..4 + end].to_vec()).expect("text")));
            rest = &rest[4 + end + 1..];
        }
    }

    /// Sends a frame; `false` if the other side has gone.
    pub fn try_send(&mut self, kind: u8, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len() + 1).expect("length").to_be_bytes();
        self.stream.write_all(&[&length, &[kind][..], payload].concat()).and_then(|()| self.stream.flush()).is_ok()
    }

    pub fn send(&mut self, kind: u8, payload: &[u8]) {
        assert!(self.try_send(kind, payload), "the daemon closed the connection");
    }

    /// Kind and payload of the next frame; `None` at the end.
    pub fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).ok()?;
        Some((frame[0], frame.split_off(1)))
    }

    fn expect_continue(&mut self, silent: u32) {
        if self.options & silent == 0 {
            assert_eq!(self.receive().expect("answer").0, b'c');
        }
    }

    pub fn connect_info(&mut self, client: &str) {
        let family = if client.contains(':') { b'6' } else { b'4' };
        self.send(b'D', b"C");
        self.send(b'C', &[b"host.example\0", &[family][..], &25u16.to_be_bytes(), client.as_bytes(), b"\0"].concat());
        self.expect_continue(NOREPLY_CONNECT);
    }

    /// MAIL and RCPT.
    pub fn envelope(&mut self, envelope: &Envelope<'_>) {
        match envelope.auth_type {
            Some(auth_type) => self.send(b'D', &[b"M{auth_type}\0", auth_type.as_bytes(), b"\0"].concat()),
            None => self.send(b'D', b"M"),
        }
        self.send(b'M', &[envelope.sender.as_bytes(), b"\0"].concat());
        self.expect_continue(NOREPLY_MAIL);
        for recipient in envelope.recipients {
            self.send(b'R', &[recipient.as_bytes(), b"\0"].concat());
            self.expect_continue(NOREPLY_RCPT);
        }
    }

    pub fn header(&mut self, name: &[u8], value: &[u8]) {
        self.send(b'L', &[name, b"\0", value, b"\0"].concat());
        self.expect_continue(NOREPLY_HEADER);
    }

    /// Header fields of a raw message, as a mail server hands them over; returns the body.
    pub fn headers<'a>(&mut self, message: &'a [u8]) -> &'a [u8] {
        let end = message.windows(4).position(|window| window == b"\r\n\r\n").expect("end of header");
        let text = String::from_utf8_lossy(&message[..end]).replace("\r\n ", "\n ").replace("\r\n\t", "\n\t");
        for field in text.split("\r\n") {
            let (name, value) = field.split_once(':').expect("colon");
            self.header(name.as_bytes(), value.strip_prefix(' ').unwrap_or(value).as_bytes());
        }
        &message[end + 4..]
    }

    /// Body in chunks of 64 kB, until the milter wants no more; the number of chunks sent.
    pub fn body(&mut self, body: &[u8]) -> usize {
        for (number, chunk) in body.chunks(65535).enumerate() {
            self.send(b'B', chunk);
            match self.receive().expect("answer").0 {
                b'c' => {}
                b's' => return number + 1,
                other => panic!("answer {:?} to a body chunk", other as char),
            }
        }
        body.chunks(65535).len()
    }

    pub fn end(&mut self) -> Answer {
        self.send(b'D', b"Ei\0QUEUE1\0");
        self.send(b'E', b"");
        self.answer()
    }

    /// Changes and answer at the end of a message.
    pub fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        loop {
            let (kind, payload) = self.receive().expect("answer");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned();
            let pair = |bytes: &[u8]| {
                let text = text(bytes);
                let (name, value) = text.split_once('\0').expect("two strings");
                (name.to_owned(), value.to_owned())
            };
            match kind {
                b'i' => answer.inserted.push(pair(&payload[4..])),
                b'm' => {
                    let (name, value) = pair(&payload[4..]);
                    answer.changed.push((name, u32::from_be_bytes(payload[..4].try_into().expect("index")), value));
                }
                // The verdict is under way.
                b'p' => {}
                b'q' => answer.quarantine = Some(text(&payload)),
                b'y' => {
                    answer.reply = text(&payload);
                    answer.status = 'y';
                    return answer;
                }
                other => {
                    answer.status = other as char;
                    return answer;
                }
            }
        }
    }

    /// A whole message from [`OUTSIDE`].
    pub fn message(&mut self, message: &[u8]) -> Answer {
        self.message_from(&OUTSIDE, message)
    }

    pub fn message_from(&mut self, envelope: &Envelope<'_>, message: &[u8]) -> Answer {
        self.connect_info(envelope.client);
        self.next_message(envelope, message)
    }

    /// A further message on the same SMTP connection.
    pub fn next_message(&mut self, envelope: &Envelope<'_>, message: &[u8]) -> Answer {
        self.envelope(envelope);
        let body = self.headers(message);
        self.body(body);
        self.end()
    }
}
