//! The site over real HTTP, as a crawler uses it. Pages are parsed by their own structure and compared with the rows
//! of the tables, so the parsers share no code with the writers of the dialects.

mod page_reader;
mod site_client;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::{Arc, LazyLock};

use chrono::NaiveDate;
use http::{Method, StatusCode};

use super::facts::Dialect;
use super::hits::{Hit, Page};
use super::server::{SiteHandle, SiteSettings, start};
use crate::calendar::ListingState;
use crate::catalogue::Catalogue;
use crate::changes::{ListingChange, expected_changes};
use crate::data::{Dollars, lucas_county, sacramento};
use crate::virtual_date::VirtualDate;
use crate::wire::StandardStatus;
use page_reader::page_facts;
use site_client::{Card, SiteClient};

static LUCAS: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::LucasCounty(Arc::new(lucas_county().unwrap())));
static SACRAMENTO: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::Sacramento(Arc::new(sacramento().unwrap())));

const NO_REFUSALS: SiteSettings = SiteSettings { refuse_every: None };

async fn open(catalogue: &Catalogue, date: &VirtualDate) -> (SiteHandle, SiteClient) {
    let site = start(catalogue.clone(), date.clone(), NO_REFUSALS).await.unwrap();
    let visitor = SiteClient::new(&site.url());
    (site, visitor)
}

/// Fetches every `nth` listing and compares each page with its row; returns the number of pages in each dialect.
async fn compare_every(
    nth: usize,
    cards: &BTreeMap<String, Card>,
    visitor: &SiteClient,
    catalogue: &Catalogue,
    on: NaiveDate,
) -> BTreeMap<Dialect, u64> {
    let mut pages = BTreeMap::new();
    for key in cards.keys().step_by(nth) {
        let row = catalogue.position(key).unwrap();
        let dialect = Dialect::of(row);
        let url = visitor.url(&format!("/listing/{key}"));
        let html = visitor.page(&format!("/listing/{key}")).await;

        let told = page_facts(&html, dialect);

        let table = page_reader::expected_facts(catalogue, row, catalogue.listing_state(row, on), &url);
        assert_eq!(told, table, "{key} as {dialect:?}");
        *pages.entry(dialect).or_default() += 1;
    }
    pages
}

#[tokio::test]
async fn every_listing_of_the_first_day_is_reached_from_the_front_page_in_all_three_dialects() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&LUCAS, &date).await;

    let for_sale = visitor.cards_of_index("/listings").await;
    let sold = visitor.cards_of_index("/sold").await;
    let mut pages = compare_every(25, &for_sale, &visitor, &LUCAS, date.today()).await;
    for (dialect, more) in compare_every(25, &sold, &visitor, &LUCAS, date.today()).await {
        *pages.entry(dialect).or_default() += more;
    }

    assert_eq!((for_sale.len(), sold.len()), (2_624, 274));
    let hits = site.hits();
    for dialect in Dialect::ALL {
        assert!(pages[&dialect] > 20);
        assert_eq!(hits.get(Hit::Served(Page::Listing(dialect))), pages[&dialect]);
    }
    // 53 pages for sale, 6 of recent sales, and the front page once for each index.
    assert_eq!(hits.get(Hit::Served(Page::Index)), 53 + 6 + 2);
    assert_eq!(hits.total(), hits.listings_served() + 61);
    site.stop().await;
}

#[tokio::test]
async fn sacramento_lists_every_row_with_its_city() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&SACRAMENTO, &date).await;

    let for_sale = visitor.cards_of_index("/listings").await;
    let sold = visitor.cards_of_index("/sold").await;
    compare_every(10, &for_sale, &visitor, &SACRAMENTO, date.today()).await;

    assert_eq!((for_sale.len(), sold.len()), (932, 0));
    site.stop().await;
}

#[tokio::test]
async fn the_site_changes_between_two_days_exactly_as_the_data_says() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&LUCAS, &date).await;
    let before = visitor.all_cards().await;
    let step = date.step(30).unwrap();
    let after = visitor.all_cards().await;

    let mut expected = before.clone();
    for change in expected_changes(&LUCAS, step.from, step.to) {
        apply(&mut expected, change);
    }

    assert_ne!(before, after);
    assert_eq!(after, expected);
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        assert_eq!(visitor.status(&format!("/listing/{key}")).await, StatusCode::GONE);
    }
    assert_eq!(site.hits().get(Hit::Gone), 274);
    site.stop().await;
}

/// Applies `change` to the expected content of the indexes.
fn apply(cards: &mut BTreeMap<String, Card>, change: ListingChange) {
    match change {
        ListingChange::Created { listing_key, status, price } => {
            let is_sold = status == StandardStatus::Closed;
            assert_eq!(cards.insert(listing_key, Card { price, is_sold }), None);
        }
        ListingChange::PriceChanged { listing_key, old, new } => {
            let price = &mut cards.get_mut(&listing_key).unwrap().price;
            assert_eq!(std::mem::replace(price, new), old);
        }
        ListingChange::StatusChanged { listing_key, new, .. } => {
            let is_sold = &mut cards.get_mut(&listing_key).unwrap().is_sold;
            let now_sold = new == StandardStatus::Closed;
            assert_ne!(std::mem::replace(is_sold, now_sold), now_sold);
        }
        ListingChange::Removed { listing_key } => assert!(cards.remove(&listing_key).is_some()),
    }
}

