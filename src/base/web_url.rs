//! The URLs of pages and pictures that callers send: one rule for every field that takes one.

use url::Url;

use super::text::has_length;

/// Maximum number of characters.
const MAX_URL: usize = 2_000;

/// What is accepted, for refusals.
pub const EXPECTED: &str = "must be an http:// or https:// URL of at most 2,000 characters, with a host, \
                            without spaces and without a user name or password";

/// The URL in `text`. The parser (WHATWG URL) accepts much that other readers understand differently: a missing `//`,
/// an empty host or user name before the real host, blanks. What is stored must be what is fetched, and addresses are
/// shown and logged, so they must hold no secret.
pub fn parse(text: &str) -> Option<Url> {
    let is_blank = |one: char| one.is_whitespace() || one.is_control();
    if !has_length(text, 1, MAX_URL) || text.contains(is_blank) {
        return None;
    }
    let authority = web_authority(text)?;
    let names_a_host = !authority.is_empty() && !authority.contains('@');
    names_a_host.then(|| Url::parse(text).ok()).flatten().filter(Url::has_host)
}

/// The part between `//` and the path. The parser reads a backslash as a slash.
fn web_authority(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    is_web.then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_and_names_its_host() {
        for good in [
            "http://homes.example.com",
            "HTTPS://homes.example.com:8443/a?b=c#d",
            "http://[::1]/",
            "http://a/?mail=ann@b.example",
            "https://bücher.example/ä",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        let long = format!("https://homes.example.com/{}", "a".repeat(MAX_URL));
        for bad in [
            "",
            "homes.example.com",
            "/a",
            "//a/",
            "ftp://a/",
            "file:///etc",
            "javascript:alert(1)",
            "http:h",
            "http:/h",
            "http:\\\\h",
            "http://",
            "http:///h",
            "http://\\h",
            "http://?a",
            "http://:80/",
            " http://a/",
            "http://a/ b",
            "http://a/\n",
            &long,
        ] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_url_has_no_user_information_not_even_an_empty_one() {
        for bad in [
            "https://ann:secret@a/",
            "https://ann@a/",
            "https://:secret@a/",
            "http://@a/",
            "http://:@a/",
            "http://a@@b/",
            "http://a%40b/",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
