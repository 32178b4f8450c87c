//! What names a listing: its source, the key that the site gives or that its address gives, and when two addresses are
//! one page.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use url::Url;

use super::bounds::MAX_URL;
use crate::base::hex::hex;
use crate::base::tracking_parameters::is_tracking_parameter;
use crate::crawler::page::Page;

/// Bounds of the wire on `listing_key` and `source`.
pub(super) const MAX_KEY: usize = 200;
const MAX_SOURCE: usize = 100;
/// Endings of a last segment that belong to no id.
const ENDINGS: [&str; 6] = [".html", ".htm", ".php", ".aspx", ".asp", ".jsp"];
/// Links that are looked at to tell a category from a home, and steps of each.
const MAX_LINKS: usize = 2_000;
const LINK_STEPS: u64 = 260;

/// The page's host, with its port where that is not the scheme's own.
pub(in crate::crawler) fn source(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let source = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    shorten(source, MAX_SOURCE)
}

/// The page's own address: the one that it gives as its canonical, unless that is a category that homes share.
pub(in crate::crawler) fn own_url(page: &Page) -> &Url {
    let canonical = page.canonical();
    if is_category_of(canonical, page) { page.url() } else { canonical }
}

/// Whether `canonical` is above the page's own address, and at least two links lead to other pages below it that are
/// named like this one.
fn is_category_of(canonical: &Url, page: &Page) -> bool {
    let (above, own) = (segments(canonical), segments(page.url()));
    let is_above = above.len() < own.len() && own.starts_with(&above);
    let Some(last) = own.last().filter(|last| is_above && names_one(last)) else { return false };
    let mut others = HashSet::new();
    let links = page.elements().filter(|element| element.value().name() == "a");
    for link in links.take(MAX_LINKS) {
        let href = link.attr("href").map(str::trim).filter(|href| href.len() <= MAX_URL);
        let Some(href) = href else { continue };
        if !page.budget().charge_steps(LINK_STEPS) {
            return false;
        }
        let Ok(url) = page.base().join(href) else { continue };
        if url.host_str() != canonical.host_str() {
            continue;
        }
        let path = segments(&url);
        let is_sibling = path.len() == own.len() && path.starts_with(&above);
        if let Some(other) = path.last().filter(|other| is_sibling && *other != last && names_one(other)) {
            others.insert((*other).to_owned());
        }
        if others.len() >= 2 {
            return true;
        }
    }
    false
}

/// Whether a segment names one thing of many: it has a number, or is a title of several words.
pub(super) fn names_one(segment: &str) -> bool {
    segment.contains(|c: char| c.is_ascii_digit()) || segment.matches(['-', '_']).count() >= 2
}

pub(super) fn segments(url: &Url) -> Vec<&str> {
    url.path_segments().map(|all| all.filter(|segment| !segment.is_empty()).collect()).unwrap_or_default()
}

/// Whether two addresses are one page: scheme, `www`, a trailing slash and tracking parameters are no difference, nor
/// is a query that only one of them has.
pub(super) fn is_same_page(a: &Url, b: &Url) -> bool {
    if !is_same_host(a, b) || path(a) != path(b) {
        return false;
    }
    let (a, b) = (query(a), query(b));
    a == b || a.is_empty() || b.is_empty()
}

/// Whether two addresses are the same home's: one page, or the same id in both paths (other languages, other titles).
pub(super) fn is_same_home(a: &Url, b: &Url) -> bool {
    is_same_page(a, b)
        || is_same_host(a, b) && path_id(a).is_some_and(|id| path_id(b).is_some_and(|b| b == id))
}

pub(super) fn is_same_host(a: &Url, b: &Url) -> bool {
    bare_host(a) == bare_host(b) && a.port() == b.port()
}

