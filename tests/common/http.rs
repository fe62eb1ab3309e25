//! The daemon's HTTP interface, by the byte, and what its metrics say.

use std::io::{Read, Write};

/// Head and body of the answer to a request with this body and these further fields.
pub fn request(mut stream: impl Read + Write, line: &str, fields: &str, body: &[u8]) -> (String, String) {
    let head =
        format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).expect("request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answer");
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    (head.to_owned(), body.to_owned())
}

/// The same without either.
pub fn get(stream: impl Read + Write, line: &str) -> (String, String) {
    request(stream, line, "", b"")
}

/// The value of the metric whose line begins so.
pub fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|found| found.strip_prefix(line)).unwrap_or_else(|| panic!("no {line} in\n{text}"));
    found.trim().parse().expect("number")
}
