//! A portal whose links mostly lead away from its homes, crawled with few pages: nearly all of them are homes.

use std::collections::BTreeSet;

use super::bench::PortalBench;
use super::style::Style;

const HOMES: u32 = 80;
const PAGES: i64 = 60;
const LEAST_HOMES: usize = 50;

macro_rules! each_style_reaches_its_homes {
    ($($name:ident: $style:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            sixty_pages_reach_fifty_homes(Style::$style).await;
        }
    )*};
}

each_style_reaches_its_homes! {
    sixty_pages_reach_fifty_homes_in_json_ld: JsonLd,
    sixty_pages_reach_fifty_homes_in_next_data: Next,
    sixty_pages_reach_fifty_homes_in_nuxt_data: Nuxt,
    sixty_pages_reach_fifty_homes_in_microdata: Microdata,
    sixty_pages_reach_fifty_homes_in_rdfa: Rdfa,
    sixty_pages_reach_fifty_homes_in_german_html: Html,
}

async fn sixty_pages_reach_fifty_homes(style: Style) {
    let mut bench = bench_with_detours(style).await;

    let crawled = bench.crawl_pages(PAGES).await;

    let paths = bench.harness.requested_paths();
    let is_home = |path: &&String| path.starts_with("/homes/") && !path.contains('?');
    let homes: BTreeSet<&String> = paths.iter().filter(is_home).collect();
    assert!(homes.len() >= LEAST_HOMES, "{style:?}: {} homes of {paths:#?}", homes.len());
    assert_eq!(crawled.job.pages_crawled, PAGES, "{style:?}");
    assert!(bench.harness.property_count().await >= LEAST_HOMES as u64, "{style:?}");
    let with_session = paths.iter().filter(|path| path.contains("jsessionid") || path.contains("utm_"));
    assert_eq!(with_session.count(), 0, "{style:?}: {paths:#?}");
    let requests = paths.iter().filter(|path| *path != "/robots.txt").count();
    assert_eq!(requests, PAGES as usize, "{style:?}: {paths:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_with_many_pages_ends_although_its_links_do_not() {
    let mut bench = bench_with_detours(Style::JsonLd).await;

    let crawled = bench.crawl_pages(200).await;

    let paths = bench.harness.requested_paths();
    let count = |part: &str| paths.iter().filter(|path| path.contains(part)).count();
    assert_eq!(crawled.job.finish_reason.as_deref(), Some("finished"), "{} pages", paths.len());
    assert_eq!(bench.harness.property_count().await, u64::from(HOMES));
    let homes = paths.iter().filter(|path| path.starts_with("/homes/") && !path.contains('?'));
    assert_eq!(homes.count(), HOMES as usize, "each once: {paths:#?}");
    assert!(count("sort=") + count("order=") <= 20, "a tenth of the pages: {paths:#?}");
    assert_eq!((count("month="), count("/sold"), count("/sitemap")), (12, 3, 2), "{paths:#?}");
    let stats = crawled.job.stats.as_ref().unwrap();
    let lines = bench.harness.log_lines(crawled.job.job_id).await;
    for (kind, words) in [
        ("repeated_segments", "its path repeats itself"),
        ("calendar", "it is one of many dates of a calendar"),
        ("endless_paging", "the pages before it showed nothing new"),
    ] {
        assert!(stats[&format!("lotline/traps/{kind}")].as_i64() >= Some(1), "{kind}: {stats:?}");
        assert_eq!(lines.iter().filter(|line| line.contains(words)).count(), 1, "{kind}: {lines:#?}");
    }
}

async fn bench_with_detours(style: Style) -> PortalBench {
    let bench = PortalBench::new(style, HOMES).await;
    bench.portal.restyle(|look| (look.has_english, look.has_detours) = (false, true));
    bench
}
