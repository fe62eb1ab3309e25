//! Files in which pictures hide, written by hand.

use std::io::{Cursor, Write};

use image::{DynamicImage, RgbImage, codecs::gif::GifEncoder};
use zip::{
    ZipWriter,
    write::{FileOptions, SimpleFileOptions},
};

/// A ZIP archive of these files.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(files, SimpleFileOptions::default())
}

/// The same, encrypted.
pub fn encrypted_zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(files, SimpleFileOptions::default().with_aes_encryption(zip::AesMode::Aes128, "secret"))
}

fn zip_with(files: &[(&str, &[u8])], options: FileOptions<'_, '_, ()>) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, options).expect("file");
        archive.write_all(bytes).expect("write");
    }
    archive.finish().expect("archive").into_inner()
}

/// A TNEF file ([MS-OXTNEF]) of these attachments.
pub fn tnef(files: &[(&str, &[u8])]) -> Vec<u8> {
    let attribute = |level: u8, id: u32, data: &[u8]| {
        let sum = data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        [&[level][..], &id.to_le_bytes(), &(data.len() as u32).to_le_bytes(), data, &sum.to_le_bytes()].concat()
    };
    let mut file = [&0x223e_9f78_u32.to_le_bytes()[..], &[1, 0]].concat();
    file.extend(attribute(1, 0x0008_9006, &[0, 0, 1, 0]));
    file.extend(attribute(1, 0x0006_9007, &[0xe4, 4, 0, 0, 0, 0, 0, 0]));
    for (name, bytes) in files {
        file.extend(attribute(2, 0x0006_9002, &[1, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]));
        file.extend(attribute(2, 0x0001_8010, &[name.as_bytes(), b"\0"].concat()));
        file.extend(attribute(2, 0x0006_800f, bytes));
    }
    file
}

/// A uuencoded block.
pub fn uuencode(name: &str, bytes: &[u8]) -> String {
    let character = |bits: u32| if bits & 0x3f == 0 { '`' } else { (0x20 + (bits & 0x3f) as u8) as char };
    let mut text = format!("begin 644 {name}\r\n");
    for line in bytes.chunks(45) {
        text.push(character(line.len() as u32));
        for group in line.chunks(3) {
            let at = |index: usize| u32::from(*group.get(index).unwrap_or(&0));
            let bits = at(0) << 16 | at(1) << 8 | at(2);
            text.extend([18, 12, 6, 0].map(|shift| character(bits >> shift)));
        }
        text.push_str("\r\n");
    }
    text + "`\r\nend\r\n"
}

/// A PDF document with one JPEG on each page, which it fills.
pub fn pdf(pages: &[&[u8]]) -> Vec<u8> {
    let mut objects: Vec<Vec<u8>> = Vec::new();
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 3 + 3 * page)).collect();
    objects.push(b"<< /Type /Catalog /Pages 2 0 R >>".to_vec());
    objects.push(format!("<< /Type /Pages /Count {} /Kids [{}] >>", pages.len(), kids.join(" ")).into_bytes());
    for (number, jpeg) in pages.iter().enumerate() {
        let (width, height) = image::load_from_memory(jpeg).map(|image| (image.width(), image.height())).expect("JPEG");
        let first = 3 + 3 * number;
        objects.push(
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {} 0 R /Resources << /XObject << /I {} 0 R >> >> >>",
                first + 1,
                first + 2
            )
            .into_bytes(),
        );
        objects.push(stream("", format!("q {width} 0 0 {height} 0 0 cm /I Do Q").as_bytes()));
        let image = format!(
            "/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode "
        );
        objects.push(stream(&image, jpeg));
    }
    pdf_of(&objects)
}

/// A stream object.
pub fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
    [format!("<< {dictionary}/Length {} >>\nstream\n", data.len()).as_bytes(), data, b"\nendstream"].concat()
}

/// A PDF document of these objects, the first of which is the catalog.
pub fn pdf_of(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (number, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", file.len());
        file.extend([format!("{} 0 obj\n", number + 1).as_bytes(), object, b"\nendobj\n"].concat());
    }
    let (start, size) = (file.len(), objects.len() + 1);
    file.extend(
        format!("xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").into_bytes(),
    );
    file
}

/// An animated GIF: pictures of one size, and how long each is shown in milliseconds.
pub fn animated_gif(frames: &[(RgbImage, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 10);
    for (pixels, shown) in frames {
        let delay = image::Delay::from_numer_denom_ms(*shown, 1);
        let pixels = DynamicImage::from(pixels.clone()).into_rgba8();
        encoder.encode_frame(image::Frame::from_parts(pixels, 0, 0, delay)).expect("frame");
    }
    drop(encoder);
    bytes
}

/// The same as PNG.
pub fn animated_png(frames: &[(RgbImage, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = frames[0].0.dimensions();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_animated(frames.len() as u32, 0).expect("animated");
    let mut writer = encoder.write_header().expect("header");
    for (pixels, shown) in frames {
        writer.set_frame_delay(u16::try_from(*shown).expect("delay"), 1000).expect("delay");
        writer.write_image_data(pixels.as_raw()).expect("frame");
    }
    writer.finish().expect("end");
    bytes
}

/// The pixels as JPEG.
pub fn jpeg(pixels: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 92).encode_image(pixels).expect("JPEG");
    bytes
}

/// The modules of a QR code, `true` for dark, rows from the top.
pub fn qr(text: &str) -> Vec<Vec<bool>> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).expect("code");
    let width = code.width();
    code.to_colors().chunks(width).map(|row| row.iter().map(|module| *module == qrcode::Color::Dark).collect()).collect()
}

/// A picture of a QR code with this many pixels a module.
pub fn qr_picture(text: &str, scale: u32) -> RgbImage {
    let modules = qr(text);
    let side = modules.len() as u32 + 8;
    RgbImage::from_fn(side * scale, side * scale, |x, y| {
        let at = |position: u32| (position / scale).wrapping_sub(4) as usize;
        let dark = modules.get(at(y)).and_then(|row| row.get(at(x))).copied().unwrap_or(false);
        image::Rgb([if dark { 0 } else { 255 }; 3])
    })
}
