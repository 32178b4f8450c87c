//! Signs that listings are gone, which are believed or not: walls, soft pages, and many pages that are gone at once.

use serde_json::Value;

use super::bench::PortalBench;
use super::home::Presence;
use super::style::{SoftPage, Style, Wall};

#[tokio::test(flavor = "multi_thread")]
async fn a_site_behind_a_wall_loses_no_listing() {
    for wall in [Wall::Consent, Wall::Robot, Wall::Status(403), Wall::Status(451)] {
        let mut bench = PortalBench::new(Style::JsonLd, 12).await;
        let first = bench.crawl().await;
        assert_eq!(first.events.len(), 12, "{:?}", first.lines());

        bench.portal.restyle(|look| look.wall = Some(wall));
        let walled = bench.crawl().await;
        bench.portal.restyle(|look| look.wall = None);
        let after = bench.crawl().await;

        assert_eq!(walled.lines(), [""; 0], "{wall:?}");
        assert!(walled.log_count("WARNING") > 0, "{wall:?}: a warning");
        assert_eq!(walled.alerts.len(), 0, "{wall:?}: {:?}", walled.alerts);
        assert_eq!(after.lines(), [""; 0], "{wall:?}: when it is open again");
        assert_eq!(bench.harness.property_count().await, 12, "{wall:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_soft_signs_at_once_remove_nothing_and_are_an_alert() {
    for (presence, soft_page) in [
        (Presence::SoftGone, SoftPage::Said),
        (Presence::SoftGone, SoftPage::Bare),
        (Presence::Redirected, SoftPage::Said),
    ] {
        let mut bench = PortalBench::new(Style::JsonLd, 30).await;
        bench.portal.restyle(|look| look.soft_page = soft_page);
        bench.crawl().await;

        bench.portal.set_first(6, presence);
        let crawled = bench.crawl().await;

        assert_alert(&bench, &format!("{presence:?} {soft_page:?}"), &crawled.lines(), &crawled.alerts, 6);
        assert_eq!(bench.harness.property_count().await, 30, "{presence:?} {soft_page:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hard_answers_for_more_than_half_remove_nothing_and_are_an_alert() {
    let mut bench = PortalBench::new(Style::JsonLd, 12).await;
    bench.crawl().await;

    bench.portal.set_first(7, Presence::NotFound);
    let crawled = bench.crawl().await;

    assert_alert(&bench, "404", &crawled.lines(), &crawled.alerts, 7);
    assert_eq!(bench.harness.property_count().await, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn hard_answers_for_less_than_half_remove() {
    let mut bench = PortalBench::new(Style::JsonLd, 14).await;
    bench.crawl().await;

    bench.portal.set_first(6, Presence::NotFound);
    let crawled = bench.crawl().await;

    assert_eq!(crawled.lines(), removed(6, "gone"));
    assert_eq!(crawled.alerts.len(), 0, "{:?}", crawled.alerts);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_an_unknown_address_removes_whatever_it_says() {
    for soft_page in [SoftPage::Said, SoftPage::Bare] {
        let mut bench = PortalBench::new(Style::JsonLd, 12).await;
        bench.portal.restyle(|look| look.soft_page = soft_page);
        bench.crawl().await;

        bench.portal.set_first(2, Presence::SoftGone);
        let crawled = bench.crawl().await;
        let again = bench.crawl().await;

        assert_eq!(crawled.lines(), removed(2, "soft_gone"), "{soft_page:?}");
        assert_eq!(again.lines(), [""; 0], "{soft_page:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_comes_back_is_the_same_property() {
    let mut bench = PortalBench::new(Style::JsonLd, 12).await;
    bench.crawl().await;
    bench.portal.set_first(1, Presence::NotFound);
    assert_eq!(bench.crawl().await.lines(), removed(1, "gone"));

    bench.portal.set_first(1, Presence::Listed);
    let crawled = bench.crawl().await;

    assert_eq!(crawled.lines(), ["410001: status removed -> active"]);
}

fn removed(homes: u32, reason: &str) -> Vec<String> {
    (410_001..410_001 + homes).map(|id| format!("{id}: removed {reason}")).collect()
}

/// No event about a property, and one alert that names the source, the number of pages and one of them.
fn assert_alert(bench: &PortalBench, scene: &str, lines: &[String], alerts: &[Value], pages: usize) {
    assert_eq!(lines, [""; 0], "{scene}");
    assert_eq!(alerts.len(), 1, "{scene}: {alerts:?}");
    let message = alerts[0]["message"].as_str().unwrap_or_default();
    for words in [bench.source.as_str(), &format!("{pages} of "), "/homes/"] {
        assert!(message.contains(words), "{scene}: {words} in {message}");
    }
}
