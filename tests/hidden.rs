//! Every place in which a sender can hide a picture or a code: the running daemon finds it, and says where.

mod common;

use common::{
    Daemon,
    client::{Answer, OUTSIDE},
    containers::{animated_gif, animated_png, encrypted_zip, jpeg, pdf, qr, qr_picture, tnef, uuencode, zip},
    messages::{attached, base64, message, multipart, part},
    picture,
};
use image::RgbImage;

/// A daemon that tells where it found each picture.
struct Watched(Daemon);

impl Watched {
    fn start(settings: &[&str]) -> Self {
        Self(Daemon::start(&[&["log.level=debug"], settings].concat()))
    }

    /// The answer, and the names and findings of the pictures.
    fn send(&self, message: &[u8]) -> (Answer, Vec<String>) {
        let before = self.0.log().len();
        let answer = self.0.client().message(message);
        common::wait_for("the log line", 20, || self.0.log()[before..].contains(" action=").then_some(()));
        let log = self.0.log()[before..].to_owned();
        let pictures = log.lines().filter_map(|line| line.split_once(" picture=")).map(|(_, rest)| rest.to_owned()).collect();
        (answer, pictures)
    }

    /// The message must be found to be spam, by the picture of this name.
    fn finds(&self, what: &str, message: &[u8], name: &str) {
        let (answer, pictures) = self.send(message);
        let verdict = answer.verdict().unwrap_or_default();
        assert!(verdict.starts_with("Yes, score=") && verdict.contains("class=spam"), "{what}: {verdict}\n{pictures:#?}");
        let found = pictures.iter().find(|picture| picture.starts_with(&format!("{name} ")));
        let found = found.unwrap_or_else(|| panic!("{what}: no {name} in {pictures:#?}"));
        let spam: f32 = found
            .split("probabilities=")
            .nth(1)
            .and_then(|p| p.split('/').nth(1))
            .and_then(|p| p.parse().ok())
            .expect("probability");
        assert!(spam > 0.9, "{what}: {found}");
    }
}

fn spam() -> Vec<u8> {
    picture("spam-stock.png")
}

fn spam_pixels() -> RgbImage {
    image::load_from_memory(&spam()).expect("picture").into_rgb8()
}

/// A quiet picture of the same size.
fn harmless_pixels() -> RgbImage {
    let letter = image::load_from_memory(&picture("ham-letter.png")).expect("picture");
    letter.resize_exact(529, 324, image::imageops::FilterType::Triangle).into_rgb8()
}

fn html(body: &str) -> Vec<u8> {
    message(
        "html",
        &format!(
            "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
            body.replace('\n', "\r\n")
        ),
    )
}

fn data_url() -> String {
    format!("data:image/png;base64,{}", base64(&spam()).replace("\r\n", ""))
}

