//! HTML: `data:` URLs wherever they may stand, pictures that are only linked, pictures cut into tiles, and codes drawn as
//! the cells of a table. Tokens are html5gum's, URLs `data-url`'s, style sheets cssparser's.

use cssparser::{ParseError, Parser, Token as CssToken};
use data_url::DataUrl;
use html5gum::{DefaultEmitter, HtmlString, StartTag, Token, Tokenizer};

use super::{drawn::Grid, kind::FileType, transfer::Transfer};

/// What a page shows.
#[derive(Debug, Default)]
pub struct Page {
    /// Files in `data:` URLs that are pictures, archives or pages, in the order of the page.
    pub files: Vec<Vec<u8>>,
    /// Pictures that stand side by side or one above the other with nothing between them: rows from the top.
    pub mosaics: Vec<Vec<Vec<Tile>>>,
    /// Drawings made of the cells of tables.
    pub grids: Vec<Grid>,
    /// Pictures that a reader's program would have to fetch.
    pub linked: usize,
    /// Its text, a line for each that is shown.
    pub text: String,
    /// Whether there were more files, mosaics or grids than asked for.
    pub cut: bool,
}

/// One picture of a mosaic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tile {
    /// Of [`Page::files`].
    File(usize),
    /// The part with this Content-ID, or Content-Location or name.
    Part(String),
}

/// Looks through a page, for at most `limit` of each kind of thing.
pub fn read(html: &[u8], limit: usize) -> Page {
    let mut reader = Reader { page: Page::default(), limit, tables: Vec::new(), mosaic: Vec::new(), in_style: false };
    reader.tokens(html, true);
    reader.end_mosaic();
    while !reader.tables.is_empty() {
        reader.end_table();
    }
    reader.page
}

struct Reader {
    page: Page,
    limit: usize,
    /// Open tables, the innermost last.
    tables: Vec<Table>,
    /// Rows of pictures since the last thing that was none.
    mosaic: Vec<Vec<Tile>>,
    in_style: bool,
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<bool>>,
    /// Background of the row that is open.
    row_dark: bool,
    /// It holds words or pictures.
    filled: bool,
}

