//! The `Link` header (RFC 8288): the pages before and after this one.

use reqwest::header::{self, HeaderMap};
use url::Url;

use crate::crawler::page_url::{self, MAX_LINK_BYTES};

/// Bytes of all `Link` fields of an answer that are read, and links that are taken of them.
const MAX_BYTES: usize = 16 * 1024;
const MAX_LINKS: usize = 20;
/// Relations to other pages of a list.
const RELATIONS: &[&str] = &["next", "prev", "previous"];

/// The pages before and after the one at `base`, each once.
pub(super) fn next_links(headers: &HeaderMap, base: &Url) -> Vec<Url> {
    let mut found = Vec::new();
    let mut left = MAX_BYTES;
    for value in headers.get_all(header::LINK) {
        let text = String::from_utf8_lossy(value.as_bytes());
        if text.len() > left {
            break;
        }
        left -= text.len();
        let mut rest = &*text;
        while let Some((link, others)) = next_link(rest) {
            rest = others;
            let target = link.target(base).filter(|target| !found.contains(target));
            found.extend(target);
            if found.len() == MAX_LINKS {
                return found;
            }
        }
    }
    found
}

struct Link<'a> {
    target: &'a str,
    parameters: &'a str,
}

/// The first link of a list, and what comes behind it.
fn next_link(text: &str) -> Option<(Link<'_>, &str)> {
    let (_, text) = text.split_once('<')?;
    let (target, text) = text.split_once('>')?;
    let (parameters, others) = split_unquoted(text, b',');
    Some((Link { target, parameters }, others))
}

/// `text` up to the first `separator` outside of quotes, and what comes behind it.
fn split_unquoted(text: &str, separator: u8) -> (&str, &str) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if byte == separator && !is_quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

impl Link<'_> {
    /// Where it leads, if it is one of the relations that are followed.
    fn target(&self, base: &Url) -> Option<Url> {
        let relation = self.parameter("rel")?;
        let is_followed = |word: &str| RELATIONS.iter().any(|known| known.eq_ignore_ascii_case(word));
        // A link with an anchor is one of another document (RFC 8288 section 3.2).
        if !relation.split_ascii_whitespace().any(is_followed) || self.parameter("anchor").is_some() {
            return None;
        }
        let target = Some(self.target.trim()).filter(|target| target.len() <= MAX_LINK_BYTES)?;
        page_url::normalise(base.join(target).ok()?)
    }

    /// The first parameter of this name counts (RFC 8288 section 3.3).
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut rest = self.parameters;
        while !rest.is_empty() {
            let (parameter, others) = split_unquoted(rest, b';');
            rest = others;
            let (found, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if found.trim().eq_ignore_ascii_case(name) {
                return Some(value.trim().trim_matches('"').trim());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn found(values: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::LINK, HeaderValue::from_str(value).unwrap());
        }
        let base = "https://homes.example.com/list/?page=2".parse().unwrap();
        next_links(&headers, &base).into_iter().map(String::from).collect()
    }

    #[test]
    fn the_pages_before_and_after_are_found() {
        assert_eq!(
            found(&[
                r#"<?page=3>; rel="next", </list/?page=1>; title="a, b; rel=x"; rel=prev"#,
                r#"<https://cdn.example.com/x.css>; rel=preload, <?page=4>; REL="last NEXT""#,
            ]),
            [
                "https://homes.example.com/list/?page=3",
                "https://homes.example.com/list/?page=1",
                "https://homes.example.com/list/?page=4",
            ]
        );
    }

    #[test]
    fn other_relations_and_broken_links_are_left_out() {
        assert!(
            found(&[
                "<?page=3>",
                "<?page=3>; rel=canonical",
                "<?page=3>; rel=next; anchor=\"/other\"",
                "<?page=3>; rel=prefetch; rel=next",
                "<mailto:a@example.com>; rel=next",
                "<?page=3; rel=next",
                "rel=next",
                "<x>; title=\"open; rel=next",
            ])
            .is_empty()
        );
    }

    #[test]
    fn links_are_bounded() {
        let many: String = (0..100).map(|page| format!("<?page={page}>; rel=next, ")).collect();
        let long = format!("<?{}>; rel=next", "x".repeat(MAX_LINK_BYTES));

        assert_eq!(found(&[&many]).len(), MAX_LINKS);
        assert!(found(&[&long]).is_empty());
        assert!(found(&[&format!("{}<?page=3>; rel=next", " ".repeat(MAX_BYTES))]).is_empty());
        assert_eq!(found(&["<?page=3>; rel=next, <?page=3>; rel=next"]).len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn no_header_breaks_it(text in "([<>;,=\"\\\\ ]|rel|next|/a){0,40}") {
            found(&[&text]);
        }
    }
}