#[test]
fn data_urls_in_html_are_seen() {
    let daemon = Watched::start(&[]);
    let url = data_url();
    let lines =
        |separator: &str| url.as_bytes().chunks(70).map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join(separator);
    let escaped: String = spam().iter().map(|byte| format!("%{byte:02x}")).collect();
    let pages = [
        ("src", format!("<html><body><p>Dear customer<img src=\"{url}\"></body></html>")),
        ("upper case, no quotes", format!("<IMG SRC={}>", url.replacen("data:image/png;base64", "DATA:IMAGE/PNG;BASE64", 1))),
        ("white space", format!("<img src='{}'>", lines("\n \t"))),
        ("URL-encoded", format!("<img src='data:image/png,{escaped}'>")),
        (
            "URL-encoded base64",
            format!("<img src='{}'>", url.replace('+', "%2B").replace('/', "%2f").replace("image%2fpng", "image/png")),
        ),
        ("no type", format!("<img src='{}'>", url.replacen("image/png", "", 1))),
        ("srcset", format!("<img src='cid:none' srcset='small.png 1x, {url} 2x'>")),
        ("style attribute", format!("<div style=\"width:600px;background-image:url('{url}')\"></div>")),
        ("style sheet", format!("<style>@media screen {{ .a > b {{ background: #fff url({url}) no-repeat }} }}</style>")),
        ("escaped style", format!("<div style='background:u\\52 L(\"{url}\")'></div>")),
        ("background", format!("<table background='{url}'><tr><td>x</table>")),
        ("conditional comment", format!("<!--[if mso]><img src='{url}'><![endif]-->")),
        ("never closed", format!("<p>x<img src='{url}'")),
    ];
    for (what, page) in &pages[..pages.len() - 1] {
        daemon.finds(what, &html(page), "1#data=1");
    }
    // No reader shows an element that never ends.
    let (answer, _) = daemon.send(&html(&pages[pages.len() - 1].1));
    assert_eq!((answer.status, answer.verdict()), ('a', None));
    for start in ["GIF89a", "%PDF-1.7\n", "PK\u{3}\u{4}", "<!-- %PDF-1.7 -->", "<svg/>"] {
        let (answer, pictures) = daemon.send(&html(&format!("{start}<img src=\"{url}\">")));
        assert!(answer.verdict().expect("verdict").starts_with("Yes, "), "a page that begins with {start:?}: {pictures:?}");
    }
    let words = "Content-Type: text/plain\r\n\r\nA file that begins with %PDF-1.7 is a document.\r\n";
    assert_eq!(daemon.send(&message("words", words)).0.verdict(), None, "words about PDF are no document");
    daemon.finds("attached page", &attached("invoice.html", pages[0].1.as_bytes()), "2/invoice.html#data=1");
    let page = part("text/html", pages[0].1.as_bytes());
    daemon.finds("beside its text", &message("m", &multipart("alternative", "b", &["\r\nx\r\n".to_owned(), page])), "2#data=1");
}

#[test]
fn pictures_that_are_only_linked_are_counted_and_never_fetched() {
    let daemon = Watched::start(&[]);
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    server.set_nonblocking(true).expect("non-blocking");
    let port = server.local_addr().expect("address").port();
    let links = format!(
        "<img src='http://127.0.0.1:{port}/a.png'><img src=\"//127.0.0.1:{port}/b.png\"><div style='background:url(http://127.0.0.1:{port}/c)'>"
    );
    assert_eq!(daemon.send(&html(&links)).0.verdict(), None);
    daemon.0.logged(" linked=3 ");
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='200'><image href='http://127.0.0.1:{port}/x.png' width='300' height='200'/><image href='file:///etc/hostname' width='9' height='9'/></svg>"
    );
    daemon.send(&attached("x.svg", svg.as_bytes()));
    assert!(server.accept().is_err(), "nobody asked for anything");
}

#[test]
fn archives_and_documents_are_opened() {
    let daemon = Watched::start(&[]);
    let spam = spam();
    let note = ("note.txt", &b"only words"[..]);
    daemon.finds("ZIP", &attached("offer.zip", &zip(&[note, ("pic.dat", &spam)])), "2/offer.zip/pic.dat");
    let inner = zip(&[("a/b.png", &spam)]);
    daemon.finds("ZIP in ZIP", &attached("x.zip", &zip(&[("in.zip", &inner)])), "2/x.zip/in.zip/a/b.png");
    let documents = [
        ("letter.docx", "word/media/image1.png"),
        ("table.xlsx", "xl/media/image1.png"),
        ("talk.pptx", "ppt/media/image1.png"),
        ("letter.odt", "Pictures/1000.png"),
        ("table.ods", "Pictures/1000.png"),
        ("talk.odp", "Pictures/1000.png"),
    ];
    for (document, media) in documents {
        let file = zip(&[("[Content_Types].xml", b"<?xml version=\"1.0\"?><Types/>"), (media, &spam)]);
        daemon.finds(document, &attached(document, &file), &format!("2/{document}/{media}"));
    }
    daemon.finds(
        "page in ZIP",
        &attached("p.zip", &zip(&[("i.html", format!("<img src='{}'>", data_url()).as_bytes())])),
        "2/p.zip/i.html#data=1",
    );
    let winmail = tnef(&[("note.txt", b"words"), ("pic.png", &spam)]);
    daemon.finds("TNEF", &attached("winmail.dat", &winmail), "2/winmail.dat/pic.png");
    let text = format!("Content-Type: text/plain\r\n\r\nSee below.\r\n\r\n{}\r\nBye\r\n", uuencode("pic.png", &spam));
    daemon.finds("uuencode", &message("uu", &text), "1/pic.png");
    let forwarded = part("message/rfc822", &attached("w.zip", &zip(&[("x.png", &spam)])));
    daemon.finds(
        "all together",
        &message("fw", &multipart("mixed", "o", &["\r\nx\r\n".to_owned(), forwarded])),
        "2.2/w.zip/x.png",
    );
}