impl Reader {
    fn tokens(&mut self, html: &[u8], outermost: bool) {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter) {
            match token {
                Ok(Token::StartTag(tag)) => self.start(&tag),
                Ok(Token::EndTag(tag)) => self.end(&tag.name),
                Ok(Token::String(text)) if self.in_style => self.css(&String::from_utf8_lossy(&text)),
                Ok(Token::String(text)) => self.text(&String::from_utf8_lossy(&text)),
                // Some programs show what stands in a conditional comment.
                Ok(Token::Comment(comment)) if outermost && comment.trim_ascii_start().starts_with(b"[if") => {
                    self.tokens(&comment, false);
                }
                _ => {}
            }
        }
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let attribute =
            |name: &[u8]| tag.attributes.get(&HtmlString::from(name.to_vec())).map(|value| String::from_utf8_lossy(&value.value));
        let mut tile = None;
        for (name, value) in &tag.attributes {
            let (name, value) = (name.as_slice(), String::from_utf8_lossy(&value.value));
            match name {
                b"srcset" | b"imagesrcset" => value.split_whitespace().for_each(|url| {
                    self.url(url.trim_end_matches(','));
                }),
                b"style" => self.css(&value),
                b"src" | b"background" | b"poster" => tile = self.url(&value).or(tile),
                _ if starts_with(&value, "data:") => {
                    self.url(&value);
                }
                _ => {}
            }
        }
        match tag.name.as_slice() {
            b"img" | b"image" | b"input" => {
                self.tables.iter_mut().for_each(|table| table.filled = true);
                match tile {
                    Some(tile) => self.tile(tile),
                    // What is fetched can't be seen here, and so not what it is a part of.
                    None => self.end_mosaic(),
                }
            }
            b"style" => self.in_style = true,
            b"br" | b"p" | b"div" | b"li" => self.line(),
            b"table" => {
                self.line();
                if self.tables.len() < self.limit {
                    self.tables.push(Table::default());
                }
            }
            b"tr" => {
                self.line();
                let dark = dark(attribute(b"bgcolor").as_deref(), attribute(b"style").as_deref());
                if let Some(table) = self.tables.last_mut() {
                    table.rows.push(Vec::new());
                    table.row_dark = dark.unwrap_or(false);
                }
            }
            b"td" | b"th" => {
                let span = attribute(b"colspan").and_then(|span| span.trim().parse().ok()).unwrap_or(1);
                let dark = dark(attribute(b"bgcolor").as_deref(), attribute(b"style").as_deref());
                if let Some(table) = self.tables.last_mut() {
                    let dark = dark.unwrap_or(table.row_dark);
                    if let Some(row) = table.rows.last_mut() {
                        row.extend(std::iter::repeat_n(dark, std::cmp::Ord::clamp(span, 1, 200)));
                    }
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"style" => self.in_style = false,
            b"p" | b"div" | b"tr" | b"li" => self.line(),
            b"table" => {
                self.line();
                self.end_table();
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        self.page.text.push_str(text);
        if !text.trim().is_empty() {
            self.end_mosaic();
            self.tables.iter_mut().for_each(|table| table.filled = true);
        }
    }

    fn line(&mut self) {
        self.page.text.push('\n');
        if self.mosaic.last().is_some_and(|row| !row.is_empty()) {
            self.mosaic.push(Vec::new());
        }
    }

    fn tile(&mut self, tile: Tile) {
        match self.mosaic.last_mut() {
            Some(row) => row.push(tile),
            None => self.mosaic.push(vec![tile]),
        }
    }

    fn end_mosaic(&mut self) {
        let mut rows = std::mem::take(&mut self.mosaic);
        rows.retain(|row| !row.is_empty());
        if rows.iter().map(Vec::len).sum::<usize>() > 1 {
            if self.page.mosaics.len() < self.limit { self.page.mosaics.push(rows) } else { self.page.cut = true }
        }
    }

    fn end_table(&mut self) {
        let Some(table) = self.tables.pop().filter(|table| !table.filled) else { return };
        if let Some(grid) = Grid::from_rows(&table.rows) {
            if self.page.grids.len() < self.limit { self.page.grids.push(grid) } else { self.page.cut = true }
        }
    }

    /// Takes what a URL points to. A tile, if that is here.
    fn url(&mut self, url: &str) -> Option<Tile> {
        let url = url.trim();
        if starts_with(url, "data:") {
            let file = data(url)?;
            FileType::detect(&file)?;
            if self.page.files.len() == self.limit {
                self.page.cut = true;
                return None;
            }
            self.page.files.push(file);
            return Some(Tile::File(self.page.files.len() - 1));
        }
        if starts_with(url, "cid:") {
            return Some(Tile::Part(unescaped(&url[4..])));
        }
        if starts_with(url, "http:") || starts_with(url, "https:") || url.starts_with("//") {
            self.page.linked += 1;
            return None;
        }
        (!url.is_empty()).then(|| Tile::Part(unescaped(url)))
    }

    fn css(&mut self, css: &str) {
        // Escapes can spell "url" in other ways.
        if !css.contains('\\') && !css.to_ascii_lowercase().contains("url(") {
            return;
        }
        self.css_block(&mut Parser::new(css));
    }

    /// The parser limits how deep blocks may lie in one another.
    fn css_block(&mut self, parser: &mut Parser<'_>) {
        let mut in_url = false;
        loop {
            let (url, nested) = match parser.next_including_whitespace_and_comments() {
                Err(_) => return,
                Ok(CssToken::UnquotedUrl(url)) => (Some(url.to_string()), false),
                // As image-set() and @import take them.
                Ok(CssToken::QuotedString(text)) if starts_with(text, "data:") => (Some(text.to_string()), false),
                Ok(CssToken::Function(name)) => {
                    in_url = name.eq_ignore_ascii_case("url");
                    (None, true)
                }
                Ok(CssToken::ParenthesisBlock | CssToken::SquareBracketBlock | CssToken::CurlyBracketBlock) => (None, true),
                Ok(_) => (None, false),
            };
            if let Some(url) = url {
                self.url(&url);
            }
            if nested {
                let _: Result<(), ParseError<()>> = parser.parse_nested_block(|inner| {
                    if in_url {
                        if let Ok(CssToken::QuotedString(url)) = inner.next() {
                            let url = url.to_string();
                            self.url(&url);
                        }
                    } else {
                        self.css_block(inner);
                    }
                    Ok(())
                });
                in_url = false;
            }
        }
    }
}

fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// The file in a `data:` URL, as browsers read it, else as leniently as mail programs read base64.
fn data(url: &str) -> Option<Vec<u8>> {
    if let Ok((bytes, _)) = DataUrl::process(url).ok()?.decode_to_vec() {
        return Some(bytes);
    }
    let (_, encoded) = url.split_once(',')?;
    Some(Transfer::Base64.decode(unescaped(encoded).as_bytes()).into_owned())
}

/// Percent-encoding undone (RFC 3986, section 2.1).
fn unescaped(text: &str) -> String {
    percent_encoding::percent_decode_str(text.trim()).decode_utf8_lossy().into_owned()
}

/// Whether a cell's background is dark. `None`: it says nothing of it.
fn dark(bgcolor: Option<&str>, style: Option<&str>) -> Option<bool> {
    let mut declared = style.into_iter().flat_map(|style| style.split(';')).filter_map(|declaration| {
        let (name, value) = declaration.split_once(':')?;
        let name = name.trim();
        (name.eq_ignore_ascii_case("background") || name.eq_ignore_ascii_case("background-color")).then_some(value)
    });
    let color = declared.next_back().or(bgcolor)?.trim().trim_end_matches("!important").trim();
    let color = csscolorparser::parse(color).ok()?;
    if color.a < 0.5 {
        return None;
    }
    // Brightness by ITU-R BT.601.
    Some(0.299 * color.r + 0.587 * color.g + 0.114 * color.b < 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";

    fn files(html: &str) -> usize {
        read(html.as_bytes(), 100).files.len()
    }

    #[test]
    fn data_urls_are_found_wherever_they_stand() {
        assert_eq!(files(&format!("<img src=\"{PNG}\">")), 1);
        assert_eq!(files(&format!("<IMG SRC=' {} '>", PNG.replace("data", "DaTa").replace("Rw0", "R\n w\t0"))), 1);
        assert_eq!(files("<img src='data:image/png,%89PNG%0D%0A%1A%0A'>"), 1);
        assert_eq!(files(&format!("<img srcset='a.png 1x, {PNG} 2x, {PNG} 3x'>")), 2);
        assert_eq!(files(&format!("<td background='{PNG}'><p style=\"background: red url('{PNG}')\">")), 2);
        assert_eq!(
            files(&format!(
                "<style>@media x {{ .a {{ background: URL({PNG}) }} }} .b {{ background: u\\72l(\"{PNG}\") }}</style>"
            )),
            2
        );
        assert_eq!(files(&format!("<!--[if mso]><img src=\"{PNG}\"><![endif]--><!-- <img src=\"{PNG}\"> -->")), 1);
        assert_eq!(files(&format!("<object data='{PNG}'></object><a href='{PNG}'>x</a>")), 2);
        assert_eq!(files("<img src='data:image/png;base64,aGVsbG8='><p>data:image/png;base64,iVBORw0KGgo="), 0);
    }

    #[test]
    fn tiles_are_kept_in_rows_and_words_part_them() {
        let page = read(
            b"<table><tr><td><img src='cid:a'></td><td><img src='cid:b'></td></tr>\n<tr><td><img src=\"c%20c.png\"><td><img src=cid:d></table>
              <p>words<img src=cid:e> &nbsp; <br><img src='cid:f'><img src='https://x/'><img src=cid:g>",
            100,
        );
        let part = |name: &str| Tile::Part(name.to_owned());
        assert_eq!(page.mosaics[0], [vec![part("a"), part("b")], vec![part("c c.png"), part("d")]]);
        assert_eq!(page.mosaics[1], [vec![part("e")], vec![part("f")]]);
        assert_eq!((page.mosaics.len(), page.linked), (2, 1));
    }

    #[test]
    fn tables_without_words_are_drawings() {
        let cell = |dark: bool| if dark { "<td bgcolor=#000></td>" } else { "<td style='background: White'>&nbsp;</td>" };
        let row = |row: usize| (0..21).map(|column| cell((row + column).is_multiple_of(2))).collect::<String>();
        let rows: String = (0..21).map(|at| format!("<tr>{}</tr>", row(at))).collect();
        let page = read(format!("<table>{rows}</table><table>{rows}<tr><td>words</table>").as_bytes(), 100);
        assert_eq!(page.grids.len(), 1);
        assert!(page.grids[0].dark[0] && !page.grids[0].dark[1] && page.grids[0].width == 21);
    }
}
