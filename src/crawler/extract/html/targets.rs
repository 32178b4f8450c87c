//! Where the links of an element lead: to the page of another home or not. Read from the text of `href`, without the
//! cost of resolving it: only whether two links are alike matters here.

use url::Url;

/// Bytes of a link that are looked at.
const MAX_HREF: usize = 2_000;
/// Files and no pages.
const FILES: [&str; 12] =
    ["jpg", "jpeg", "png", "gif", "webp", "avif", "svg", "pdf", "mp4", "webm", "zip", "ics"];

/// A link to another page of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Of the path, and of the query where an id is in it.
    pub(super) hash: u64,
    /// Of the number of the path's parts and the first of them: pages of one kind share it.
    pub(super) shape: u64,
    /// The element with the link, as a place in the outline.
    pub(super) block: usize,
}

/// The links of an element and of what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Targets {
    pub(super) first: Option<Target>,
    /// Whether there are links to two pages of one kind, as in a list.
    pub(super) many: bool,
}

impl Targets {
    pub(super) fn add(&mut self, other: Self) {
        match (self.first, other.first) {
            (None, _) => *self = other,
            (Some(one), Some(two)) => {
                self.many |= other.many || (one.shape == two.shape && one.hash != two.hash);
            }
            (Some(_), None) => {}
        }
    }
}

/// The page that links are on, prepared for comparisons.
pub(super) struct OwnPage {
    host: String,
    path: String,
}

impl OwnPage {
    pub(super) fn new(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self {
            host: without_www(&host).to_owned(),
            path: url.path().trim_end_matches('/').to_ascii_lowercase(),
        }
    }

    /// The target of a link, unless it leads elsewhere, to this page, to a part of it, or to a file.
    pub(super) fn target(&self, href: &str, block: usize) -> Option<Target> {
        let href = href.trim();
        let href = href.split('#').next().unwrap_or_default();
        if href.is_empty() || href.len() > MAX_HREF || href.starts_with('?') {
            return None;
        }
        let local = self.on_host(href)?;
        let (path, query) = local.split_once('?').unwrap_or((local, ""));
        let path = path.trim_end_matches('/');
        if path.is_empty() || self.is_own(path) || is_file(path) {
            return None;
        }
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..");
        let first = parts.clone().next().unwrap_or_default();
        let count = parts.count();
        let kind = if count > 1 { hash(first.as_bytes(), count as u64) } else { count as u64 };
        // `detail.php?id=5` is a page of its own, `/house-5?contact=1` is not.
        let whole = if query.contains("id") { local } else { path };
        Some(Target { hash: hash(whole.as_bytes(), 0), shape: kind, block })
    }

    /// What follows the host; the link itself where it names none.
    fn on_host<'a>(&self, href: &'a str) -> Option<&'a str> {
        let scheme = href.get(..8).unwrap_or(href).to_ascii_lowercase();
        let after = if scheme.starts_with("https://") {
            href.get(8..)?
        } else if scheme.starts_with("http://") {
            href.get(7..)?
        } else if let Some(after) = href.strip_prefix("//") {
            after
        } else {
            // `mailto:`, `tel:`, `javascript:`; a colon after a slash belongs to the path.
            let head = href.split(['/', '?']).next().unwrap_or_default();
            return (!head.contains(':')).then_some(href);
        };
        let end = after.find(['/', '?']).unwrap_or(after.len());
        let (host, local) = after.split_at(end);
        without_www(host).eq_ignore_ascii_case(&self.host).then_some(local)
    }

    fn is_own(&self, path: &str) -> bool {
        if !path.starts_with('/') {
            return self.path.rsplit('/').next().is_some_and(|own| own.eq_ignore_ascii_case(path));
        }
        let start = path.get(..self.path.len());
        let rest = path.get(self.path.len()..).unwrap_or_default();
        !self.path.is_empty()
            && start.is_some_and(|start| start.eq_ignore_ascii_case(&self.path))
            && (rest.is_empty() || rest.starts_with('/'))
    }
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

fn is_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| FILES.iter().any(|file| ending.eq_ignore_ascii_case(file)))
}

/// FNV-1a: it distinguishes the links and classes of one page, and is kept nowhere.
pub(super) fn hash(bytes: &[u8], seed: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> OwnPage {
        OwnPage::new(&"https://www.homes.example.com/sale/house-1".parse().unwrap())
    }

    #[test]
    fn only_links_to_other_pages_of_the_host_are_targets() {
        for href in [
            "/sale/house-2",
            "https://homes.example.com/sale/house-2?a=1",
            "//www.homes.example.com/x",
            "house-2",
        ] {
            assert!(own().target(href, 0).is_some(), "{href}");
        }
        for href in [
            "",
            "#photos",
            "?photo=2",
            "/sale/house-1",
            "/sale/house-1/?utm_source=x",
            "https://www.homes.example.com/sale/house-1/photos",
            "house-1",
            "https://other.example.com/sale/house-2",
            "mailto:ann@example.com",
            "javascript:void(0)",
            "/images/1.JPG",
            "/",
        ] {
            assert_eq!(own().target(href, 0), None, "{href}");
        }
    }

    #[test]
    fn an_element_with_links_to_two_homes_is_a_list() {
        let targets = |hrefs: &[&str]| {
            let mut all = Targets::default();
            for href in hrefs {
                all.add(Targets { first: own().target(href, 0), many: false });
            }
            all.many
        };

        assert!(!targets(&["/sale/a", "/sale/a?contact=1", "/agents/7"]));
        assert!(targets(&["/detail.php?id=2", "/detail.php?id=3"]));
        assert!(targets(&["/sale/a", "/sale/b"]));
    }
}
