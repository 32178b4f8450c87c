//! The URL of a page in one spelling, so that a page is not visited or kept twice.

use url::Url;

/// The longest link that is followed; the wire's `source_url` has the same bound.
pub(super) const MAX_LINK_BYTES: usize = 2_000;

/// One spelling of a page's URL (RFC 3986 section 6.2.2): no fragment, unreserved characters plain, other escapes in
/// upper case. The parser has done case, default port, dot segments and IDNA. The query keeps its order: to some
/// servers it matters. `None` for what is never fetched.
pub(super) fn normalise(mut url: Url) -> Option<Url> {
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !web || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_fragment(None);
    if url.path().contains('%') {
        let path = normalise_escapes(url.path());
        url.set_path(&path);
    }
    if let Some(query) = url.query().filter(|query| query.contains('%')) {
        let query = normalise_escapes(query);
        url.set_query(Some(&query));
    }
    (url.as_str().len() <= MAX_LINK_BYTES).then_some(url)
}

/// Decodes escaped unreserved characters and writes the other escapes in upper case.
fn normalise_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let byte = rest.get(..2).filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                rest = &rest[2..];
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    plain.push(char::from(byte));
                } else {
                    plain.push_str(&format!("%{byte:02X}"));
                }
            }
            // A lone percent sign stays as it is.
            None => plain.push('%'),
        }
    }
    plain.push_str(rest);
    plain
}
