//! The preview of one page: what it shows, what it requests, and who may ask for it.

use std::time::Duration;

use futures_util::future::{Either, select};
use serde_json::{Value, json};

use super::{PREVIEW, sees_preview};
use crate::jobs::nodes::{Crawler, End};
use crate::jobs::site::{Reply, Site, home};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    a_preview_says_what_was_read_from_where_and_why_not,
    a_spider_is_previewed_with_its_own_rules,
    robots_txt_is_obeyed_and_told,
    a_host_that_answers_with_an_error_is_no_refusal,
    a_private_address_is_refused_by_the_guard,
    only_admins_preview_and_only_where_the_crawler_runs,
    a_tenant_has_one_preview_at_a_time,
}

/// A list of two homes; each names its price for people, too.
fn pages(path: &str) -> Reply {
    match path {
        "/" => Reply::Page("<a href=/home/1>one</a><a href=/home/2>two</a>".to_owned()),
        "/home/1" | "/home/2" => match home(path, &["/home/2".to_owned(), "/list?sort=price".to_owned()]) {
            Reply::Page(html) => Reply::Page(format!("<h1>Home</h1><b class=ask>$95,000</b>{html}")),
            reply => reply,
        },
        _ => Reply::NotFound,
    }
}

/// The group of links of this worth.
fn links<'v>(preview: &'v Value, worth: &str) -> Option<&'v Value> {
    preview["links"].as_array().unwrap().iter().find(|group| group["worth"] == worth)
}

async fn a_preview_says_what_was_read_from_where_and_why_not(app: &TestApp) {
    let ann = app.admin("ann").await;
    let site = Site::open(pages).await;
    let body = json!({
        "url": site.url("/home/1"),
        "rules": {
            "detail": "/home/[0-9]+$",
            "fields": {"list_price": {"css": ".ask"}, "tenure": {"css": ".tenure"}},
        },
    });

    let crawler = Crawler::of(&[&site]);
    let seen = crawler.runs(&app.services, End::Stop, sees_preview(&ann, &body)).await;

    assert_eq!(
        (&seen["robots"], &seen["kind"], &seen["content"]),
        (&json!("allowed"), &json!("detail"), &json!("html"))
    );
    let fields = &seen["homes"][0]["fields"];
    let price = &fields["list_price"];
    assert_eq!((price["value"].as_f64(), &price["layer"]), (Some(95_000.0), &json!("rule")), "{seen}");
    assert_eq!((&price["rule"], &price["fragment"]), (&json!(".ask"), &json!(".ask")));
    assert_eq!(fields["address.city"]["value"], "Sacramento");
    assert_eq!(fields["address.city"]["layer"], "json_ld", "{seen}");
    let layers = seen["layers"].as_array().unwrap();
    let data = layers.iter().find(|layer| layer["layer"] == "json_ld").unwrap();
    assert_eq!(data["drafts"][0]["list_price"].as_f64(), Some(100_000.0), "{seen}");
    let notes = seen["notes"].to_string();
    assert!(notes.contains("tenure: no element matches the selector"), "{notes}");
    assert_eq!(links(&seen, "detail").unwrap()["urls"], json!([site.url("/home/2")]), "{seen}");
    assert_eq!(site.requested_paths(), ["/robots.txt", "/home/1"]);
    assert_eq!(ann.get("/api/v1/properties").await.json()["data"], json!([]), "nothing is stored");
    assert_eq!(ann.get("/api/v1/jobs").await.json()["data"], json!([]));
}

async fn a_spider_is_previewed_with_its_own_rules(app: &TestApp) {
    let ann = app.admin("ann").await;
    let site = Site::open(pages).await;
    let spider = json!({
        "name": "portal", "runner": "builtin", "start_urls": [site.url("/")],
        "fields": {"list_price": {"css": ".ask"}},
    });
    assert_eq!(ann.post("/api/v1/spiders", &spider).await.status, 201);
    let plain = json!({"url": site.url("/home/1"), "spider": "portal"});
    let other = json!({"url": site.url("/home/1"), "spider": "portal", "rules": {"list_items": false}});

    let crawler = Crawler::of(&[&site]);
    let both = async { (sees_preview(&ann, &plain).await, sees_preview(&ann, &other).await) };
    let (own, replaced) = crawler.runs(&app.services, End::Stop, both).await;

    let price = |preview: &Value| preview["homes"][0]["fields"]["list_price"]["value"].as_f64();
    assert_eq!((price(&own), price(&replaced)), (Some(95_000.0), Some(100_000.0)));
    let unknown = ann.post(PREVIEW, &json!({"url": site.url("/"), "spider": "unknown"})).await;
    assert_eq!(unknown.expect_problem(422, "validation_failed")["errors"][0]["pointer"], "/spider");
}

