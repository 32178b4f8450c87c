//! The links of a page as its visit keeps them, so that they are followed when the page is not sent again. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::{Position, Url};

use crate::crawler::links::FoundLink;
use crate::domain::frontier::Worth;

/// Bytes of the links of one page. One with more is read at each crawl.
const MAX_BYTES: usize = 32 * 1024;

/// The links of a page. Those on its own host are kept as path and query.
#[derive(Debug, Default, Serialize, Deserialize)]
struct KeptLinks {
    /// The page's own URL, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canonical: Option<String>,
    #[serde(default)]
    links: BTreeMap<Worth, Vec<String>>,
}

/// Writes the links of the page at `url`; `None` when there are too many.
pub(super) fn encode(url: &Url, links: &[FoundLink], canonical: Option<&Url>) -> Option<String> {
    let mut kept = KeptLinks { canonical: canonical.map(|own| shorten(url, own)), ..KeptLinks::default() };
    for link in links {
        kept.links.entry(link.worth).or_default().push(shorten(url, &link.url));
    }
    // Texts always serialise.
    serde_json::to_string(&kept).ok().filter(|json| json.len() <= MAX_BYTES)
}

/// The links and the canonical URL of the page at `url`. JSON that was broken by hand has none.
pub(super) fn decode(url: &Url, json: &str) -> (Vec<FoundLink>, Option<Url>) {
    let kept: KeptLinks = serde_json::from_str(json).unwrap_or_default();
    let links = kept.links.into_iter().flat_map(|(worth, urls)| {
        let urls = urls.into_iter().filter_map(|link| url.join(&link).ok());
        urls.map(move |url| FoundLink { url, worth }).collect::<Vec<_>>()
    });
    (links.collect(), kept.canonical.and_then(|own| url.join(&own).ok()))
}

fn shorten(page: &Url, link: &Url) -> String {
    let own = &link[Position::BeforePath..];
    // Two slashes at the beginning would name a host.
    let is_path = page.origin() == link.origin() && !own.starts_with("//");
    if is_path { own.to_owned() } else { link.as_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn link(text: &str, worth: Worth) -> FoundLink {
        FoundLink { url: url(text), worth }
    }

    #[test]
    fn links_come_back_by_worth_and_short_where_the_host_is_the_pages_own() {
        let page = url("https://homes.example:8443/h/1?unit=2");
        let links = [
            link("https://homes.example:8443/list?page=2", Worth::List),
            link("https://homes.example:8443/h/2", Worth::Detail),
            link("https://homes.example:8443//h/3", Worth::Detail),
            link("http://cdn.example/h/4", Worth::Detail),
        ];
        let own = url("https://homes.example:8443/h/1");

        let json = encode(&page, &links, Some(&own)).unwrap();
        let (found, canonical) = decode(&page, &json);

        assert!(json.contains(r#""/h/2""#) && json.contains(r#""canonical":"/h/1""#), "{json}");
        let found: Vec<_> = found.iter().map(|link| (link.url.as_str(), link.worth)).collect();
        assert_eq!(
            found,
            [
                ("https://homes.example:8443/h/2", Worth::Detail),
                ("https://homes.example:8443//h/3", Worth::Detail),
                ("http://cdn.example/h/4", Worth::Detail),
                ("https://homes.example:8443/list?page=2", Worth::List),
            ]
        );
        assert_eq!(canonical, Some(own));
    }

    #[test]
    fn a_page_with_too_many_links_keeps_none_and_broken_json_has_none() {
        let page = url("https://homes.example/");
        let many: Vec<_> = (0..MAX_BYTES / 10)
            .map(|number| link(&format!("https://homes.example/home/{number}"), Worth::Page))
            .collect();

        assert_eq!(encode(&page, &many, None), None);
        assert!(encode(&page, &many[..100], None).is_some());
        for broken in ["", "[]", "{\"links\": 7}"] {
            let (links, canonical) = decode(&page, broken);
            assert!(links.is_empty() && canonical.is_none(), "{broken}");
        }
    }
}
