//! The page of one listing. The visible text is the same in every dialect; the structured data is in one of three
//! places.

mod embedded;
mod json_ld;
mod microdata;
mod plain;

use super::facts::{Dialect, Facts};
use super::html::{Layout, render_page};
use super::website::Site;

/// The whole page of `facts` in `dialect`.
pub(super) fn detail(site: &Site, facts: &Facts, dialect: Dialect) -> String {
    let url = site.url(&format!("/listing/{}", facts.listing_key));
    let (head, main) = match dialect {
        Dialect::JsonLd => (json_ld::script(facts, &url), plain::article(facts)),
        Dialect::EmbeddedState => (String::new(), plain::article(facts) + &embedded::script(facts, &url)),
        Dialect::Microdata => (String::new(), microdata::article(facts, &url)),
    };
    let crumb = match facts.closed_on {
        None => ("/listings?page=1", "Homes for sale"),
        Some(_) => ("/sold?page=1", "Recently sold"),
    };
    render_page(&Layout {
        site_name: site.name(),
        title: &facts.name,
        canonical: Some(url),
        crumbs: &[crumb],
        head,
        main,
    })
}