#[test]
fn what_is_encrypted_or_broken_is_told() {
    let daemon = Watched::start(&[]);
    let (answer, pictures) = daemon.send(&attached("x.zip", &encrypted_zip(&[("pic.png", &spam()), ("note.txt", b"words")])));
    assert!(answer.verdict().expect("verdict").starts_with("Unknown, reason=undecodable pictures=0 undecodable=1"));
    assert!(
        pictures.len() == 1 && pictures[0].starts_with("2/x.zip/pic.png ") && pictures[0].contains("error=\"is encrypted\""),
        "{pictures:?}"
    );
    for (name, bytes) in [
        ("broken.pdf", &b"%PDF-1.7\nnothing"[..]),
        ("broken.zip", b"PK\x03\x04 nothing"),
        ("broken.svg", b"<svg><g>"),
        ("x.avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1"),
    ] {
        let (answer, pictures) = daemon.send(&attached(name, bytes));
        let verdict = answer.verdict().unwrap_or_default();
        assert!(verdict.contains("undecodable=1"), "{name}: {verdict}");
        assert!(pictures[0].starts_with(&format!("2/{name} ")) && pictures[0].contains("error="), "{name}: {pictures:?}");
    }
}

#[test]
fn pages_of_a_pdf_are_judged_one_by_one() {
    let daemon = Watched::start(&[]);
    let (letter, stock) = (jpeg(&harmless_pixels()), jpeg(&spam_pixels()));
    let document = pdf(&[&letter, &letter, &stock]);
    daemon.finds("third page", &attached("report.pdf", &document), "2/report.pdf#page=3");
    // Junk before the header, and a name that says something else.
    daemon.finds("hidden", &attached("a.txt", &[&b"junk\n"[..], &document].concat()), "2/a.txt#page=3");
    let few = Watched::start(&["limits.pages=2"]);
    let (answer, pictures) = few.send(&attached("report.pdf", &document));
    assert!(
        answer.verdict().expect("verdict").starts_with("No, ")
            && answer.verdict().expect("verdict").contains(" incomplete=pages ")
    );
    assert_eq!(pictures.len(), 2);
}

#[test]
fn pages_of_a_tiff_are_judged_one_by_one() {
    let daemon = Watched::start(&[]);
    let mut fax = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut fax).expect("TIFF");
    for pixels in [harmless_pixels(), harmless_pixels(), spam_pixels()] {
        let (width, height) = pixels.dimensions();
        encoder.write_image::<tiff::encoder::colortype::RGB8>(width, height, pixels.as_raw()).expect("page");
    }
    let fax = fax.into_inner();
    daemon.finds("third page", &attached("fax.tif", &fax), "2/fax.tif#page=3");
    let few = Watched::start(&["limits.pages=2"]);
    let (answer, pictures) = few.send(&attached("fax.tif", &fax));
    let verdict = answer.verdict().expect("verdict");
    assert!(verdict.starts_with("No, ") && verdict.contains(" incomplete=pages ") && pictures.len() == 2, "{verdict}");
}

