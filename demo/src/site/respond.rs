//! The site's response to a path on a given day: a pure function of the catalogue and the date.

use chrono::NaiveDate;

use super::facts::{Dialect, Facts};
use super::hits::Page;
use super::html::{Layout, render_page};
use super::indexes::{self, Index};
use super::listing;
use super::website::Site;
use crate::calendar::ListingState;
use crate::catalogue::Catalogue;

/// The response before caching and throttling are applied.
pub(super) enum SiteResponse {
    Page(Page, String),
    NotFound(String),
    Gone(String),
    Forbidden(String),
}

const ROBOTS: &str = "User-agent: *\nDisallow: /admin/\n";

impl Site {
    /// Answers a GET of `path` with `query` on the day `on`.
    pub(super) fn respond(&self, path: &str, query: &str, on: NaiveDate) -> SiteResponse {
        if let Some(listing_key) = path.strip_prefix("/listing/") {
            return self.listing(listing_key, on);
        }
        match path {
            "/" => SiteResponse::Page(Page::Index, indexes::front(self, on)),
            "/listings" => self.index(Index::ForSale, query, on),
            "/sold" => self.index(Index::Sold, query, on),
            "/about" => SiteResponse::Page(Page::About, self.about()),
            "/robots.txt" => SiteResponse::Page(Page::Robots, ROBOTS.to_owned()),
            _ if path.starts_with("/admin/") => SiteResponse::Forbidden(self.staff()),
            _ => self.not_found(),
        }
    }

    fn listing(&self, listing_key: &str, on: NaiveDate) -> SiteResponse {
        let Some(row) = self.catalogue.position(listing_key) else { return self.not_found() };
        let dialect = Dialect::of(row);
        match (Facts::of(&self.catalogue, row, on), self.catalogue.listing_state(row, on)) {
            (Some(facts), _) => {
                SiteResponse::Page(Page::Listing(dialect), listing::detail(self, &facts, dialect))
            }
            (None, ListingState::Gone) => SiteResponse::Gone(self.error_page("No longer listed", GONE)),
            (None, _) => self.not_found(),
        }
    }

    fn index(&self, index: Index, query: &str, on: NaiveDate) -> SiteResponse {
        let found = page_number(query).and_then(|number| indexes::index_page(self, index, number, on));
        found.map_or_else(|| self.not_found(), |html| SiteResponse::Page(Page::Index, html))
    }

    fn not_found(&self) -> SiteResponse {
        SiteResponse::NotFound(self.error_page("Page not found", "There is no page at this address."))
    }

    fn about(&self) -> String {
        let text = match self.catalogue {
            Catalogue::LucasCounty(_) => ABOUT_LUCAS,
            Catalogue::Sacramento(_) => ABOUT_SACRAMENTO,
        };
        self.article("About the data", text, Some(self.url("/about")))
    }

    fn staff(&self) -> String {
        self.error_page("Staff", "This page is for staff; robots.txt asks crawlers to stay away.")
    }

    fn error_page(&self, title: &str, text: &str) -> String {
        self.article(title, text, None)
    }

    fn article(&self, title: &str, text: &str, canonical: Option<String>) -> String {
        let main = format!("<h1>{title}</h1>\n<p>{text}</p>\n");
        render_page(&Layout {
            site_name: self.name(),
            title,
            canonical,
            crumbs: &[],
            head: String::new(),
            main,
        })
    }
}

const GONE: &str = "This home was sold more than a month ago. Its page has been taken down.";

const ABOUT_LUCAS: &str = "Homes sold in Lucas County, Ohio, from 1993 to 1998: the table house of the R package \
    spData, from the Spatial Econometrics toolbox, dedicated to the public domain (CC0 1.0). On this site a home is \
    for sale for the 180 days before its sale date, at its assessed value; it is shown as sold at its sale price for \
    30 days, and then taken down. There are no street addresses in the data.";

const ABOUT_SACRAMENTO: &str = "Homes sold in the Sacramento area over five days: the table Sacramento of the R \
    package modeldata, MIT licence, copyright 2019 Max Kuhn, RStudio. The table has no dates, so every home on this \
    site is for sale at its price and stays so.";

/// The number in `page=…`; 1 when there is none, `None` when it is not a number.
fn page_number(query: &str) -> Option<usize> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "page").map_or(Some(1), |(_, value)| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_without_a_number_is_its_first_page() {
        assert_eq!(page_number(""), Some(1));
        assert_eq!(page_number("sort=price&page=7"), Some(7));
        assert_eq!(page_number("page=seven"), None);
        assert_eq!(page_number("page=-1"), None);
    }
}
