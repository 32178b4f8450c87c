//! The encoding that a document declares in itself, found before it is parsed (HTML standard, section 13.2.3.2). Linear
//! in the bytes that are looked at.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

use super::charset::{DeclaredCharset, find};

/// The standard looks for a `<meta>` in the first 1,024 bytes.
const PRESCAN_BYTES: usize = 1_024;
/// A parser that meets a later one in the head begins anew with it. Heads are not longer than this.
const HEAD_BYTES: usize = 64 * 1024;

/// The encoding of an HTML document by its `<meta>` elements, or its XML declaration.
pub(super) fn html(body: &[u8]) -> Option<&'static Encoding> {
    let head = &body[..body.len().min(HEAD_BYTES)];
    wide_xml(head).or_else(|| Scanner { bytes: head, at: 0 }.scan()).or_else(|| xml_declaration(head))
}

/// The encoding of an XML document by its declaration.
pub(super) fn xml(body: &[u8]) -> Option<&'static Encoding> {
    let head = &body[..body.len().min(PRESCAN_BYTES)];
    wide_xml(head).or_else(|| xml_declaration(head))
}

/// UTF-16 without a byte order mark, by the first characters of an XML declaration.
fn wide_xml(head: &[u8]) -> Option<&'static Encoding> {
    if head.starts_with(b"<\0?\0x\0") {
        Some(UTF_16LE)
    } else if head.starts_with(b"\0<\0?\0x") {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn xml_declaration(head: &[u8]) -> Option<&'static Encoding> {
    let declaration = head.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..declaration.iter().position(|byte| *byte == b'>')?];
    let value = &declaration[find(declaration, b"encoding")? + b"encoding".len()..];
    let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first().filter(|(quote, _)| matches!(**quote, b'"' | b'\''))?;
    let label = &value[..value.iter().position(|byte| byte == quote)?];
    Encoding::for_label(label).map(readable_so_far)
}

/// A document that can be read as ASCII up to its declaration is not UTF-16, whatever it says.
fn readable_so_far(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16BE || encoding == UTF_16LE {
        UTF_8
    } else if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn scan(&mut self) -> Option<&'static Encoding> {
        while self.at < self.bytes.len() {
            let rest = self.rest();
            if rest.starts_with(b"<!--") {
                // The dashes of `<!-->` are those of its beginning.
                self.skip_past(2, b"-->");
            } else if rest.first() == Some(&b'<') {
                let is_end = rest.get(1) == Some(&b'/');
                let name = tag_name(&rest[1 + usize::from(is_end)..]);
                if name.is_empty() {
                    self.skip_markup();
                } else if !is_end && name.eq_ignore_ascii_case(b"meta") {
                    self.at += 1 + name.len();
                    if let Some(found) = self.meta() {
                        return Some(found);
                    }
                } else {
                    if self.at >= PRESCAN_BYTES && ends_head(name, is_end) {
                        return None;
                    }
                    self.skip_tag(name, is_end);
                }
            } else {
                self.at += rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len());
            }
        }
        None
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Goes behind `end`, which is looked for from `from` bytes on; to the end of the text without it.
    fn skip_past(&mut self, from: usize, end: &[u8]) {
        let rest = self.rest().get(from..).unwrap_or_default();
        let length = find(rest, end).map_or(rest.len(), |at| at + end.len());
        self.at += from + length;
    }

    /// `<!`, `</` and `<?` without a name end at the next `>`; a lone `<` is text.
    fn skip_markup(&mut self) {
        if matches!(self.rest().get(1), Some(b'!' | b'/' | b'?')) {
            self.skip_past(1, b">");
        } else {
            self.at += 1;
        }
    }

    fn skip_tag(&mut self, name: &[u8], is_end: bool) {
        self.at += 1 + usize::from(is_end) + name.len();
        while self.attribute().is_some() {}
        // The standard's scan reads scripts as markup, a parser does not.
        if self.at > PRESCAN_BYTES && !is_end && name.eq_ignore_ascii_case(b"script") {
            self.skip_past(0, b"</script");
        }
    }

    /// Reads the attributes of a `<meta>`.
    fn meta(&mut self) -> Option<&'static Encoding> {
        let (mut is_content_type, mut needs_content_type) = (false, false);
        let (mut names, mut charset): (Vec<Vec<u8>>, Option<DeclaredCharset>) = (Vec::new(), None);
        while let Some((name, value)) = self.attribute() {
            if names.contains(&name) {
                continue;
            }
            match name.as_slice() {
                b"http-equiv" => is_content_type = value.eq_ignore_ascii_case(b"content-type"),
                b"charset" => {
                    let label = String::from_utf8_lossy(value);
                    charset = Some(DeclaredCharset::of_label(&label));
                    needs_content_type = false;
                }
                b"content" if charset.is_none() => {
                    charset = Some(DeclaredCharset::in_text(value)).filter(|found| found.name().is_some());
                    needs_content_type = charset.is_some();
                }
                _ => continue,
            }
            names.push(name);
        }
        let found = charset?.encoding()?;
        (!needs_content_type || is_content_type).then(|| readable_so_far(found))
    }

    /// The next attribute of a tag: its name in lower case, and its value. `None` at the end of the tag.
    fn attribute(&mut self) -> Option<(Vec<u8>, &'a [u8])> {
        let skipped = self.count(|byte| is_blank(byte) || byte == b'/');
        self.at += skipped;
        if *self.rest().first()? == b'>' {
            self.at += 1;
            return None;
        }
        let rest = self.rest();
        // An equals sign begins a name.
        let length = 1 + rest[1..].iter().take_while(|byte| !ends_name(**byte)).count();
        let name = rest[..length].to_ascii_lowercase();
        self.at += length;
        self.at += self.count(is_blank);
        if self.rest().first() != Some(&b'=') {
            return Some((name, &[]));
        }
        self.at += 1;
        self.at += self.count(is_blank);
        let rest = self.rest();
        let value = match rest.first().copied() {
            Some(quote @ (b'"' | b'\'')) => {
                let value = &rest[1..];
                let value = &value[..value.iter().position(|byte| *byte == quote)?];
                self.at += value.len() + 2;
                value
            }
            _ => {
                let length = rest.iter().take_while(|byte| !is_blank(**byte) && **byte != b'>').count();
                self.at += length;
                &rest[..length]
            }
        };
        Some((name, value))
    }

    fn count(&self, is_counted: impl Fn(u8) -> bool) -> usize {
        self.rest().iter().take_while(|byte| is_counted(**byte)).count()
    }
}

