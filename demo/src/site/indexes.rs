//! The pages that lead to listings: the front page, homes for sale, recent sales. They have no structured data, so
//! that a crawler's items come from detail pages alone.

use std::fmt::Write;

use chrono::NaiveDate;

use super::facts::Facts;
use super::html::{Escaped, Layout, render_page};
use super::website::Site;

/// Listings on one page of an index.
pub const PER_PAGE: usize = 50;

/// The two paged indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    ForSale,
    Sold,
}

impl Index {
    fn path(self) -> &'static str {
        match self {
            Self::ForSale => "/listings",
            Self::Sold => "/sold",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::ForSale => "Homes for sale",
            Self::Sold => "Recently sold",
        }
    }

    fn rows(self, site: &Site, on: NaiveDate) -> Vec<usize> {
        match self {
            Self::ForSale => site.catalogue.open(on),
            Self::Sold => site.catalogue.sold(on),
        }
    }
}

/// The front page: the totals, and a link to every page of both indexes. With next-links alone the last listings
/// would be deeper than a careful crawler follows.
pub(super) fn front(site: &Site, on: NaiveDate) -> String {
    let mut main = format!("<h1>Homes in {}</h1>\n", Escaped(site.area_name()));
    for index in [Index::ForSale, Index::Sold] {
        let rows = index.rows(site, on).len();
        let _ = writeln!(main, "<section>\n<h2>{}</h2>\n<p>{rows} homes.</p>\n<p>Pages:", index.title());
        for number in 1..=page_count(rows) {
            let _ = writeln!(main, "<a href=\"{}?page={number}\">{number}</a>", index.path());
        }
        main.push_str("</p>\n</section>\n");
    }
    let frame = Layout {
        site_name: site.name(),
        title: "Welcome",
        canonical: Some(site.url("/")),
        crumbs: &[],
        head: String::new(),
        main,
    };
    render_page(&frame)
}

/// Page `number` of an index, from 1; `None` past its end. An empty index has one empty page.
pub(super) fn index_page(site: &Site, index: Index, number: usize, on: NaiveDate) -> Option<String> {
    let rows = index.rows(site, on);
    let last = page_count(rows.len());
    if !(1..=last).contains(&number) {
        return None;
    }
    let (title, path) = (index.title(), index.path());
    let mut main = format!("<h1>{title}</h1>\n<p>Page {number} of {last}, {} homes.</p>\n", rows.len());
    main.push_str("<ul class=\"cards\">\n");
    for row in rows.iter().skip((number - 1) * PER_PAGE).take(PER_PAGE) {
        main.extend(Facts::of(&site.catalogue, *row, on).map(|facts| card(&facts)));
    }
    main.push_str("</ul>\n");
    main.push_str(&pagination_links(path, number, last));
    let frame = Layout {
        site_name: site.name(),
        title,
        canonical: Some(site.url(&format!("{path}?page={number}"))),
        crumbs: &[],
        head: String::new(),
        main,
    };
    Some(render_page(&frame))
}

fn page_count(rows: usize) -> usize {
    rows.div_ceil(PER_PAGE).max(1)
}

fn card(facts: &Facts) -> String {
    let sold = facts.closed_on.map(|day| format!(", sold {day}")).unwrap_or_default();
    format!(
        "<li><a href=\"/listing/{}\">{}</a><br><span class=\"price\">{}</span> {}{sold}</li>\n",
        Escaped(&facts.listing_key),
        Escaped(&facts.name),
        facts.price,
        Escaped(&facts.summary()),
    )
}

fn pagination_links(path: &str, number: usize, last: usize) -> String {
    let link =
        |rel: &str, name: &str, to: usize| format!("<a rel=\"{rel}\" href=\"{path}?page={to}\">{name}</a>");
    let mut links = String::new();
    if number > 1 {
        links.push_str(&link("prev", "Previous page", number - 1));
    }
    if number < last {
        links.push_str(&link("next", "Next page", number + 1));
    }
    format!("<nav aria-label=\"Pages\">{links}</nav>\n")
}
