//! Whether the canonical address of a page can be that of its home. Sites name a list, or a page that does not exist, as
//! the canonical address of all of their homes.

use url::Url;

use super::key::{
    has_token, is_number, is_same_home, is_uuid, names_one, path, path_id, segments, without_ending,
};
use crate::crawler::page::Page;

/// A shorter id or name may be in another address by chance.
const LEAST_NAME: usize = 3;
/// Digits of a number that is an id wherever it stands: five are a postal code.
const LEAST_ID: usize = 6;
/// Last segments that name no page.
const INDEXES: [&str; 2] = ["index", "default"];

/// The address that names the home of the page: the canonical one if it can be this page's, else the page's own.
pub(super) fn home_url<'a>(page: &'a Page, canonical: &'a Url) -> &'a Url {
    if may_be_address_of(page.url(), canonical) { canonical } else { page.url() }
}

/// What tells the page of a home from those of other homes, for a home with this key: the key if the address has it,
/// the id in the path, or its last segment.
pub(in crate::crawler) fn page_name(url: &Url, key: &str) -> String {
    let (path, key) = (path(url).to_lowercase(), key.to_lowercase());
    // A key that is itself a path is in every address below it.
    let is_telling = key.len() >= LEAST_NAME && !key.starts_with('/') && names_one(&key);
    if is_telling && has_token(&path, &key) {
        return key;
    }
    path_id(url).or_else(|| last_name(url)).unwrap_or(path)
}

/// Whether `canonical` can be another form of the address `own`: its path is the same, or has the same id or the same
/// last segment, or is a longer or a shorter form of it.
fn may_be_address_of(own: &Url, canonical: &Url) -> bool {
    if path(own) == path(canonical) || is_same_home(own, canonical) {
        return true;
    }
    let (Some(name), Some(canonical_name)) = (last_name(own), last_name(canonical)) else { return false };
    name == canonical_name
        || is_longer(own, &name, canonical)
        || is_shorter(own, &name, canonical, &canonical_name)
        || (names_one(&canonical_name) && has_common_id(own, canonical))
}

/// `/h/oak-st-12` and `/homes/oak-st-12-toledo`: the canonical path has the id or the name of the page.
fn is_longer(own: &Url, name: &str, canonical: &Url) -> bool {
    let id = path_id(own).or_else(|| Some(name.to_owned()).filter(|name| names_one(name)));
    let id = id.filter(|id| id.len() >= LEAST_NAME);
    id.is_some_and(|id| has_token(&path(canonical).to_lowercase(), &id.to_lowercase()))
}

/// `/homes/4711/oak-street` and `/homes/4711`: the page's path has the id of the canonical one, or begins with its name.
/// Below a number, which may be that of a town or an agency, a last segment with digits is the home's own id.
fn is_shorter(own: &Url, name: &str, canonical: &Url, canonical_name: &str) -> bool {
    let has_digit = |text: &str| text.contains(|c: char| c.is_ascii_digit());
    let begins = name.strip_prefix(canonical_name).is_some_and(|rest| rest.starts_with(['-', '_', '.']));
    if begins && has_digit(canonical_name) {
        return true;
    }
    path_id(canonical).is_some_and(|id| {
        let id = id.to_lowercase();
        has_token(name, &id) || !has_digit(name) && has_token(&path(own).to_lowercase(), &id)
    })
}

/// Whether a long number or a UUID is a whole segment of both paths, above the last one of the canonical path.
fn has_common_id(own: &Url, canonical: &Url) -> bool {
    let mut others = segments(canonical);
    others.pop();
    let is_id = |segment: &str| is_number(segment, LEAST_ID) || is_uuid(segment);
    segments(own).into_iter().any(|segment| is_id(segment) && others.contains(&segment))
}

/// The last segment in lower case, without an ending; the one before it where that is `index.html`.
fn last_name(url: &Url) -> Option<String> {
    let names = segments(url).into_iter().rev().map(|segment| without_ending(segment).to_lowercase());
    names.take(2).find(|name| !INDEXES.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::key::own_url;

    fn url(text: &str) -> Url {
        Url::parse("https://homes.example.com/").unwrap().join(text).unwrap()
    }

    #[test]
    fn a_canonical_address_can_be_the_homes_if_it_has_its_id_or_its_name() {
        for (own, canonical) in [
            ("/x/d1?utm_source=mail&view=map", "/x/d1"),
            ("/en/homes/am-anger-6-410002", "/homes/am-anger-6-410002"),
            ("/en/homes/oak-street-410002", "/homes/eichenweg-410002"),
            ("/homes/lindenallee-3-410001", "/expose/410001"),
            ("/en/homes/villa", "/homes/villa.html"),
            ("/x/d1/index.html", "/homes/d1"),
            ("/homes/oak-st-12", "/homes/oak-st-12-toledo"),
            ("/homes/oak-st-12-toledo", "/homes/oak-st-12"),
            ("/homes/4711", "/homes/4711/oak-street"),
            ("/homes/4711/oak-street", "/homes/4711"),
            ("/expose/123456789/photos", "/expose/123456789"),
            ("/en/homes/123456789/oak-st-12", "/homes/123456789/eichenstr-12"),
        ] {
            assert!(may_be_address_of(&url(own), &url(canonical)), "{own} {canonical}");
        }
    }

    #[test]
    fn a_list_and_another_page_are_no_address_of_a_home() {
        for (own, canonical) in [
            ("/x/d1", "/homes"),
            ("/x/d1", "/missing404"),
            ("/x/d1", "/x"),
            ("/x/d1", "/x/d2"),
            ("/x/d1", "/x/index.html"),
            ("/x/d1", "/"),
            ("/homes-for-sale/d1", "/homes-for-sale"),
            ("/10115/d1", "/10115"),
            ("/agency/123456/d1", "/agency/123456"),
            ("/agency/123456/d1", "/agency/123456/listings"),
            ("/homes/oak-st-12-410001", "/homes/oak-st-12-410002"),
        ] {
            assert!(!may_be_address_of(&url(own), &url(canonical)), "{own} {canonical}");
        }
    }

    #[test]
    fn a_canonical_address_that_is_another_pages_does_not_name_the_home() {
        let named = |canonical: &str| {
            let html = format!("<link rel=canonical href='{canonical}'>");
            let page = Page::parse(&html, &url("/x/d1?gclid=7"), PageBudget::for_page(html.len()));
            (home_url(&page, own_url(&page)).path().to_owned(), own_url(&page).path().to_owned())
        };
        let both = |home: &str, link: &str| (home.to_owned(), link.to_owned());

        assert_eq!(named("/homes"), both("/x/d1", "/homes"));
        assert_eq!(named("/missing404"), both("/x/d1", "/missing404"));
        assert_eq!(named("/en/d1"), both("/en/d1", "/en/d1"));
    }

    #[test]
    fn pages_of_one_home_have_one_name() {
        for (one, other, key) in [
            ("/en/d1", "/de/D1.html", "A-1"),
            ("/homes/oak-410003", "/de/eiche-410003", "A-1"),
            ("/homes/A-1/photos", "/homes/a-1/mortgage", "A-1"),
        ] {
            assert_eq!(page_name(&url(one), key), page_name(&url(other), key), "{one} {other}");
        }
        assert_ne!(page_name(&url("/x/d1"), "AGENCY-7"), page_name(&url("/x/d2"), "AGENCY-7"));
        assert_ne!(page_name(&url("/homes/d-1-1/a"), "/homes"), page_name(&url("/homes/d-1-1/b"), "/homes"));
        assert_eq!(page_name(&url("/"), "A-1"), "/");
    }
}
