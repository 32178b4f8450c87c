//! What the HTML layer gives: a draft of the page's home, and facts about the page as a whole.

use url::Url;

use super::super::extraction::LayerResult;
use super::super::values::{CurrencyHint, PriceText};
use super::visible_address::VisibleAddress;
use crate::protocol::property::StandardStatus;

/// What the visible part of a page gave.
pub(in crate::crawler::extract) struct HtmlResult {
    /// At most one draft: what visible text, meta elements, labels and values say of the page's own home.
    pub(in crate::crawler::extract) layer: LayerResult,
    pub(in crate::crawler::extract) facts: PageFacts,
}

/// What a page says of itself, whatever its home is.
#[derive(Default)]
pub(in crate::crawler::extract) struct PageFacts {
    /// `og:title`, the title, and the first `h1` elements; at most 200 characters each.
    pub(in crate::crawler::extract) headings: Vec<String>,
    /// The short texts of the page's place among the pages of the site, the general ones first; at most 30.
    pub(in crate::crawler::extract) breadcrumbs: Vec<String>,
    /// The visible price of the home.
    pub(in crate::crawler::extract) main_price: Option<PriceText>,
    /// All visible amounts in the order of the page, at most 200.
    pub(in crate::crawler::extract) visible_prices: Vec<(f64, CurrencyHint)>,
    /// Those near the main heading and outside of blocks about other homes.
    pub(in crate::crawler::extract) prices_near_heading: Vec<f64>,
    /// Whether a price, and rooms or an area, stand near the main heading and in front of all cards.
    pub(in crate::crawler::extract) tells_home: bool,
    /// Like blocks that each have a link to another page and a price, outside of sections of similar homes.
    pub(in crate::crawler::extract) cards: usize,
    /// Where they lead, at most 200.
    pub(in crate::crawler::extract) card_links: Vec<Url>,
    /// Whether its text says that the listing is no longer there.
    pub(in crate::crawler::extract) gone: bool,
    /// Whether it is a consent, log-in or bot page.
    pub(in crate::crawler::extract) wall: bool,
    /// Whether it tells rooms or an area outside of cards.
    pub(in crate::crawler::extract) has_rooms_or_area: bool,
    /// Equal for two pages that differ only in their address and in numbers.
    pub(in crate::crawler::extract) shape: u64,
    /// `og:type` in lower case.
    pub(in crate::crawler::extract) og_type: Option<String>,
    /// The currency beside a price in `<meta>` elements.
    pub(in crate::crawler::extract) meta_currency: CurrencyHint,
    pub(in crate::crawler::extract) status_badge: Option<StandardStatus>,
    /// The address that it shows of its home, if it is the page of one.
    pub(in crate::crawler::extract) visible_address: VisibleAddress,
}
