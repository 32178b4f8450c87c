//! A portal that changes between crawls: exactly what changed is told, in every style.

use super::bench::{Crawled, PortalBench, differences};
use super::home::{FIRST_ID, Presence, Status};
use super::style::Style;

const HOMES: u32 = 12;

macro_rules! each_style_tells_exactly_what_changed {
    ($($name:ident: $style:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            tells_exactly_what_changed(Style::$style).await;
        }
    )*};
}

each_style_tells_exactly_what_changed! {
    json_ld_tells_exactly_what_changed: JsonLd,
    next_data_tell_exactly_what_changed: Next,
    nuxt_data_tell_exactly_what_changed: Nuxt,
    microdata_tell_exactly_what_changed: Microdata,
    rdfa_tells_exactly_what_changed: Rdfa,
    german_html_tells_exactly_what_changed: Html,
}

async fn tells_exactly_what_changed(style: Style) {
    let mut bench = PortalBench::new(style, HOMES).await;

    let first = bench.crawl().await;
    let created: Vec<String> = (FIRST_ID..FIRST_ID + HOMES).map(|id| format!("{id}: created")).collect();
    assert_exact(style, "first", &bench, &first, &created);

    bench.portal.change(410_002, |home| home.price = 299_000);
    bench.portal.change(410_003, |home| home.status = Status::Sold);
    bench.portal.change(410_004, |home| home.currency = "CHF");
    bench.portal.change(410_005, |home| home.living_area += 10);
    bench.portal.change(410_006, |home| home.status = Status::Reserved);
    let second = bench.crawl().await;
    let changes = [
        "410002: price 317500 EUR -> 299000 EUR",
        "410003: status active -> closed",
        "410004: price 352500 EUR -> 352500 CHF",
        "410005: changed living_area",
        "410006: status active -> pending",
    ];
    assert_exact(style, "second", &bench, &second, &changes.map(str::to_owned));

    bench.portal.change(410_002, |home| home.price = 305_000);
    bench.portal.change(410_006, |home| home.status = Status::Active);
    bench.portal.change(410_008, |home| home.presence = Presence::NotFound);
    bench.portal.change(410_009, |home| home.presence = Presence::SoftGone);
    bench.portal.change(410_010, |home| home.presence = Presence::Redirected);
    bench.portal.add(HOMES);
    let third = bench.crawl().await;
    let mut changes = vec![
        "410002: price 299000 EUR -> 305000 EUR",
        "410008: removed gone",
        "410009: removed soft_gone",
        "410010: removed moved",
        "410013: created",
    ];
    // A page of text without a badge tells no status, and what was told stays.
    changes.extend((style != Style::Html).then_some("410006: status pending -> active"));
    let changes: Vec<String> = changes.into_iter().map(str::to_owned).collect();
    assert_exact(style, "third", &bench, &third, &changes);

    let fourth = bench.crawl().await;
    assert_exact(style, "fourth", &bench, &fourth, &[]);
    assert_eq!(bench.harness.property_count().await, bench.portal.listed().len() as u64, "{style:?}");
}

/// The events are these, each with the key and the facts of the home on its page.
fn assert_exact(style: Style, crawl: &str, bench: &PortalBench, crawled: &Crawled, expected: &[String]) {
    let none: [String; 0] = [];
    let seen = crawled.lines_by(|event| event.key.clone());
    assert_eq!(differences(expected, &seen), none, "{style:?}, {crawl} crawl: missing (-) and surplus (+)");
    assert_eq!(bench.faults(crawled), none, "{style:?}, {crawl} crawl: what is told");
    let other_page = crawled
        .events
        .iter()
        .filter(|event| event.id_of_page().map(|id| id.to_string()).as_ref() != Some(&event.key));
    let other_page: Vec<String> = other_page.map(|event| format!("{}: {}", event.key, event.url())).collect();
    assert_eq!(other_page, none, "{style:?}, {crawl} crawl: addresses of other homes");
    assert_eq!(crawled.alerts.len(), 0, "{style:?}, {crawl} crawl: {:?}", crawled.alerts);
}
