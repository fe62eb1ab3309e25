//! Messages, written by hand so that they can be broken.

use base64::{Engine, engine::general_purpose::STANDARD};

/// base64 in lines of 76 characters.
pub fn base64(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let lines: Vec<_> = encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    lines.join("\r\n") + "\r\n"
}

/// A part with the type and the bytes in base64.
pub fn part(media_type: &str, bytes: &[u8]) -> String {
    format!("Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", base64(bytes))
}

/// A message of words and one file, of no type in particular.
pub fn attached(name: &str, bytes: &[u8]) -> Vec<u8> {
    with_files("attached", &[(name, bytes)])
}

/// A message of words and these files.
pub fn with_files(subject: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let words = "Content-Type: text/plain\r\n\r\nHello\r\n".to_owned();
    let files = files.iter().map(|(name, bytes)| {
        let file = part("application/octet-stream", bytes);
        format!("Content-Disposition: attachment; filename=\"{name}\"\r\n{file}")
    });
    message(subject, &multipart("mixed", "b", &std::iter::once(words).chain(files).collect::<Vec<_>>()))
}

pub fn multipart(subtype: &str, boundary: &str, parts: &[String]) -> String {
    let inner: String = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect();
    format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\"\r\n\r\n{inner}--{boundary}--\r\n")
}

const HEADER: &str = "From: Sender <sender@example.com>\r\nTo: user@example.test\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n";

/// A message with the given end of its header and body, such as a part.
pub fn message(subject: &str, rest: &str) -> Vec<u8> {
    let id = subject.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{HEADER}Subject: {subject}\r\nMessage-ID: <{id}@example.com>\r\nMIME-Version: 1.0\r\n{rest}").into_bytes()
}

/// Text and one picture.
pub fn with_picture(subject: &str, media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let text = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".to_owned();
    message(subject, &multipart("mixed", "bound", &[text, part(media_type, bytes)]))
}

pub fn without_picture(subject: &str) -> Vec<u8> {
    message(subject, "Content-Type: text/plain\r\n\r\nHello\r\n")
}
