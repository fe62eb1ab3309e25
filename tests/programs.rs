//! Files by the programs that make them in the world: ImageMagick, Ghostscript, qpdf, qrencode, uuencode, LibreOffice. The
//! running daemon finds what is in each. A program that is missing is said, and its files left out.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{
    Daemon,
    client::Answer,
    containers::tnef,
    messages::{attached, base64, message},
    picture, repository,
};

struct Workshop {
    daemon: Daemon,
    folder: tempfile::TempDir,
}

impl Workshop {
    fn open() -> Self {
        Self { daemon: Daemon::start(&["log.level=debug"]), folder: tempfile::tempdir().expect("folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(name: &str) -> String {
        repository().join("tests/data").join(name).display().to_string()
    }

    /// Runs a program here; `false` if it is missing. `DATA/` in an argument stands for the folder of test pictures.
    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let there = Command::new("sh").args(["-c", &format!("command -v {program} >/dev/null")]).status().expect("sh").success();
        if !there {
            eprintln!("skipped: {program} is missing (tests/install-tools installs it, LibreOffice excepted)");
            return false;
        }
        let arguments = arguments.iter().map(|argument| argument.replace("DATA/", &Self::data("")));
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .output()
            .expect("run");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        true
    }

    fn send(&self, name: &str) -> Answer {
        let bytes = fs::read(self.path(name)).expect("file");
        self.daemon.client().message(&attached(name, &bytes))
    }

    /// Spam must be found in the file, at this place in it.
    fn finds(&self, name: &str, place: &str) {
        let before = self.daemon.log().len();
        let verdict = self.send(name).verdict().unwrap_or_default();
        assert!(verdict.starts_with("Yes, "), "{name}: {verdict}\n{}", &self.daemon.log()[before..]);
        let log = self.daemon.log();
        assert!(log[before..].contains(&format!(" picture=2/{name}{place} ")), "{name}: no {place} in {}", &log[before..]);
    }
}

#[test]
fn what_imagemagick_writes_is_seen() {
    let shop = Workshop::open();
    let spam = "DATA/spam-stock.png";
    for (name, options) in [
        ("cmyk.jpg", &["-colorspace", "CMYK", "-quality", "95"][..]),
        ("progressive.jpg", &["-interlace", "JPEG"]),
        ("large.jpg", &["-resize", "800%"]),
        ("large-progressive.jpg", &["-resize", "800%", "-interlace", "JPEG", "-sampling-factor", "1x1"]),
        ("large-cmyk.jpg", &["-resize", "800%", "-colorspace", "CMYK"]),
        ("palette.png", &["-type", "Palette"]),
        ("deep.png", &["-depth", "16"]),
        ("interlaced.png", &["-interlace", "PNG"]),
        ("packed.tif", &["-compress", "LZW"]),
        ("planes.tif", &["-interlace", "plane", "-compress", "Zip"]),
        ("old.bmp", &["-define", "bmp:format=bmp3"]),
        ("lossless.webp", &["-define", "webp:lossless=true"]),
    ] {
        let arguments = [&[spam], options, &[name]].concat();
        if shop.run("convert", &arguments) {
            shop.finds(name, "");
        }
    }
    // Of an interlaced one that breaks off programs show all of it, coarser.
    if let Ok(bytes) = fs::read(shop.path("interlaced.png")) {
        fs::write(shop.path("coarse.png"), &bytes[..bytes.len() * 3 / 4]).expect("file");
        shop.finds("coarse.png", "");
    }
    // Optimised: later frames hold only what changes.
    let animation = [
        "-delay",
        "5",
        "DATA/ham-flower.jpg",
        "-delay",
        "400",
        spam,
        "-resize",
        "529x324!",
        "-layers",
        "Optimize",
        "animated.gif",
    ];
    if shop.run("convert", &animation) {
        shop.finds("animated.gif", "#frame=2");
    }
    if shop.path("animated.gif").exists() && shop.run("gif2webp", &["-quiet", "animated.gif", "-o", "animated.webp"]) {
        shop.finds("animated.webp", "#frame=2");
    }
}

#[test]
fn documents_of_ghostscript_and_qpdf_are_rendered_or_told_to_be_encrypted() {
    let shop = Workshop::open();
    if !shop.run("convert", &["DATA/spam-stock.png", "-quality", "95", "spam.jpg"]) {
        return;
    }
    let words = "/Times-Roman findfont 14 scalefont setfont 72 700 moveto (Dear customer) show showpage";
    let spam = "529 324 scale 529 324 8 [529 0 0 -324 0 324] (spam.jpg) (r) file /DCTDecode filter false 3 colorimage showpage";
    fs::write(shop.path("pages.ps"), format!("{words}\n<< /PageSize [529 324] >> setpagedevice {spam}\n")).expect("PostScript");
    if shop.run("gs", &["-q", "-dNOSAFER", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pdfwrite", "-o", "pages.pdf", "pages.ps"]) {
        shop.finds("pages.pdf", "#page=2");
        // With an empty password every reader opens it, with another none does.
        if shop.run("qpdf", &["--encrypt", "", "owner", "256", "--", "pages.pdf", "open.pdf"]) {
            shop.finds("open.pdf", "#page=2");
            assert!(shop.run("qpdf", &["--encrypt", "user", "owner", "256", "--", "pages.pdf", "closed.pdf"]));
            assert!(shop.send("closed.pdf").verdict().expect("verdict").starts_with("Unknown, reason=undecodable"));
            shop.daemon.logged("the document is encrypted with a password");
        }
    }
}

/// A PNG of a letter, in whose lower right corner this code is, straight or turned by 20 degrees.
fn on_a_page(code: &Path, turned: bool) -> Vec<u8> {
    let code = image::open(code).expect("code").to_luma8();
    let mut page = image::load_from_memory(&picture("ham-letter.png")).expect("letter").to_rgb8();
    let (sin, cos) = if turned { 20_f32.to_radians().sin_cos() } else { (0.0, 1.0) };
    // Half a square that the turned code is in, with what has to be light around it.
    let half = (code.width().max(code.height()) as f32 * 0.8) as i32;
    let middle = (page.width() as i32 - half, page.height() as i32 - half);
    for (x, y) in (-half..half).flat_map(|y| (-half..half).map(move |x| (x, y))) {
        let at = |along: f32, across: f32, length: u32| along * cos + across * sin + length as f32 / 2.0;
        let (column, row) = (at(x as f32, y as f32, code.width()), at(y as f32, -x as f32, code.height()));
        let within = column >= 0.0 && row >= 0.0;
        let pixel = code.get_pixel_checked(column as u32, row as u32).filter(|_| within).map_or(255, |pixel| pixel.0[0]);
        page.put_pixel((middle.0 + x) as u32, (middle.1 + y) as u32, image::Rgb([pixel; 3]));
    }
    common::png(&page)
}

#[test]
fn codes_of_qrencode_and_zint_are_read() {
    let shop = Workshop::open();
    let text = "https://example.com/pay?id=1";
    let told = |answer: &Answer| {
        answer.inserted.iter().filter(|(name, value)| name == "X-Image-Spam-QR" && value.ends_with(text)).count()
    };
    for (name, options) in
        [("a.png", &["-s", "3"][..]), ("a.svg", &["-t", "SVG"]), ("light.png", &["--foreground=FFFFFF", "--background=202020"])]
    {
        if shop.run("qrencode", &[&["-o", name], options, &[text]].concat()) {
            assert_eq!(told(&shop.send(name)), 1, "{name}");
        }
    }
    // rxing reads no Aztec code that is turned by more than some 10 degrees.
    for (name, symbology, turns) in [("aztec.png", "92", &[false][..]), ("datamatrix.png", "71", &[false, true])] {
        if shop.run("zint", &["-b", symbology, "--scale", "2", "-o", name, "-d", text]) {
            assert_eq!(told(&shop.send(name)), 1, "{name}");
            for turned in turns {
                fs::write(shop.path("page.png"), on_a_page(&shop.path(name), *turned)).expect("page");
                assert_eq!(told(&shop.send("page.png")), 1, "{name} in a corner of a page, turned: {turned}");
            }
        }
    }
    for format in ["UTF8", "UTF8i", "ASCII", "ASCIIi"] {
        if shop.run("qrencode", &["-t", format, "-o", "drawn.txt", text]) {
            let drawn = fs::read_to_string(shop.path("drawn.txt")).expect("text").replace('\n', "\r\n");
            let body = format!(
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nScan:\r\n\r\n{drawn}\r\n"
            );
            assert_eq!(told(&shop.daemon.client().message(&message("drawn", &body))), 1, "{format}");
        }
    }
}

#[test]
fn what_uuencode_and_gzip_write_is_opened_and_our_tnef_is_what_tnef_reads() {
    let shop = Workshop::open();
    if shop.run("sh", &["-c", "command -v uuencode >/dev/null && uuencode DATA/spam-stock.png pic.png > pic.uu || true"])
        && shop.path("pic.uu").exists()
    {
        let block = fs::read_to_string(shop.path("pic.uu")).expect("text").replace('\n', "\r\n");
        let body = format!("Content-Type: text/plain\r\n\r\nLook:\r\n{block}");
        assert!(shop.daemon.client().message(&message("uu", &body)).verdict().expect("verdict").starts_with("Yes"));
    }
    fs::write(shop.path("winmail.dat"), tnef(&[("pic.png", &picture("spam-stock.png"))])).expect("file");
    if shop.run("tnef", &["winmail.dat"]) {
        assert_eq!(fs::read(shop.path("pic.png")).expect("unpacked"), picture("spam-stock.png"));
    }
}

#[test]
fn documents_of_libreoffice_are_opened() {
    let shop = Workshop::open();
    fs::copy(Workshop::data("spam-stock.png"), shop.path("spam.png")).expect("copy");
    // A picture that is only linked would not be written into the document.
    let url = base64(&picture("spam-stock.png")).replace("\r\n", "");
    fs::write(
        shop.path("page.html"),
        format!("<html><body><p>Dear customer</p><img src=\"data:image/png;base64,{url}\"></body></html>"),
    )
    .expect("page");
    // The module, and the formats that it writes, with the place of pictures in them.
    let writer = [("odt", "Pictures/"), ("docx", "word/media/"), ("pdf", "#page=1")];
    for (format, place) in writer {
        let filter = format!(
            "{format}{}",
            if format == "docx" {
                ":MS Word 2007 XML"
            } else if format == "odt" {
                ":writer8"
            } else {
                ":writer_web_pdf_Export"
            }
        );
        if !shop.run("soffice", &["--headless", "--infilter=HTML (StarWriter)", "--convert-to", &filter, "page.html"]) {
            return;
        }
        seen_in(&shop, &format!("page.{format}"), place);
    }
    let frame = format!(
        "<draw:frame svg:width=\"14cm\" svg:height=\"8cm\" svg:x=\"1cm\" svg:y=\"1cm\"><draw:image><office:binary-data>{url}</office:binary-data></draw:image></draw:frame>"
    );
    let sheet = format!(
        "<office:spreadsheet><table:table table:name=\"a\"><table:shapes>{frame}</table:shapes><table:table-row><table:table-cell/></table:table-row></table:table></office:spreadsheet>"
    );
    let talk = format!("<office:presentation><draw:page draw:name=\"a\">{frame}</draw:page></office:presentation>");
    let flat = [("sheet.fods", "spreadsheet", sheet), ("talk.fodp", "presentation", talk)];
    for (name, kind, body) in flat {
        fs::write(shop.path(name), opendocument(kind, &body)).expect("document");
    }
    for (from, format, place) in [
        ("sheet", "ods", "Pictures/"),
        ("sheet", "xlsx", "xl/media/"),
        ("talk", "odp", "Pictures/"),
        ("talk", "pptx", "ppt/media/"),
    ] {
        let source = if from == "sheet" { "sheet.fods" } else { "talk.fodp" };
        shop.run("soffice", &["--headless", "--convert-to", format, source]);
        seen_in(&shop, &format!("{from}.{format}"), place);
    }
}

/// A flat document (ODF 1.3, part 3, section 2.2.1).
fn opendocument(kind: &str, body: &str) -> String {
    let namespaces: String = [("office", "office"), ("table", "table"), ("draw", "drawing"), ("svg", "svg-compatible")]
        .map(|(prefix, name)| format!(" xmlns:{prefix}=\"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0\""))
        .concat();
    format!(
        "<?xml version=\"1.0\"?><office:document{namespaces} office:version=\"1.3\" office:mimetype=\"application/vnd.oasis.opendocument.{kind}\"><office:body>{body}</office:body></office:document>"
    )
}

fn seen_in(shop: &Workshop, name: &str, place: &str) {
    assert!(Path::new(&shop.path(name)).exists(), "LibreOffice wrote no {name}");
    let before = shop.daemon.log().len();
    let verdict = shop.send(name).verdict().unwrap_or_default();
    let log = shop.daemon.log()[before..].to_owned();
    assert!(log.contains(&format!("picture=2/{name}")) && log.contains(place), "{name}: {log}");
    // On a page of a document the picture stands among white paper.
    assert!(verdict.starts_with("Yes, ") || name.ends_with("pdf"), "{name}: {verdict}\n{log}");
}