#[test]
fn vector_graphics_are_rendered() {
    let daemon = Watched::start(&[]);
    let drawing = format!(
        "<?xml version=\"1.0\"?>\n<!-- drawn -->\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"529\" height=\"324\"><rect width=\"9\" height=\"9\"/><image href=\"{}\" width=\"529\" height=\"324\"/></svg>",
        data_url()
    );
    daemon.finds("SVG", &attached("logo.svg", drawing.as_bytes()), "2/logo.svg");
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut zipped, drawing.as_bytes()).expect("gzip");
    daemon.finds("SVGZ", &attached("logo.svgz", &zipped.finish().expect("gzip")), "2/logo.svgz");
    let url = format!("data:image/svg+xml,{}", drawing.replace('%', "%25").replace('#', "%23").replace('"', "'"));
    daemon.finds("in a data URL", &html(&format!("<img src=\"{url}\">")), "1#data=1");
    // Text is drawn: a code could not be read from it, but a picture of words is no blank.
    let words = "<svg xmlns='http://www.w3.org/2000/svg' width='400' height='200'><text x='10' y='90' font-size='60' font-family='Arial'>Words</text></svg>";
    let (answer, pictures) = daemon.send(&attached("words.svg", words.as_bytes()));
    assert!(answer.verdict().expect("verdict").starts_with("No, ") && pictures[0].contains("size=400x200"), "{pictures:?}");
}

#[test]
fn a_frame_that_is_shown_long_is_judged_behind_a_harmless_first_one() {
    let daemon = Watched::start(&[]);
    let (harmless, spam) = (harmless_pixels(), spam_pixels());
    // Short, unlike one another, and more than are judged.
    let mut frames: Vec<(RgbImage, u32)> = (0..12)
        .map(|n| {
            (
                RgbImage::from_fn(529, 324, |x, y| {
                    image::Rgb([((x * (n + 2) / 40) % 2 * 250) as u8, (y * n / 60 % 2 * 200) as u8, 90])
                }),
                30,
            )
        })
        .collect();
    frames.insert(0, (harmless, 20));
    frames.insert(7, (spam, 5000));
    daemon.finds("GIF", &attached("a.gif", &animated_gif(&frames)), "2/a.gif#frame=8");
    daemon.finds("APNG", &attached("a.png", &animated_png(&frames)), "2/a.png#frame=8");
    let short = Watched::start(&["limits.frames=7"]);
    let (answer, pictures) = short.send(&attached("a.gif", &animated_gif(&frames)));
    assert!(answer.verdict().expect("verdict").contains("incomplete=frames"), "{answer:?}");
    assert!(!pictures.iter().any(|picture| picture.contains("#frame=8")));
    let still = animated_gif(&[(spam_pixels(), 100), (spam_pixels(), 100)]);
    let (answer, pictures) = daemon.send(&attached("twice.gif", &still));
    assert!(
        pictures.len() == 1 && !answer.verdict().expect("verdict").contains("incomplete"),
        "equal frames count once: {pictures:?}"
    );
}

#[test]
fn a_picture_cut_into_tiles_is_judged_as_one() {
    let daemon = Watched::start(&[]);
    let whole = spam_pixels();
    let cut = |columns: u32, rows: u32| -> Vec<(u32, u32, Vec<u8>)> {
        let (width, height) = (whole.width() / columns, whole.height() / rows);
        let tile = |row: u32, column: u32| {
            common::png(&image::imageops::crop_imm(&whole, column * width, row * height, width, height).to_image())
        };
        (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| (row, column, tile(row, column)))
            .collect()
    };
    for (what, columns, rows) in [("strips", 1, 9), ("columns", 8, 1), ("tiles", 4, 3)] {
        let tiles = cut(columns, rows);
        let cell = |row: u32, column: u32| {
            format!("<td style='padding:0'><a href='https://x'><img src=\"cid:t{row}.{column}@x\" border=0></a></td>\n")
        };
        let line = |row: u32| format!("<tr>{}</tr>\n", (0..columns).map(|column| cell(row, column)).collect::<String>());
        let table = format!("<html><p>Hello</p><table cellspacing=0>{}</table>", (0..rows).map(line).collect::<String>());
        // The parts stand in another order than the page shows them.
        let mut parts: Vec<String> = tiles
            .iter()
            .map(|(row, column, bytes)| format!("Content-ID: <t{row}.{column}@x>\r\n{}", part("image/png", bytes)))
            .collect();
        parts.reverse();
        parts.insert(0, format!("Content-Type: text/html\r\n\r\n{table}\r\n"));
        daemon.finds(what, &message(what, &multipart("related", "b", &parts)), "1#tiles=1");
    }
    let strips: String = cut(1, 6)
        .iter()
        .map(|(_, _, bytes)| format!("<img src='data:image/png;base64,{}'><br>", base64(bytes).replace("\r\n", "")))
        .collect();
    daemon.finds("data URLs", &html(&strips), "1#tiles=1");
    // Pictures with words between them, or of other sizes, are not parts of one.
    let apart = html(&strips.replace("<br>", "<p>words</p>"));
    assert!(!daemon.send(&apart).1.iter().any(|picture| picture.contains("#tiles")));
}