fn bare_host(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

pub(super) fn path(url: &Url) -> &str {
    let path = url.path();
    let bare = path.trim_end_matches('/');
    if bare.is_empty() { "/" } else { bare }
}

/// The parameters that choose what is shown.
fn query(url: &Url) -> Vec<&str> {
    let pairs = url.query().unwrap_or_default().split('&');
    pairs.filter(|pair| !pair.is_empty() && !is_tracking_parameter(pair)).collect()
}

/// The key that an address gives: the id in its path, or its whole path.
pub(super) fn address_key(url: &Url) -> String {
    let has_numbers = query(url).iter().any(|pair| pair.contains(|c: char| c.is_ascii_digit()));
    let id = if has_numbers { None } else { path_id(url) };
    shorten(id.unwrap_or_else(|| path_key(url)), MAX_KEY)
}

/// The path, and the query without parameters that only track where the visitor came from.
fn path_key(url: &Url) -> String {
    let query = query(url);
    if query.is_empty() { path(url).to_owned() } else { format!("{}?{}", path(url), query.join("&")) }
}

/// The id in the last two segments of a path. A wrong one would make two homes one. So a short number counts only near
/// the root, where it is no flat of a building, and a number in a title only at its ends and with at least six digits:
/// five are a postal code, four a year.
pub(super) fn path_id(url: &Url) -> Option<String> {
    let segments = segments(url);
    let last = segments.last()?;
    let last = without_ending(last);
    if is_uuid(last) {
        return Some(last.to_ascii_lowercase());
    }
    let is_short_id = segments.len() <= 2 && is_number(last, 4) && !is_year(last);
    if is_short_id || is_number(last, 6) || is_mixed(last) {
        return Some(last.to_owned());
    }
    let words = last.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let ends = [words.last(), words.first()];
    if let Some(id) = ends.into_iter().flatten().find(|word| is_number(word, 6)) {
        return Some((*id).to_owned());
    }
    // `/expose/123456789/photos`: the last segment names a part of the home's pages.
    let before = segments.len().checked_sub(2).and_then(|at| segments.get(at))?;
    let is_part = !last.contains(|c: char| c.is_ascii_digit()) && words.len() == 1;
    (is_part && (is_number(before, 6) || is_uuid(before))).then(|| before.to_ascii_lowercase())
}

pub(super) fn is_number(word: &str, least: usize) -> bool {
    (least..=20).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn without_ending(segment: &str) -> &str {
    ENDINGS.iter().find_map(|ending| segment.strip_suffix(ending)).unwrap_or(segment)
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && (word.starts_with("19") || word.starts_with("20"))
}

/// A few letters and at least four digits in one word, as `ML123456`; `unit1001` is in many buildings.
fn is_mixed(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    digits >= 4 && (1..=3).contains(&letters) && digits + letters == word.len() && word.len() <= 20
}

pub(super) fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether `token` stands in `text` with no letter or digit beside it.
pub(super) fn has_token(text: &str, token: &str) -> bool {
    text.match_indices(token).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// `text` as it is, or a beginning of it and a digest of all of it.
pub(super) fn shorten(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    let start: String = text.chars().take(most - 17).collect();
    format!("{start}~{}", hex(&Sha256::digest(text.as_bytes())[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::PageBudget;

    fn url(text: &str) -> Url {
        Url::parse("https://homes.example.com/").unwrap().join(text).unwrap()
    }

    #[test]
    fn the_id_of_an_address_is_its_key() {
        for (address, key) in [
            ("/homes/4711", "4711"),
            ("/homes/4711.html", "4711"),
            ("/expose/123456789/photos", "123456789"),
            ("/en/oak-st-12-toledo-987654.html", "987654"),
            ("/homedetails/12-Oak-St-Toledo-OH-43604/34001234_zpid/", "34001234"),
            ("/p/ML123456", "ML123456"),
            ("/p/0190a6e2-0c1b-7c3a-9f00-0123456789AB", "0190a6e2-0c1b-7c3a-9f00-0123456789ab"),
            ("/homes/4711?utm_source=x&lang=de", "4711"),
        ] {
            assert_eq!(address_key(&url(address)), key, "{address}");
        }
    }

    #[test]
    fn an_address_without_an_id_is_its_own_key() {
        for (address, key) in [
            ("/listing/412-maple-ave-toledo", "/listing/412-maple-ave-toledo"),
            ("/listing/12-oak-st-toledo-oh-43604/", "/listing/12-oak-st-toledo-oh-43604"),
            ("/archive/2024", "/archive/2024"),
            ("/buildings/tower/1001", "/buildings/tower/1001"),
            ("/buildings/tower/unit1001", "/buildings/tower/unit1001"),
            ("/h/9#x", "/h/9"),
            ("/h?id=9&utm_source=x&page=1", "/h?id=9&page=1"),
            ("/view/1000?unit=3", "/view/1000?unit=3"),
            ("/", "/"),
        ] {
            assert_eq!(address_key(&url(address)), key, "{address}");
        }
        let long = address_key(&url(&format!("/{}", "a".repeat(400))));
        assert!(long.chars().count() == MAX_KEY && long.starts_with("/aaa"));
    }

    #[test]
    fn scheme_www_slash_and_tracking_are_no_difference() {
        let own = url("/h/1");
        for same in [
            "http://homes.example.com/h/1",
            "https://www.homes.example.com/h/1/",
            "/h/1?gclid=7",
            "/h/1?lang=de",
        ] {
            assert!(is_same_page(&own, &url(same)), "{same}");
        }
        for other in ["/h/2", "/h", "https://homes.example.com:8443/h/1", "https://example.com/h/1"] {
            assert!(!is_same_page(&own, &url(other)), "{other}");
        }
        assert!(!is_same_page(&url("/h?id=1"), &url("/h?id=2")));
        assert!(is_same_home(&url("/en/house-123456"), &url("/de/haus-123456")));
    }

    #[test]
    fn a_category_is_no_homes_address() {
        let own = |canonical: &str, links: &str| {
            let html = format!("<link rel=canonical href='{canonical}'>{links}");
            let url = url("/homes/oak-st-12");
            let page = Page::parse(&html, &url, PageBudget::for_page(html.len()));
            own_url(&page).path().to_owned()
        };
        let siblings = "<a href=/homes/oak-st-14>a</a><a href=/homes/elm-ct-9>b</a>";

        assert_eq!(own("/homes", siblings), "/homes/oak-st-12");
        assert_eq!(own("/homes", "<a href=/about>a</a>"), "/homes");
        assert_eq!(own("/homes/oak-st-12-toledo", siblings), "/homes/oak-st-12-toledo");
    }
}
