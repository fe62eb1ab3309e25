//! Attachments in Transport Neutral Encapsulation Format, `winmail.dat` ([MS-OXTNEF]). The one crate for it refuses a file
//! for a wrong checksum or an unknown code page, which mail programs pass over.

/// Level, identifier, length before the data of an attribute; a checksum of 2 bytes behind it ([MS-OXTNEF] 2.1.3).
const HEAD: usize = 9;
const CHECKSUM: usize = 2;
/// attAttachRenddata begins an attachment, attAttachTitle names it, attAttachData is the file ([MS-OXTNEF] 2.1.3.2).
const RENDDATA: u32 = 0x0006_9002;
const TITLE: u32 = 0x0001_8010;
const DATA: u32 = 0x0006_800f;

/// Name and bytes of each attachment, as far as the file is whole.
pub fn attachments(bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut found: Vec<(String, &[u8])> = Vec::new();
    let (mut title, mut data) = (None, None);
    // Signature and key stand before the first attribute.
    let mut rest = bytes.get(6..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_checked(HEAD) {
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (id, length) = (number(1), number(5) as usize);
        let value = &after[..length.min(after.len())];
        match id {
            RENDDATA => finish(&mut title, &mut data, &mut found),
            TITLE => title = Some(String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()),
            DATA => data = Some(value),
            _ => {}
        }
        rest = after.get(length.saturating_add(CHECKSUM)..).unwrap_or_default();
    }
    finish(&mut title, &mut data, &mut found);
    found
}

fn finish<'a>(title: &mut Option<String>, data: &mut Option<&'a [u8]>, found: &mut Vec<(String, &'a [u8])>) {
    let title = title.take().unwrap_or_default();
    found.extend(data.take().map(|data| (title, data)));
}
