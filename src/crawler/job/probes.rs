//! Requests for addresses that cannot exist: the page that a host gives for one is what it gives for a listing that is
//! gone, where it does not answer 404. At most one for each host and job, and only when a known page could not be
//! read. Pure.

use std::collections::HashMap;

use url::Url;

use crate::domain::frontier::QueuedUrl;

/// What stands in the place of a listing's name: one word with a digit, which no text of a site has by itself, and
/// which the shape of a page leaves out.
const MADE_UP: &str = "nosuchpage7d41c9";
/// Hosts that are probed in a job.
const MAX_PROBES: usize = 50;
/// Known pages without a home that are compared.
const MAX_UNREAD: usize = 1_000;

/// The probes of a job.
#[derive(Default)]
pub(super) struct Probes {
    by_origin: HashMap<String, Probe>,
    unread: Vec<UnreadPage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    Requested,
    /// The shape of the page; none for an address that does not exist as far as the host says.
    Answered(Option<u64>),
}

struct UnreadPage {
    page: QueuedUrl,
    origin: String,
    shape: u64,
}

impl Probes {
    /// Remembers a known page on which no home was read, and returns the URL of the host's probe, if that has not been
    /// requested yet.
    pub(super) fn add_unread(&mut self, page: &QueuedUrl, url: &Url, shape: u64) -> Option<Url> {
        let origin = origin(url);
        if self.unread.len() < MAX_UNREAD {
            self.unread.push(UnreadPage { page: page.clone(), origin: origin.clone(), shape });
        }
        if self.by_origin.len() >= MAX_PROBES || self.by_origin.contains_key(&origin) {
            return None;
        }
        self.by_origin.insert(origin, Probe::Requested);
        Some(made_up(url))
    }

    /// The probe of this host was answered with a page of this shape, or with none.
    pub(super) fn set_answer(&mut self, url: &Url, shape: Option<u64>) {
        self.by_origin.insert(origin(url), Probe::Answered(shape.filter(|shape| *shape != 0)));
    }

    /// Whether a page of this shape is what the host gives for an address that cannot exist.
    pub(super) fn is_missing(&self, url: &Url, shape: u64) -> bool {
        self.by_origin.get(&origin(url)) == Some(&Probe::Answered(Some(shape)))
    }

    /// Takes the known pages that look like the page for an address that cannot exist.
    pub(super) fn take_missing(&mut self) -> Vec<QueuedUrl> {
        let unread = std::mem::take(&mut self.unread);
        let missing = unread.into_iter().filter(|unread| {
            self.by_origin.get(&unread.origin) == Some(&Probe::Answered(Some(unread.shape)))
        });
        missing.map(|unread| unread.page).collect()
    }
}

/// Whether this is the URL of a probe, perhaps of a worker before this one.
pub(super) fn is_probe(url: &Url) -> bool {
    url[url::Position::BeforePath..].contains(MADE_UP)
}

fn origin(url: &Url) -> String {
    url[..url::Position::BeforePath].to_owned()
}

/// An address beside this one. Where the query names the page, each of its values is replaced, else the last step of
/// the path.
fn made_up(url: &Url) -> Url {
    let mut made_up = url.clone();
    made_up.set_fragment(None);
    if let Some(query) = url.query().filter(|query| query.contains('=')) {
        let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        let pairs: Vec<String> = names.map(|name| format!("{name}={MADE_UP}")).collect();
        made_up.set_query(Some(&pairs.join("&")));
        return made_up;
    }
    let path = url.path().trim_end_matches('/');
    let (folder, name) = path.rsplit_once('/').unwrap_or_default();
    // A dot may also stand in a name: `3.5-rooms-in-oak-street`.
    let is_ending = |text: &str| text.bytes().all(|one| one.is_ascii_alphanumeric());
    let ending = name.rsplit_once('.').filter(|(_, ending)| is_ending(ending));
    let ending = ending.map(|(_, ending)| format!(".{ending}")).unwrap_or_default();
    let slash = if url.path().len() > path.len() && !path.is_empty() { "/" } else { "" };
    made_up.set_query(None);
    made_up.set_path(&format!("{folder}/{MADE_UP}{ending}{slash}"));
    made_up
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frontier::Worth;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn queued(id: i64, url: &str) -> QueuedUrl {
        let (url, worth) = (url.to_owned(), Worth::Detail);
        QueuedUrl { id, url, depth: 0, worth, attempts: 0, known: Vec::new(), suspect: false }
    }

    #[test]
    fn the_probe_is_beside_the_page() {
        for (page, probe) in [
            ("https://a.example/homes/oak-1#x", "https://a.example/homes/nosuchpage7d41c9"),
            ("https://a.example/homes/1.html", "https://a.example/homes/nosuchpage7d41c9.html"),
            ("https://a.example/homes/3.5-rooms", "https://a.example/homes/nosuchpage7d41c9"),
            ("https://a.example/homes/1/", "https://a.example/homes/nosuchpage7d41c9/"),
            ("https://a.example/", "https://a.example/nosuchpage7d41c9"),
            ("https://a.example/home.php?id=7", "https://a.example/home.php?id=nosuchpage7d41c9"),
        ] {
            assert_eq!(made_up(&url(page)).as_str(), probe);
            assert!(is_probe(&url(probe)) && !is_probe(&url(page)));
        }
    }

    #[test]
    fn a_host_is_probed_once_and_pages_of_its_shape_are_missing() {
        let mut probes = Probes::default();
        let page = url("https://a.example/h/1");

        assert!(probes.add_unread(&queued(1, page.as_str()), &page, 7).is_some());
        assert_eq!(
            probes.add_unread(&queued(2, "https://a.example/h/2"), &url("https://a.example/h/2"), 8),
            None
        );
        assert!(!probes.is_missing(&page, 7), "not answered");
        probes.set_answer(&page, Some(7));

        assert!(probes.is_missing(&page, 7) && !probes.is_missing(&page, 8));
        assert_eq!(probes.take_missing(), [queued(1, page.as_str())]);
        assert!(probes.take_missing().is_empty());
    }

    #[test]
    fn a_host_that_answers_404_has_no_missing_pages() {
        let mut probes = Probes::default();
        let page = url("https://a.example/h/1");
        probes.add_unread(&queued(1, page.as_str()), &page, 0);
        probes.set_answer(&page, None);
        assert!(probes.take_missing().is_empty());

        probes.add_unread(&queued(1, page.as_str()), &page, 0);
        probes.set_answer(&page, Some(0));
        assert!(probes.take_missing().is_empty(), "a page without a shape");
    }
}
