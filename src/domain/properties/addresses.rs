//! The address of a page in the form by which its property is found again. Scheme, `www`, a trailing slash, the
//! fragment and parameters that only track a visitor are no difference.

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use url::Url;

use crate::base::hex::hex;
use crate::base::tracking_parameters::is_tracking_parameter;

/// Bytes of the hash that are kept.
const HASH_BYTES: usize = 16;
/// Characters of a listing key on the wire.
const MAX_KEY: usize = 200;
/// Hexadecimal digits of the digest at the end of a shortened key.
const DIGEST_DIGITS: usize = 16;

/// The first 16 bytes of the SHA-256 of a normalised address, in hexadecimal digits, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressHash(String);

impl AddressHash {
    pub fn of(url: &Url) -> Self {
        let digest = Sha256::digest(normalise(url).as_bytes());
        Self(hex(&digest[..HASH_BYTES]))
    }

    /// `None` when the text is no URL.
    pub fn of_text(url: &str) -> Option<Self> {
        Url::parse(url).ok().map(|url| Self::of(&url))
    }

    /// What stands among the addresses of a property for a key that its page tells beside the stored one. No address
    /// has the same text: those begin with a host and a path.
    pub fn of_alias(source: &str, listing_key: &str) -> Self {
        let digest = Sha256::digest(format!("key\n{source}\n{listing_key}").as_bytes());
        Self(hex(&digest[..HASH_BYTES]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A hash as it was read from the store.
    pub(super) fn stored(text: String) -> Self {
        Self(text)
    }
}

/// The listing key of a home that is identified by its address only: path and query, without tracking parameters.
pub fn path_key(url: &Url) -> String {
    let query = kept_query(url);
    let key = if query.is_empty() { url.path().to_owned() } else { format!("{}?{query}", url.path()) };
    if key.chars().count() <= MAX_KEY {
        return key;
    }
    let start: String = key.chars().take(MAX_KEY - DIGEST_DIGITS - 1).collect();
    let digest = Sha256::digest(key.as_bytes());
    format!("{start}~{}", hex(&digest[..DIGEST_DIGITS / 2]))
}

/// Whether two addresses are the same page but for scheme, `www`, a trailing slash and the query.
pub fn same_path(one: &Url, other: &Url) -> bool {
    (host(one), path(one)) == (host(other), path(other))
}

fn normalise(url: &Url) -> String {
    let query = kept_query(url);
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{}{mark}{}", host(url), path(url), decode(&query))
}

/// With the port unless that is the scheme's own. The parser has folded the case.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let bare = host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host);
    url.port().map_or_else(|| bare.to_owned(), |port| format!("{bare}:{port}"))
}

fn path(url: &Url) -> String {
    decode(url.path().trim_end_matches('/'))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn kept_query(url: &Url) -> String {
    let pairs = url.query().unwrap_or_default().split('&');
    let kept: Vec<&str> = pairs.filter(|pair| !pair.is_empty() && !is_tracking_parameter(pair)).collect();
    kept.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn hash(text: &str) -> AddressHash {
        AddressHash::of(&url(text))
    }

    #[test]
    fn spellings_of_one_address_have_one_hash() {
        let plain = hash("https://homes.example/h/1");
        for same in [
            "http://homes.example/h/1",
            "https://www.homes.example/h/1/",
            "https://homes.example/h/1?utm_source=mail&gclid=x#map",
            "https://homes.example/h/1?ref=home",
            "https://homes.example:443/%68/1",
        ] {
            assert_eq!(hash(same), plain, "{same}");
        }
        assert_eq!(plain.as_str().len(), 32);
    }

    #[test]
    fn other_pages_have_other_hashes() {
        let plain = hash("https://homes.example/h/1");
        for other in [
            "https://homes.example/h/2",
            "https://homes.example/h/1?unit=2",
            "https://homes.example/h/1?ref=A12",
            "https://homes.example:8443/h/1",
            "https://m.homes.example/h/1",
            "https://homes.example/H/1",
        ] {
            assert_ne!(hash(other), plain, "{other}");
        }
    }

    #[test]
    fn a_key_is_the_path_and_what_the_query_says() {
        assert_eq!(path_key(&url("https://a.example/h/1?utm_medium=x&unit=2")), "/h/1?unit=2");
        assert_eq!(path_key(&url("https://a.example/h/1?fbclid=x")), "/h/1");
        let (one, other) = (format!("/{}1", "a".repeat(300)), format!("/{}2", "a".repeat(300)));
        let (one, other) = (
            path_key(&url(&format!("https://a.example{one}"))),
            path_key(&url(&format!("https://a.example{other}"))),
        );
        assert!(one != other && one.chars().count() == 200, "{one}");
    }

    #[test]
    fn a_query_does_not_make_another_path() {
        assert!(same_path(&url("https://www.a.example/h/1/?view=map"), &url("http://a.example/h/1")));
        assert!(!same_path(&url("https://a.example/h/1"), &url("https://a.example/h/2")));
    }
}