#[test]
fn odd_pictures_are_decoded() {
    let daemon = Watched::start(&[]);
    let pixels = spam_pixels();
    let encoded = |format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        pixels.write_to(&mut bytes, format).expect("encode");
        bytes.into_inner()
    };
    daemon.finds("BMP", &attached("a.bmp", &encoded(image::ImageFormat::Bmp)), "2/a.bmp");
    daemon.finds("TIFF", &attached("a.tif", &encoded(image::ImageFormat::Tiff)), "2/a.tif");
    daemon.finds("WebP", &attached("a.webp", &encoded(image::ImageFormat::WebP)), "2/a.webp");
    let icon = image::imageops::resize(&pixels, 256, 157, image::imageops::FilterType::Triangle);
    let mut ico = Vec::new();
    let rgba = image::DynamicImage::from(icon).into_rgba8();
    image::ImageEncoder::write_image(
        image::codecs::ico::IcoEncoder::new(&mut ico),
        &rgba,
        256,
        157,
        image::ExtendedColorType::Rgba8,
    )
    .expect("ICO");
    daemon.finds("ICO", &attached("a.ico", &ico), "2/a.ico");
    let deep = image::DynamicImage::from(pixels.clone()).into_rgb16();
    let mut png16 = std::io::Cursor::new(Vec::new());
    deep.write_to(&mut png16, image::ImageFormat::Png).expect("PNG");
    daemon.finds("16-bit PNG", &attached("a.png", &png16.into_inner()), "2/a.png");
    // Turned by a quarter, and told so by EXIF: orientation 6, in a TIFF header behind "Exif".
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let large = image::imageops::resize(&pixels, 529 * 8, 324 * 8, image::imageops::FilterType::Triangle);
    for (pixels, size) in [(pixels, "size=529x324"), (large, "size=4232x2592")] {
        let turned = jpeg(&image::imageops::rotate270(&pixels));
        let turned = [&turned[..2], exif, &turned[2..]].concat();
        daemon.finds("EXIF", &attached("a.jpg", &turned), "2/a.jpg");
        let (_, pictures) = daemon.send(&attached("a.jpg", &turned));
        assert!(pictures[0].contains(size), "{pictures:?}");
    }
}

const URL: &str = "https://login.example.com/verify?id=42&u=user@example.test";

fn codes(answer: &Answer) -> Vec<String> {
    let found = answer.inserted.iter().filter(|(name, _)| name == "X-Image-Spam-QR");
    found.map(|(_, value)| value.replace("\n\t", " ")).collect()
}

