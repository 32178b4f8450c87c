//! Pages that once made false events: nothing of a home changes on them from one crawl to the next.

use super::bench::{Crawled, PortalBench, differences};
use super::home::FIRST_ID;
use super::style::{Canonical, Ids, Look, Style};

const HOMES: u32 = 12;
const ALL: [Style; 6] = [Style::JsonLd, Style::Next, Style::Nuxt, Style::Microdata, Style::Rdfa, Style::Html];

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_that_change_in_a_carousel_give_no_event() {
    for style in ALL {
        let mut bench = bench_of_all_homes(style, |_| {}).await;

        for shift in [4, 7] {
            bench.portal.restyle(|look| look.carousel_shift = shift);
            assert_quiet(style, &bench.crawl().await);
        }
        assert_eq!(bench.harness.property_count().await, u64::from(HOMES), "{style:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn former_prices_in_teasers_give_no_event() {
    for style in ALL {
        let mut bench = bench_of_all_homes(style, |look| look.stale_by = 11_000).await;

        for (shift, stale_by) in [(5, 11_000), (2, 12_500), (2, 0)] {
            bench.portal.restyle(|look| (look.carousel_shift, look.stale_by) = (shift, stale_by));
            assert_quiet(style, &bench.crawl().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canonical_address_that_answers_404_gives_no_event() {
    for style in ALL {
        let mut bench = bench_of_all_homes(style, |look| look.canonical = Canonical::Dead).await;

        for _ in 0..2 {
            assert_quiet(style, &bench.crawl().await);
        }
        assert_eq!(bench.harness.property_count().await, u64::from(HOMES), "{style:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_all_homes_share_gives_no_event() {
    for style in [Style::JsonLd, Style::Microdata, Style::Rdfa] {
        let mut bench = bench_of_all_homes(style, |look| {
            look.ids = Ids::Agency;
            look.has_english = false;
        })
        .await;

        for shift in [0, 5] {
            bench.portal.restyle(|look| look.carousel_shift = shift);
            assert_quiet(style, &bench.crawl().await);
        }
        assert_eq!(bench.harness.property_count().await, u64::from(HOMES), "{style:?}");
    }
}

/// A portal after its first crawl, which created each home once.
async fn bench_of_all_homes(style: Style, change: impl FnOnce(&mut Look)) -> PortalBench {
    let mut bench = PortalBench::new(style, HOMES).await;
    bench.portal.restyle(change);
    let first = bench.crawl().await;
    let created: Vec<String> = (FIRST_ID..FIRST_ID + HOMES).map(|id| format!("{id}: created")).collect();
    assert_eq!(differences(&created, &first.lines()), [""; 0], "{style:?}: the first crawl");
    assert_eq!(bench.faults(&first), [""; 0], "{style:?}: what the first crawl tells");
    bench
}

fn assert_quiet(style: Style, crawled: &Crawled) {
    assert_eq!(crawled.lines_by(|event| format!("{} at {}", event.key, event.url())), [""; 0], "{style:?}");
    assert_eq!(crawled.alerts.len(), 0, "{style:?}: {:?}", crawled.alerts);
}