/// The name of a tag; empty where none begins with a letter.
fn tag_name(text: &[u8]) -> &[u8] {
    let starts = text.first().is_some_and(u8::is_ascii_alphabetic);
    let length = text.iter().take_while(|byte| starts && !is_blank(**byte) && !matches!(byte, b'/' | b'>'));
    &text[..length.count()]
}

/// Whether the tag says that no more of the head follows.
fn ends_head(name: &[u8], is_end: bool) -> bool {
    if is_end { name.eq_ignore_ascii_case(b"head") } else { name.eq_ignore_ascii_case(b"body") }
}

fn ends_name(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'/' | b'>' | b'=')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &[u8]) -> Option<&'static str> {
        html(body).map(Encoding::name)
    }

    #[test]
    fn a_meta_element_is_read_as_the_standard_says() {
        for (text, name) in [
            ("<head><META charset='windows-1250'>", Some("windows-1250")),
            ("<meta http-equiv=Content-Type content=\"text/html; charset=iso-8859-2\">", Some("ISO-8859-2")),
            ("<meta content='text/html; charset=koi8-r' http-equiv='content-type'/>", Some("KOI8-R")),
            ("<meta content='text/html; charset=koi8-r'>", None),
            ("<meta name=description content='charset=koi8-r'><meta charset=gbk>", Some("GBK")),
            ("<meta/charset=shift_jis>", Some("Shift_JIS")),
            ("<!-- <meta charset=koi8-r> --><meta charset=utf-8>", Some("UTF-8")),
            ("<!--><meta charset=koi8-r>", Some("KOI8-R")),
            ("<a title='<meta charset=koi8-r>'><meta charset=gbk>", Some("GBK")),
            ("<metadata charset=koi8-r>", None),
            ("<meta charset=utf-16le>", Some("UTF-8")),
            ("<meta charset=x-user-defined>", Some("windows-1252")),
            ("<meta charset=nonsense><meta charset=gbk>", Some("GBK")),
            ("<meta charset", None),
            ("<meta charset='gbk", None),
            ("no markup", None),
        ] {
            assert_eq!(found(text.as_bytes()), name, "{text}");
        }
    }

    #[test]
    fn a_later_one_in_the_head_counts_unless_it_is_in_a_script() {
        let long = format!("<head><title>{}</title>", "x".repeat(2_000));
        let script = "<script>'<meta charset=koi8-r>'</script>";

        assert_eq!(found(format!("{long}<meta charset=gbk>").as_bytes()), Some("GBK"));
        assert_eq!(found(format!("{long}{script}<meta charset=gbk>").as_bytes()), Some("GBK"));
        assert_eq!(found(format!("{long}<body><meta charset=gbk>").as_bytes()), None);
        assert_eq!(found(format!("{long}</head><meta charset=gbk>").as_bytes()), None);
        assert_eq!(found(format!("{}<meta charset=gbk>", "x".repeat(HEAD_BYTES)).as_bytes()), None);
    }

    #[test]
    fn an_xml_declaration_is_read() {
        let declared = |text: &[u8]| xml(text).map(Encoding::name);

        assert_eq!(declared(b"<?xml version='1.0' encoding='windows-1251'?><rss>"), Some("windows-1251"));
        assert_eq!(declared(b"<?xml version=\"1.0\" encoding = \"UTF-16\"?>"), Some("UTF-8"));
        assert_eq!(declared(b"<?xml version='1.0'?><a encoding='gbk'>"), None);
        assert_eq!(declared(b"<\0?\0x\0m\0l\0"), Some("UTF-16LE"));
        assert_eq!(found(b"<?xml version='1.0' encoding='gbk'?><html>"), Some("GBK"));
        assert_eq!(found(b"<?xml version='1.0' encoding='gbk'?><meta charset=big5>"), Some("Big5"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(
            text in "(<|</|<!--|-->|meta|charset|content|http-equiv|[=\"'> /a-z0-9?\u{e9}-]){0,40}",
        ) {
            html(text.as_bytes());
            xml(text.as_bytes());
        }
    }
}