#[test]
fn codes_are_read_wherever_they_are_drawn() {
    let daemon = Watched::start(&[]);
    let told = |place: &str| vec![format!("qr, part={place} text={URL}")];
    let code = qr_picture(URL, 5);
    let page = pdf(&[&jpeg(&code)]);
    let mut inverted = code.clone();
    inverted.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|value| 255 - value));
    let faint = RgbImage::from_fn(code.width(), code.height(), |x, y| {
        image::Rgb(code.get_pixel(x, y).0.map(|v| if v == 0 { 190 } else { 215 }))
    });
    for (name, bytes, place) in [
        ("plain", common::png(&code), "2/x"),
        ("inverted", common::png(&inverted), "2/x"),
        ("small", common::png(&qr_picture(URL, 2)), "2/x"),
        ("faint", common::png(&faint), "2/x"),
        ("turned", common::png(&image::imageops::rotate90(&code)), "2/x"),
        ("PDF", page, "2/x#page=1"),
        ("ZIP", zip(&[("q.png", &common::png(&code))]), "2/x/q.png"),
    ] {
        let (answer, _) = daemon.send(&attached("x", &bytes));
        assert_eq!(codes(&answer), told(place), "{name}");
        assert!(answer.verdict().expect("verdict").starts_with("No, "), "{name}: a code alone is no spam");
    }
    let modules = qr(URL);
    let at = |row: usize, column: usize| modules.get(row).and_then(|row| row.get(column)).copied().unwrap_or(false);
    let side = modules.len();
    let half = |row: usize| -> String {
        let block = |column| match (at(row, column), at(row + 1, column)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..side).map(block).collect::<String>().trim_end().to_owned() + "\r\n"
    };
    let halves: String = (0..side).step_by(2).map(half).collect();
    let text = |drawn: &str| {
        message(
            "t",
            &format!(
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nScan this:\r\n\r\n{drawn}\r\nThanks\r\n"
            ),
        )
    };
    assert_eq!(codes(&daemon.send(&text(&halves)).0), told("1#drawn=1"), "half blocks");
    // Light on dark, as terminals show it, with its quiet zone.
    let full = |row: usize| {
        (0..side + 4).map(|column| if at(row.wrapping_sub(2), column.wrapping_sub(2)) { "  " } else { "██" }).collect::<String>()
            + "\r\n"
    };
    let fulls: String = (0..side + 4).map(full).collect();
    assert_eq!(codes(&daemon.send(&text(&fulls)).0), told("1#drawn=1"), "full blocks, inverted");
    let pre = html(&format!("<pre style='line-height:1'>{}</pre>", halves.replace("\r\n", "\n")));
    assert_eq!(codes(&daemon.send(&pre).0), told("1#drawn=1"), "in HTML");
    let cell =
        |dark: bool| if dark { "<td bgcolor=\"#000000\"></td>" } else { "<td style=\"background-color:rgb(255,255,255)\"></td>" };
    let row = |row: usize| format!("<tr height=4>{}</tr>\n", (0..side).map(|column| cell(at(row, column))).collect::<String>());
    let table = html(&format!("<p>Scan</p><table cellspacing=0>{}</table>", (0..side).map(row).collect::<String>()));
    let (answer, _) = daemon.send(&table);
    assert_eq!((codes(&answer), answer.verdict()), (told("1#drawn=1"), None), "table cells");
}

#[test]
fn a_codes_text_can_be_a_rule_and_forged_headers_are_removed() {
    let rules = r#"policy.rules=[{ qr = "recipient", action = "quarantine" }, { qr = ["evil.example", "bücher.example"], action = "reject" }, { class = "spam", threshold = "tag", action = "tag" }]"#;
    let daemon = Watched::start(&[rules]);
    let with_code = |text: &str| attached("x.png", &common::png(&qr_picture(text, 4)));
    let (answer, _) = daemon.send(&with_code(URL));
    assert!(answer.quarantine.is_some() && answer.verdict().expect("verdict").contains("class=qr"), "{answer:?}");
    for refused in ["https://a.evil.example/x", "https:\\\\ev%69l.example", "https://xn--bcher-kva.example/"] {
        assert_eq!(daemon.send(&with_code(refused)).0.status, 'y', "{refused}");
    }
    let hostile = "x\r\nBcc: victim@example.org\r\n\r\n<b>\u{202e}";
    let forged = [b"X-Image-Spam-QR: qr, part=1 text=https://good.example/\r\n", &with_code(hostile)[..]].concat();
    let (answer, _) = daemon.send(&forged);
    assert_eq!(codes(&answer), ["qr, part=2/x.png text=x%0D%0ABcc:%20victim@example.org%0D%0A%0D%0A%3Cb%3E%E2%80%AE"]);
    assert_eq!(answer.changed, [("X-Image-Spam-QR".to_owned(), 1, String::new())]);
    let log = daemon.0.log();
    assert!(
        !log.lines().any(|line| line.starts_with("Bcc")) && log.contains("code=qr picture=2/x.png text=\"x\\r\\nBcc"),
        "{log}"
    );
    let other = common::client::Envelope { recipients: &["<other@example.test>"], ..OUTSIDE };
    assert_eq!(daemon.0.client().message_from(&other, &with_code(URL)).quarantine, None);
}
