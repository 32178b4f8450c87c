//! What visiting the page of a known listing has shown. The frontier keeps the word, so that a crawl that resumes
//! still has it. Pure.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::crawler::extract::{Extraction, Listing, PageKind};
use crate::domain::properties::addresses::AddressHash;
use crate::protocol::property::{PropertyInput, RemovalReason};

/// What the page of a known listing is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PageOutcome {
    /// Its listing was read there.
    Home,
    /// The host answers that it is gone (404, 410).
    Gone,
    /// Its text says that the listing is no longer there.
    SoftGone,
    /// It redirects to an index or to another home.
    Moved,
    /// It is an index or the page of another home.
    NotAListing,
    /// A page that asks for consent, a log-in or proof of being human: no word about the listing.
    Wall,
    /// Nothing was read there.
    NoHome,
}

impl PageOutcome {
    /// The outcomes after which the listing may be removed.
    pub(super) const REMOVING: [Self; 4] = [Self::Gone, Self::SoftGone, Self::Moved, Self::NotAListing];

    /// The word in the frontier.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Gone => "gone",
            Self::SoftGone => "soft_gone",
            Self::Moved => "moved",
            Self::NotAListing => "not_a_listing",
            Self::Wall => "wall",
            Self::NoHome => "no_home",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Home,
            Self::Gone,
            Self::SoftGone,
            Self::Moved,
            Self::NotAListing,
            Self::Wall,
            Self::NoHome,
        ];
        all.into_iter().find(|outcome| outcome.name() == word)
    }

    /// Why a listing is removed after this outcome.
    pub(super) const fn reason(self) -> Option<RemovalReason> {
        match self {
            Self::Gone => Some(RemovalReason::Gone),
            Self::SoftGone => Some(RemovalReason::SoftGone),
            Self::Moved => Some(RemovalReason::Moved),
            Self::NotAListing => Some(RemovalReason::NotAListing),
            Self::Home | Self::Wall | Self::NoHome => None,
        }
    }
}

/// How a page was reached and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageAccess {
    pub(super) way: PageWay,
    /// It was not read to its end: what is missing says nothing.
    pub(super) truncated: bool,
}

/// Where a page was in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageWay {
    Direct,
    Redirected,
    /// A redirect to a page above: the front page, or the list that the page was in.
    RedirectedUp,
}

impl PageWay {
    pub(super) fn of(requested: &Url, url: &Url) -> Self {
        if AddressHash::of(requested) == AddressHash::of(url) {
            return Self::Direct;
        }
        let depth = |url: &Url| url.path().split('/').filter(|step| !step.is_empty()).count();
        // A log-in page leads back to the page.
        let leads_back = url.query().is_some_and(|query| {
            let query = percent_decode_str(query).decode_utf8_lossy();
            requested.path().len() > 1 && query.contains(requested.path())
        });
        if depth(url) < depth(requested) && !leads_back { Self::RedirectedUp } else { Self::Redirected }
    }
}

/// The outcome of a page without regard to which home is on it. `None`: the home decides, or nothing is certain.
pub(super) fn of_page(extraction: &Extraction, access: PageAccess) -> Option<PageOutcome> {
    if has_home(extraction) || access.truncated {
        return None;
    }
    let signs = extraction.signs;
    match (extraction.kind, access.way) {
        _ if signs.wall => Some(PageOutcome::Wall),
        _ if signs.gone => Some(PageOutcome::SoftGone),
        (PageKind::List, PageWay::Direct) => Some(PageOutcome::NotAListing),
        (PageKind::List, PageWay::Redirected | PageWay::RedirectedUp) => Some(PageOutcome::Moved),
        (PageKind::Neither, PageWay::RedirectedUp) => Some(PageOutcome::Moved),
        (PageKind::Neither, PageWay::Direct | PageWay::Redirected) => Some(PageOutcome::NoHome),
        (PageKind::Detail, _) => None,
    }
}

/// Whether the page shows a home. What is left of a listing that is gone, as the text says, has no price.
pub(super) fn has_home(extraction: &Extraction) -> bool {
    let has_price = |listing: &Listing| {
        let PropertyInput { list_price, list_price_low, close_price, .. } = &listing.property;
        list_price.or(*list_price_low).or(*close_price).is_some()
    };
    let is_left_over = extraction.signs.gone && !extraction.listings.iter().any(has_price);
    extraction.kind == PageKind::Detail && !extraction.listings.is_empty() && !is_left_over
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::extract::PageSigns;

    const DIRECT: PageAccess = PageAccess { way: PageWay::Direct, truncated: false };
    const REDIRECTED: PageAccess = PageAccess { way: PageWay::Redirected, truncated: false };

    fn page(kind: PageKind, signs: PageSigns) -> Extraction {
        Extraction { kind, signs, ..Extraction::default() }
    }

    #[test]
    fn a_list_is_no_listing_and_a_redirect_to_one_is_a_move() {
        let list = page(PageKind::List, PageSigns::default());

        assert_eq!(of_page(&list, DIRECT), Some(PageOutcome::NotAListing));
        assert_eq!(of_page(&list, REDIRECTED), Some(PageOutcome::Moved));
    }

    #[test]
    fn a_redirect_to_a_page_above_is_a_move_and_one_to_a_log_in_is_not() {
        let way = |from: &str, to: &str| {
            let url = |path: &str| format!("https://homes.example{path}").parse().unwrap();
            PageWay::of(&url(from), &url(to))
        };
        let empty = page(PageKind::Neither, PageSigns::default());

        assert_eq!(way("/h/1", "/"), PageWay::RedirectedUp);
        assert_eq!(way("/sale/berlin/1", "/sale/berlin?page=1"), PageWay::RedirectedUp);
        assert_eq!(way("/h/1", "/login?next=%2Fh%2F1"), PageWay::Redirected);
        assert_eq!(way("/h/1", "/home/oak-1"), PageWay::Redirected);
        assert_eq!(way("/h/1", "/h/1/?utm_source=x"), PageWay::Direct);
        let up = PageAccess { way: PageWay::RedirectedUp, truncated: false };
        assert_eq!(of_page(&empty, up), Some(PageOutcome::Moved));
        assert_eq!(of_page(&empty, REDIRECTED), Some(PageOutcome::NoHome));
    }

    #[test]
    fn a_wall_says_nothing_even_where_its_text_reads_like_gone() {
        let wall = page(PageKind::List, PageSigns { wall: true, gone: true, ..PageSigns::default() });
        let gone = page(PageKind::Neither, PageSigns { gone: true, ..PageSigns::default() });

        assert_eq!(of_page(&wall, DIRECT), Some(PageOutcome::Wall));
        assert_eq!(of_page(&gone, DIRECT), Some(PageOutcome::SoftGone));
        assert_eq!(PageOutcome::Wall.reason(), None);
    }

    #[test]
    fn a_page_that_was_cut_off_says_nothing() {
        let access = PageAccess { truncated: true, ..DIRECT };

        for kind in [PageKind::List, PageKind::Neither, PageKind::Detail] {
            assert_eq!(of_page(&page(kind, PageSigns { gone: true, ..PageSigns::default() }), access), None);
        }
    }

    #[test]
    fn an_outcome_is_read_back_from_its_word() {
        for outcome in PageOutcome::REMOVING {
            assert_eq!(PageOutcome::parse(outcome.name()), Some(outcome));
            assert!(outcome.reason().is_some());
        }
        assert_eq!(PageOutcome::parse("the host answered 500"), None);
    }
}
