//! The sites of the demo as the crawler's own parsers read them.

use std::sync::Arc;

use lotline_demo::catalogue::Catalogue;
use lotline_demo::data;
use lotline_demo::site::server::{SiteHandle, SiteSettings, start};
use lotline_demo::virtual_date::{START, VirtualDate};

use crate::crawler::page::Page;
use crate::crawler::robots::parse_rules;

fn lucas_county() -> Catalogue {
    Catalogue::LucasCounty(Arc::new(data::lucas_county().unwrap()))
}

async fn open(catalogue: Catalogue) -> SiteHandle {
    start(catalogue, VirtualDate::start(), SiteSettings { refuse_every: None }).await.unwrap()
}

async fn text(site: &SiteHandle, path: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}{path}", site.address);
    client.get(url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn robots_txt_allows_the_listings_and_forbids_the_pages_for_staff() {
    let site = open(lucas_county()).await;

    let rules = parse_rules(text(&site, "/robots.txt").await.as_bytes());

    assert!(rules.allows("/listing/LUC-00001") && rules.allows("/sold?page=1"));
    assert!(!rules.allows("/admin/"));
    assert_eq!(rules.crawl_delay_ms(), None);
    site.stop().await;
}

#[tokio::test]
async fn every_kind_of_page_is_html_without_errors() {
    let catalogue = lucas_county();
    let site = open(catalogue.clone()).await;
    let mut paths: Vec<String> =
        ["/", "/listings?page=2", "/sold", "/about", "/admin/"].map(str::to_owned).into();
    let sold = catalogue.sold(START);
    paths.extend(sold.iter().take(6).map(|row| format!("/listing/{}", catalogue.listing_key(*row))));
    paths.extend(["/listing/LUC-00001".to_owned(), "/nowhere".to_owned()]);

    for path in paths {
        assert_eq!(Page::markup_errors(&text(&site, &path).await), 0, "{path}");
    }
    site.stop().await;
}
