//! What holds for every page and every file, whatever is in it: used by the shapes, the corpus and the fuzz targets.

use std::collections::HashSet;

use super::hostile_page::{page_of, read};
use super::rules::costly_rules;
use crate::crawler::budget::{PageBudget, Truncation};
use crate::crawler::extract::{MAX_LISTING_IDS, MAX_ORIGINS, MAX_TEASERS, PageKind};
use crate::crawler::reading::Reading;
use crate::crawler::robots;
use crate::crawler::settings::CrawlerSettings;
use crate::protocol::property::PropertyInput;
use crate::protocol::spider_rules::CompiledRules;

/// Reads `data` as a page, without rules and by costly ones.
pub fn check_page(data: &[u8]) {
    let page = page_of(String::from_utf8_lossy(data).into_owned());
    for rules in [&CompiledRules::default(), costly_rules()] {
        let reading = read(&page, rules);
        check_reading(&reading, page.html.len());
        assert_eq!(read(&page, rules).cost, reading.cost, "reading depends on the page and the rules alone");
    }
}

/// Reads `data` as what a page holds for machines. Its first byte says in which form.
pub fn check_page_data(data: &[u8]) {
    let Some((form, data)) = data.split_first() else { return };
    // The end tag would make the rest markup.
    let data = String::from_utf8_lossy(data).replace("</", "<\\/");
    let html = match form % 4 {
        0 => format!("<script type=application/ld+json>{data}</script>"),
        1 => format!("<script type=application/json>{data}</script>"),
        2 => format!("<script>window.__STATE__ = {data}</script>"),
        _ => format!("<script>self.__next_f.push([1,{}])</script>", serde_json::Value::from(data)),
    };
    check_page(html.as_bytes());
}

/// Reads `data` as a robots.txt; its first line is a path.
pub fn check_robots(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let path = format!("/{}", String::from_utf8_lossy(&data[..end]));
    let rules = robots::parse_rules(&data[end..]);
    assert!(rules.are_within_bounds());
    assert!(rules.weight() <= 1_024 + 200 * 1_501 + 3 * data.len(), "{} bytes", rules.weight());
    assert!(rules.allows("/robots.txt"), "the file itself is always allowed");
    assert!(rules.crawl_delay_ms().is_none_or(|delay| delay <= 60_000));
    let sent = serde_json::to_vec(&rules).unwrap_or_default();
    let back: Option<robots::RobotsRules> = serde_json::from_slice(&sent).ok();
    assert_eq!(back.as_ref(), Some(&rules), "rules go from process to process");
    rules.allows(&path);
}

/// What holds for the reading of a page of `html_bytes`.
pub fn check_reading(reading: &Reading, html_bytes: usize) {
    let allowed = PageBudget::for_page(html_bytes).allowed();
    assert!(reading.cost.steps <= allowed.steps && reading.cost.bytes <= allowed.bytes, "{:?}", reading.cost);
    assert_ne!(reading.truncated, Some(Truncation::Markup), "the scan and the parser read the same tags");
    let settings = CrawlerSettings::default();
    assert!(reading.links.len() <= settings.max_links_per_page);
    assert!(reading.links.iter().all(|link| link.url.as_str().len() <= 2_000));
    assert!(reading.canonical.as_ref().is_none_or(|url| url.as_str().len() <= 2_000));
    let extraction = &reading.extraction;
    assert!(extraction.teasers.len() <= MAX_TEASERS);
    assert!(extraction.teasers.iter().all(|teaser| teaser.as_str().len() <= 2_000));
    assert!(extraction.disagreements.len() <= 60, "{:?}", extraction.disagreements);
    let listings = &extraction.listings;
    assert!(listings.len() <= usize::from(extraction.kind == PageKind::Detail), "one page, one home");
    for listing in listings {
        assert!(listing.ids.len() <= MAX_LISTING_IDS && listing.origins.len() <= MAX_ORIGINS);
        assert!(listing.origins.values().all(|origin| origin.fragment.chars().count() <= 80));
        check_texts(&listing.property);
    }
    assert!(listings.len() <= settings.max_listings_per_page);
    let teasers: HashSet<_> = extraction.teasers.iter().collect();
    assert_eq!(teasers.len(), extraction.teasers.len(), "a page is told once");
    let keys: HashSet<_> = listings.iter().map(|listing| &listing.property.listing_key).collect();
    assert_eq!(keys.len(), listings.len(), "a key names one listing");
}

/// The bounds of the wire, which the crawler's own reports keep as those of workers do.
fn check_texts(property: &PropertyInput) {
    let is_short = |text: &Option<String>, most: usize| {
        text.as_ref().is_none_or(|text| !text.is_empty() && text.chars().count() <= most)
    };
    assert!(property.description.as_ref().is_none_or(|text| text.len() <= 8 * 1024));
    assert!(is_short(&property.source_url, 2_000) && is_short(&property.listing_key, 200));
    assert!(is_short(&property.list_office_name, 200) && is_short(&property.list_agent_name, 200));
    assert!(is_short(&property.energy_rating, 20) && is_short(&property.tenure, 50));
    let media = property.media.as_deref().unwrap_or_default();
    assert!(media.len() <= 100, "{} files", media.len());
    for file in media {
        assert!(file.url.len() <= 2_000 && is_short(&file.caption, 300), "{file:?}");
        assert!(file.url.starts_with("http://") || file.url.starts_with("https://"), "{file:?}");
    }
    let prices = [
        property.list_price,
        property.list_price_low,
        property.list_price_high,
        property.original_list_price,
        property.close_price,
    ];
    assert!(prices.iter().flatten().all(|amount| amount.is_finite() && *amount > 0.0), "{prices:?}");
}
