//! Stored listings and the homes that a crawl reads: under which key they are told, and which rows stay.

use serde_json::{Value, json};

use super::harness::CrawlHarness;
use super::homes::Homes;
use crate::auth::key_scope::Role;
use crate::crawler::fetch::test_site::{html_page, http_response};
use crate::domain::properties::Writer;
use crate::domain::spiders;
use crate::protocol::job::{JobStatus, NewJob};
use crate::protocol::property::{Address, PropertyInput};
use crate::protocol::spider::{NewSpider, Runner};

/// A stored row of the home with this number, as an earlier version may have written it.
fn stored(bench: &CrawlHarness, key: &str, home: usize) -> PropertyInput {
    let address = Address { street: Some(format!("{home} Oak St")), ..Address::default() };
    PropertyInput {
        listing_key: Some(key.to_owned()),
        source_url: Some(bench.url(&format!("/h/{home}"))),
        list_price: Some(100_000.0 + home as f64),
        address: Some(address),
        ..PropertyInput::default()
    }
}

async fn crawl(bench: &CrawlHarness) {
    let job = bench.crawl(NewJob::default()).await;
    assert_eq!(job.status, JobStatus::Completed);
}

/// The keys of the properties with this event, sorted.
async fn keys_of(bench: &CrawlHarness, event: &str) -> Vec<String> {
    let key = |event: &Value| event["property"]["listing_key"].as_str().unwrap().to_owned();
    let mut keys: Vec<String> = bench.events_of(event).await.iter().map(key).collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_keeps_the_key_that_an_earlier_version_gave_it() {
    let bench = CrawlHarness::new(Homes::new(3)).await;
    bench.report(Writer::Crawler, stored(&bench, "oak-st-1", 1)).await;

    crawl(&bench).await;
    crawl(&bench).await;

    assert_eq!(keys_of(&bench, "property_created").await, ["H-0", "H-2", "oak-st-1"]);
    assert_eq!(bench.event_count("property_removed").await, 0);
    assert_eq!(bench.property_count().await, 3);
}

/// A list of all homes, or an address that answers 404, is the canonical address of each.
#[tokio::test(flavor = "multi_thread")]
async fn homes_that_name_one_canonical_address_stay_apart() {
    for canonical in ["/homes", "/missing404"] {
        let homes = Homes::new(0);
        for list in ["/", "/homes"] {
            homes.replace(list, html_page("<a href=/x/d1>one</a><a href=/x/d2>two</a>"));
        }
        for (path, price) in [("/x/d1", 300_000), ("/x/d2", 410_000)] {
            let data = json!({"@type": "House", "numberOfBedrooms": 3,
                "offers": {"price": price, "priceCurrency": "GBP"}});
            homes.replace(
                path,
                html_page(&format!(
                    "<link rel=canonical href={canonical}><script type='application/ld+json'>{data}</script>"
                )),
            );
        }
        let bench = CrawlHarness::new(homes).await;

        for _ in 0..3 {
            crawl(&bench).await;
        }

        assert_eq!(keys_of(&bench, "property_created").await, ["/x/d1", "/x/d2"], "{canonical}");
        for event in ["price_changed", "property_changed", "property_removed"] {
            assert_eq!(keys_of(&bench, event).await, [""; 0], "{canonical} {event}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_rows_that_are_one_home_the_older_stays() {
    let bench = CrawlHarness::new(Homes::new(3)).await;
    let older = bench.report(Writer::Crawler, stored(&bench, "oak-st-1", 1)).await;
    bench.report(Writer::Crawler, stored(&bench, "H-1", 1)).await;

    crawl(&bench).await;
    crawl(&bench).await;

    let removed = bench.events_of("property_removed").await;
    assert_eq!(removed.len(), 1, "once");
    assert_eq!((&removed[0]["reason"], &removed[0]["same_as"]), (&json!("duplicate"), &json!(older)));
    assert_eq!(removed[0]["property"]["listing_key"], "H-1");
    assert_eq!(bench.property_count().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_was_stored_with_another_homes_page_is_no_listing() {
    let bench = CrawlHarness::new(Homes::new(3)).await;
    let neighbour = PropertyInput { source_url: Some(bench.url("/h/1")), ..stored(&bench, "N-9", 9) };
    bench.report(Writer::Crawler, stored(&bench, "H-1", 1)).await;
    bench.report(Writer::Crawler, neighbour).await;

    crawl(&bench).await;
    crawl(&bench).await;

    let removed = bench.events_of("property_removed").await;
    assert_eq!(removed.len(), 1, "once");
    assert_eq!(
        (&removed[0]["reason"], &removed[0]["property"]["listing_key"]),
        (&json!("not_a_listing"), &json!("N-9"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_worker_is_never_written_and_goes_with_its_page() {
    let homes = Homes::new(20);
    let bench = CrawlHarness::new(homes.clone()).await;
    let row = PropertyInput { list_price: Some(5.0), ..stored(&bench, "H-3", 3) };
    bench.report(Writer::Worker, row).await;

    crawl(&bench).await;
    let untouched = bench.event_count("price_changed").await + bench.event_count("property_changed").await;
    homes.replace("/h/3", html_page("<h1>This listing is no longer available</h1>"));
    crawl(&bench).await;
    let after_soft_sign = bench.event_count("property_removed").await;
    homes.replace("/h/3", http_response(404, &[], b""));
    crawl(&bench).await;

    assert_eq!((untouched, after_soft_sign), (0, 0));
    let removed = bench.events_of("property_removed").await;
    assert_eq!((removed.len(), &removed[0]["reason"]), (1, &json!("gone")));
    assert_eq!(removed[0]["property"]["list_price"], 5.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_in_two_languages_is_one_property_without_changes() {
    let home = |street: &str| {
        let json = json!({
            "@type": "House", "name": street, "identifier": "H-1", "numberOfBedrooms": 3,
            "address": {"addressLocality": "Bern", "streetAddress": street},
            "offers": {"@type": "Offer", "price": 500_000, "priceCurrency": "CHF"},
        });
        html_page(&format!(r#"<script type="application/ld+json">{json}</script>"#))
    };
    let bench = CrawlHarness::of(move |head| match head.split(' ').nth(1).unwrap() {
        "/" => html_page("<a href=/en/1>en</a><a href=/de/1>de</a>"),
        "/en/1" => home("1 Oak Way"),
        "/de/1" => home("Eichenweg 1"),
        _ => http_response(404, &[], b""),
    })
    .await;

    for _ in 0..3 {
        crawl(&bench).await;
    }

    assert_eq!(keys_of(&bench, "property_created").await, ["H-1"]);
    assert_eq!((bench.event_count("property_changed").await, bench.property_count().await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_site_tells_of_all_homes_is_none() {
    let home = |number: usize| {
        let json = json!({
            "@type": "House", "name": format!("Home {number}"), "identifier": "AGENCY-7", "numberOfBedrooms": 3,
            "address": {"addressLocality": "Bern", "streetAddress": format!("{number} Oak Way")},
            "offers": {"@type": "Offer", "price": 500_000 + number, "priceCurrency": "CHF"},
        });
        html_page(&format!(r#"<script type="application/ld+json">{json}</script>"#))
    };
    let bench = CrawlHarness::of(move |head| match head.split(' ').nth(1).unwrap() {
        "/" => html_page("<a href=/h/1>1</a><a href=/h/2>2</a><a href=/h/3>3</a>"),
        path => match path.strip_prefix("/h/").and_then(|number| number.parse().ok()) {
            Some(number) => home(number),
            None => http_response(404, &[], b""),
        },
    })
    .await;

    for _ in 0..3 {
        crawl(&bench).await;
    }

    assert_eq!(keys_of(&bench, "property_created").await, ["/h/2", "/h/3", "AGENCY-7"]);
    for event in ["price_changed", "property_changed", "property_removed", "status_changed"] {
        assert_eq!(bench.event_count(event).await, 0, "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_list_are_taken_where_the_spider_says_so() {
    let entry = |number: usize, price: usize| {
        json!({
            "@type": "House", "name": format!("Home {number}"), "identifier": format!("H-{number}"),
            "url": format!("/h/{number}"), "numberOfBedrooms": 3,
            "address": {"addressLocality": "Sacramento", "streetAddress": format!("{number} Oak St")},
            "offers": {"@type": "Offer", "price": price, "priceCurrency": "USD"},
        })
    };
    let list = json!({
        "@type": "ItemList",
        "itemListElement": (1..=4).map(|number| json!({
            "@type": "ListItem", "position": number, "item": entry(number, 90_000),
        })).collect::<Vec<_>>(),
    });
    let homes = Homes::new(4);
    let links: String = (1..=4).map(|number| format!("<a href=/h/{number}>{number}</a>")).collect();
    let html = format!(r#"<h1>Homes for sale</h1>{links}<script type="application/ld+json">{list}</script>"#);
    homes.replace("/", html_page(&html));
    let bench = CrawlHarness::new(homes).await;
    let admin = bench.world.user("root", Role::Admin).await;
    for (name, list_items) in [("entries", true), ("homes", false)] {
        let spider = NewSpider {
            name: name.to_owned(),
            runner: Runner::Builtin,
            start_urls: Some(vec![bench.url("/")]),
            list_items: Some(list_items),
            ..NewSpider::default()
        };
        spiders::create(&admin, spider).await.unwrap();
    }

    let job =
        |spider: &str| NewJob { spider_name: spider.to_owned(), max_pages: Some(1), ..NewJob::default() };
    bench.crawl(job("homes")).await;
    let without = bench.property_count().await;
    bench.crawl(job("entries")).await;
    let with = bench.property_count().await;
    // Their own pages tell other prices, and the list does not change them again.
    crawl(&bench).await;
    let changed = bench.event_count("price_changed").await;
    bench.crawl(job("entries")).await;

    assert_eq!((without, with, changed), (0, 4, 4));
    assert_eq!(bench.event_count("price_changed").await, 4);
    assert_eq!(
        (bench.event_count("property_created").await, bench.event_count("property_removed").await),
        (4, 0)
    );
}