#[tokio::test]
async fn a_page_that_the_caller_has_is_sent_again_only_when_it_changed() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&LUCAS, &date).await;
    // Sold on 1996-04-23.
    let first = visitor.get("/listing/LUC-00001", None).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();

    date.step(7).unwrap();
    let unchanged = visitor.get("/listing/LUC-00001", Some(&tag)).await;
    date.step(60).unwrap();
    let sold = visitor.get("/listing/LUC-00001", Some(&tag)).await;

    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(unchanged.headers()["etag"], tag.as_str());
    assert_eq!(sold.status(), StatusCode::OK);
    assert_ne!(sold.headers()["etag"], tag.as_str());
    let page = Page::Listing(Dialect::JsonLd);
    assert_eq!((site.hits().get(Hit::Served(page)), site.hits().get(Hit::NotModified(page))), (2, 1));
    site.stop().await;
}

#[tokio::test]
async fn unknown_addresses_are_404_and_removed_listings_410() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&LUCAS, &date).await;
    let never = ["/listing/LUC-99999", "/nowhere", "/listings?page=0", "/listings?page=54", "/sold?page=x"];
    let mut absent: Vec<String> = never.map(str::to_owned).into();
    // Its 180 days have not begun; this one's page was removed long ago.
    let state = |wanted: ListingState| {
        (0..LUCAS.len()).find(|row| LUCAS.listing_state(*row, date.today()) == wanted).unwrap()
    };
    absent.push(format!("/listing/{}", LUCAS.listing_key(state(ListingState::NotListed))));
    let gone = format!("/listing/{}", LUCAS.listing_key(state(ListingState::Gone)));

    for path in &absent {
        assert_eq!(visitor.status(path).await, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(visitor.status(&gone).await, StatusCode::GONE);

    assert_eq!((site.hits().get(Hit::NotFound), site.hits().get(Hit::Gone)), (6, 1));
    site.stop().await;
}

#[tokio::test]
async fn hits_of_the_page_that_robots_txt_forbids_are_counted() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&LUCAS, &date).await;

    let robots = visitor.page("/robots.txt").await;
    let front = visitor.page("/").await;
    assert_eq!(site.hits().get(Hit::Forbidden), 0);
    visitor.page("/admin/").await;

    assert_eq!(robots, "User-agent: *\nDisallow: /admin/\n");
    assert!(front.contains("href=\"/admin/\""));
    assert_eq!(site.hits().get(Hit::Forbidden), 1);
    site.stop().await;
}

#[tokio::test]
async fn every_nth_request_is_refused_and_not_counted_as_a_page() {
    let settings = SiteSettings { refuse_every: NonZeroU64::new(3) };
    let site = start(SACRAMENTO.clone(), VirtualDate::start(), settings).await.unwrap();
    let visitor = SiteClient::new(&site.url());
    let mut statuses = Vec::new();

    for _ in 0..6 {
        assert_eq!(visitor.status("/robots.txt").await, StatusCode::OK);
        let answer = visitor.get("/", None).await;
        statuses.push(answer.status().as_u16());
        let waits = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(waits, (answer.status() == StatusCode::TOO_MANY_REQUESTS).then_some("1"));
    }

    assert_eq!(statuses, [200, 200, 429, 200, 200, 429]);
    let hits = site.hits();
    assert_eq!((hits.get(Hit::Refused), hits.get(Hit::Served(Page::Index)), hits.total()), (2, 4, 12));
    site.stop().await;
}

#[tokio::test]
async fn indexes_hold_nothing_that_reads_as_a_listing() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&LUCAS, &date).await;

    for path in ["/", "/listings?page=1", "/sold?page=1", "/about"] {
        let html = visitor.page(path).await;
        assert!(!html.contains("<script") && !html.contains("itemscope"), "{path}");
    }
    site.stop().await;
}

#[tokio::test]
async fn only_get_and_head_are_allowed() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&LUCAS, &date).await;

    let posted = visitor.send(Method::POST, "/listings").await;
    let head = visitor.send(Method::HEAD, "/listings").await;

    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(posted.headers()["allow"], "GET, HEAD");
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(site.hits().get(Hit::BadMethod), 1);
    site.stop().await;
}

#[tokio::test]
async fn a_stopped_site_refuses_connections() {
    let date = VirtualDate::start();
    let (site, visitor) = open(&SACRAMENTO, &date).await;
    visitor.page("/").await;
    let address = site.address;

    site.stop().await;

    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