async fn robots_txt_is_obeyed_and_told(app: &TestApp) {
    let ann = app.admin("ann").await;
    let site = Site::open(|path| match path {
        "/robots.txt" => Reply::Robots("User-agent: *\nDisallow: /home\nCrawl-delay: 2".to_owned()),
        path => pages(path),
    })
    .await;
    let (closed, open) = (json!({"url": site.url("/home/1")}), json!({"url": site.url("/")}));

    let crawler = Crawler::of(&[&site]);
    let both = async { (sees_preview(&ann, &closed).await, sees_preview(&ann, &open).await) };
    let (closed, open) = crawler.runs(&app.services, End::Stop, both).await;

    assert_eq!((&closed["robots"], closed.get("kind")), (&json!("forbidden"), None), "{closed}");
    assert_eq!(closed["homes"], json!([]));
    assert_eq!((&open["robots"], &open["crawl_delay_ms"]), (&json!("allowed"), &json!(2_000)), "{open}");
    assert_eq!(site.requested_paths(), ["/robots.txt", "/"]);
}

async fn a_host_that_answers_with_an_error_is_no_refusal(app: &TestApp) {
    let ann = app.admin("ann").await;
    let site = Site::open(pages).await;

    let crawler = Crawler::of(&[&site]);
    let body = json!({"url": site.url("/gone")});
    let seen = crawler.runs(&app.services, End::Stop, sees_preview(&ann, &body)).await;

    assert_eq!((&seen["failure"], seen.get("kind")), (&json!("the host answered 404"), None), "{seen}");
    assert_eq!(seen["robots"], "allowed");
}

async fn a_private_address_is_refused_by_the_guard(app: &TestApp) {
    let ann = app.admin("ann").await;
    let site = Site::open(pages).await;
    let crawler = Crawler::of(&[&site]);

    let asked = async {
        let mut answers = Vec::new();
        for url in ["http://10.0.0.7/home/1", "http://[::1]/", "http://127.0.0.1:1/", "http://localhost/"] {
            answers.push(ann.post(PREVIEW, &json!({"url": url})).await);
        }
        answers
    };
    let answers = crawler.runs(&app.services, End::Stop, asked).await;

    for answer in answers {
        let problem = answer.expect_problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], "/url", "{problem}");
    }
    assert_eq!(site.requested_paths(), Vec::<String>::new());
}

async fn only_admins_preview_and_only_where_the_crawler_runs(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    let body = json!({"url": "https://homes.example/home/1"});

    bob.post(PREVIEW, &body).await.expect_problem(403, "forbidden");
    vic.post(PREVIEW, &body).await.expect_problem(403, "forbidden");
    let idle = ann.post(PREVIEW, &body).await;
    let bad = json!({"url": "homes.example", "rules": {"detail": "(", "fields": {"rooms": {"css": "b"}}}});
    let bad = ann.post(PREVIEW, &bad).await;

    idle.expect_problem(503, "unavailable");
    assert!(idle.header("retry-after").is_some(), "{idle:?}");
    let problem = bad.expect_problem(422, "validation_failed");
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/rules/detail", "/rules/fields/rooms", "/url"]);
}

async fn a_tenant_has_one_preview_at_a_time(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.stranger("eve").await);
    let slow = Site::open(|path| match path {
        "/robots.txt" => Reply::Robots("User-agent: *\nCrawl-delay: 30".to_owned()),
        path => pages(path),
    })
    .await;
    let fast = Site::open(pages).await;
    let (of_slow, of_fast) = (json!({"url": slow.url("/home/1")}), json!({"url": fast.url("/home/1")}));

    let crawler = Crawler::of(&[&slow, &fast]);
    let asked = async {
        // The next request to this host waits for 30 seconds of the test's clock.
        sees_preview(&ann, &of_slow).await;
        let (one, other) = (Box::pin(ann.post(PREVIEW, &of_slow)), Box::pin(ann.post(PREVIEW, &of_slow)));
        let (refused, waiting) = match select(one, other).await {
            Either::Left(both) | Either::Right(both) => both,
        };
        let of_stranger = eve.post(PREVIEW, &of_fast).await;
        app.clock.advance(Duration::from_secs(31));
        (refused, of_stranger, waiting.await)
    };
    let (refused, of_stranger, waited) = crawler.runs(&app.services, End::Stop, asked).await;

    refused.expect_problem(429, "rate_limited");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert_eq!((of_stranger.status, waited.status), (200, 200), "{waited:?}");
}
