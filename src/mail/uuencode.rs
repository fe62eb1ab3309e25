//! Files that stand uuencoded in text, between `begin 644 name` and `end` (POSIX.1-2017, uuencode).

/// Name and bytes of each file in the text; a block without its end counts as far as it goes.
pub fn files(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    if memchr::memmem::find(text, b"begin ").is_none() {
        return found;
    }
    let mut open: Option<(String, Vec<u8>)> = None;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let goes_on = open.as_mut().is_some_and(|(_, bytes)| line != b"end" && decode_line(line, bytes));
        if !goes_on {
            found.extend(open.take());
            open = begin(line).map(|name| (name, Vec::new()));
        }
    }
    found.extend(open);
    // Words can look like a beginning.
    found.retain(|(_, bytes)| !bytes.is_empty());
    found
}

fn begin(line: &[u8]) -> Option<String> {
    let rest = line.strip_prefix(b"begin ")?;
    let mode = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let name = rest.get(mode..)?.strip_prefix(b" ")?;
    (3..=4).contains(&mode).then(|| String::from_utf8_lossy(name).into_owned())
}

/// Appends what a line holds. `false` if it can't be a line of data.
fn decode_line(line: &[u8], into: &mut Vec<u8>) -> bool {
    let value = |byte: u8| matches!(byte, 0x20..=0x60).then(|| (byte - 0x20) & 0x3f);
    let Some((length, data)) = line.split_first() else { return false };
    let Some(length) = value(*length).map(usize::from) else { return false };
    let before = into.len();
    for group in data.chunks(4).take(length.div_ceil(3)) {
        // White space at a line's end is lost now and then; it stands for zeros.
        let Some(bits) = (0..4).try_fold(0_u32, |bits, at| Some(bits << 6 | u32::from(value(*group.get(at).unwrap_or(&b' '))?)))
        else {
            return false;
        };
        into.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    into.truncate(before + length);
    true
}

#[cfg(test)]
mod tests {
    use super::files;

    #[test]
    fn blocks_are_found_among_words_and_without_an_end() {
        let text = b"Hello\r\nbegin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\nwords\nbegin 1000 are words\nbegin 755 b\n#0V%T\n";
        assert_eq!(files(text), [("a.txt".to_owned(), b"Cat".to_vec()), ("b".to_owned(), b"Cat".to_vec())]);
        assert!(files(b"begin the day with a smile\nend\n").is_empty());
    }
}
