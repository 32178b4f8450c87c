//! Scripts in, homes out: one for each place where pages keep their state.

use serde_json::{Value, json};

use super::super::draft::Draft;
use super::super::extraction::LayerResult;
use super::{parsed, read};
use crate::crawler::budget::{PageBudget, Truncation};
use crate::crawler::page::Page;

fn page(html: &str) -> Page {
    Page::parse(html, &"https://homes.example.com/h/1".parse().unwrap(), PageBudget::for_page(html.len()))
}

fn layer(html: &str) -> LayerResult {
    let page = page(html);
    read(&parsed(&page), &page)
}

fn keys(drafts: &[Draft]) -> Vec<(Option<&str>, bool)> {
    drafts.iter().map(|draft| (draft.property.listing_key.as_deref(), draft.in_list)).collect()
}

/// The home in it has this key, costs 425,000 EUR and has three bedrooms.
fn assert_home(html: &str) {
    let found = layer(html);
    assert_eq!(keys(&found.drafts), [(Some("K1"), false)], "{html}");
    let home = &found.drafts[0];
    assert_eq!(home.property.list_price, Some(425_000.0), "{html}");
    assert_eq!(home.currency.code(), Some("EUR"), "{html}");
    assert_eq!(home.property.bedrooms_total, Some(3), "{html}");
    assert_eq!(found.skipped_blocks, 0, "{html}");
}

fn pushed(rows: &str) -> String {
    format!("<script>self.__next_f.push([1,{}])</script>", Value::from(rows))
}

#[test]
fn state_is_found_in_every_place() {
    let home = r#"{"id":"K1","price":425000,"currency":"EUR","bedrooms":3}"#;
    let quoted = Value::from(home).to_string();
    let encoded: String = home.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for script in [
        format!("<script id=__NEXT_DATA__ type=application/json>{{\"props\":{{\"pageProps\":{{\"listing\":{home}}}}}}}</script>"),
        format!("<script type='application/json; charset=utf-8'><!--{home}--></script>"),
        format!("<script>window.__INITIAL_STATE__ = {{\"listing\":{home}}};</script>"),
        format!("<script>window.__PRELOADED_STATE__ = JSON.parse({quoted});</script>"),
        format!("<script>window.__S__ = JSON.parse(decodeURIComponent(\"{encoded}\"));</script>"),
        "<script>window.__NUXT__=(function(a,b){return {data:[{listing:{id:\"K1\",price:a,currency:\"EUR\",bedrooms:b}}]}}(425000,3));</script>".to_owned(),
        "<script>window.state = {listing: {id: 'K1', price: 425000, currency: 'EUR', bedrooms: 3,}};</script>".to_owned(),
        "<script>window.__STATE__ = {\"a\": undefined, \"listing\": {\"id\":\"K1\",\"price\":425000,\"currency\":\"EUR\",\"bedrooms\":3}}</script>".to_owned(),
        format!("<script>App.start({{\"listing\":{home}}})</script>"),
        pushed(&format!("5:[\"$\",\"$L6\",null,{{\"listing\":{home}}}]\n")),
    ] {
        assert_home(&script);
    }
}

#[test]
fn nuxt_data_is_resolved() {
    assert_home(
        r#"<script type="application/json" id="__NUXT_DATA__">[["Reactive",1],{"listing":2,"again":2},
            {"id":3,"price":4,"currency":5,"bedrooms":7,"self":2},"K1",425000,"EUR",3,["Ref",6]]</script>"#,
    );
}

#[test]
fn lists_of_nuxt_data_share_values_with_the_home() {
    let html = r#"<script type="application/json" id="__NUXT_DATA__">[["ShallowReactive",1],
        {"listing":2,"aSimilar":3},{"id":4,"price":5,"bedrooms":6,"similarHomes":3},[2,7],"K1",425000,3,
        {"id":8,"price":5,"bedrooms":6},"R1"]</script>"#;

    assert_eq!(keys(&layer(html).drafts), [(Some("K1"), false), (Some("R1"), true)]);
}

#[test]
fn references_of_a_cache_are_followed() {
    assert_home(
        r#"<script>window.__APOLLO_STATE__ = {"Listing:K1": {"__typename": "Listing", "id": "K1",
            "price": {"__ref": "Price:1"}, "bedrooms": 3}, "Price:1": {"amount": 425000, "currency": "EUR"}}</script>"#,
    );
    assert_home(
        r#"<script>window.__APOLLO_STATE__ = {"Listing:K1": {"id": "K1", "bedrooms": 3,
            "price": {"type": "id", "generated": true, "id": "$Listing:K1.price"}},
            "$Listing:K1.price": {"amount": 425000, "currency": "EUR"}}</script>"#,
    );
}

#[test]
fn a_cache_is_read_from_what_was_asked_for() {
    let html = r#"<script>window.__APOLLO_STATE__ = {
        "Listing:A0": {"id": "A0", "price": 100000, "bedrooms": 1, "owner": {"__ref": "Listing:A0"}},
        "Listing:K1": {"id": "K1", "price": 425000, "bedrooms": 3},
        "ROOT_QUERY": {"aSimilarListings({\"id\":\"K1\"})": [{"__ref": "Listing:A0"}, {"__ref": "Listing:K1"}],
            "listing({\"id\":\"K1\"})": {"__ref": "Listing:K1"}}}</script>"#;

    assert_eq!(keys(&layer(html).drafts), [(Some("K1"), false), (Some("A0"), true)]);
}

#[test]
fn rows_refer_to_each_other() {
    let rows = concat!(
        "1:{\"id\":\"K1\",\"price\":\"$2\",\"bedrooms\":3,\"text\":\"$5\"}\n",
        "2:{\"formatted\":\"$$425,000\"}\n",
        "3:{\"id\":\"R1\",\"price\":100000,\"bedrooms\":1}\n",
        "5:T4,a\nbc",
        "4:[\"$\",\"main\",null,{\"listing\":\"$1\",\"similar\":[\"$3\",\"$L1\"]}]\n",
    );

    let found = layer(&pushed(rows));

    assert_eq!(keys(&found.drafts), [(Some("K1"), false), (Some("R1"), true)]);
    assert_eq!(found.drafts[0].property.list_price, Some(425_000.0));
}

#[test]
fn a_data_layer_gives_no_key() {
    for script in [
        "dataLayer = [{\"id\": \"D1\", \"price\": 425000, \"bedrooms\": 3}];",
        "window.dataLayer = window.dataLayer || []; dataLayer.push({id: 'D1', price: 425000, bedrooms: 3});",
    ] {
        assert_eq!(keys(&layer(&format!("<script>{script}</script>")).drafts), [(None, false)], "{script}");
    }
}

#[test]
fn broken_blocks_are_counted() {
    let found = layer(
        "<script type=application/json>{\"a\":</script><script type=application/json></script>\
         <script>window.__STATE__ = {\"a\": [</script><script>if (a = b) { c({\"d\" }</script>",
    );

    assert_eq!((found.drafts.len(), found.skipped_blocks), (0, 2));
}

#[test]
fn references_to_references_do_not_multiply() {
    // Each object refers to the next one ten times: 10^30 ways through them.
    let objects: Vec<_> = (1..=30)
        .map(|at| {
            let next: serde_json::Map<_, _> =
                (0..10).map(|key| (format!("details{}", "-".repeat(key)), json!(at + 1))).collect();
            Value::Object(next)
        })
        .collect();
    let mut values = vec![json!(["Reactive", 1])];
    values.extend(objects);
    values.push(json!({"id": 32, "price": 33, "bedrooms": 34}));
    values.extend([json!("K1"), json!(3_000), json!(3)]);
    let html = format!("<script type=application/json id=__NUXT_DATA__>{}</script>", Value::from(values));
    let page = page(&html);

    let found = read(&parsed(&page), &page);

    assert_eq!(page.truncation(), None::<Truncation>);
    assert!(page.budget().used().steps < 1_000_000, "{:?}", page.budget().used());
    assert!(found.drafts.len() <= 1);
}

#[test]
fn loops_of_references_end() {
    let cache = r#"<script>window.__APOLLO_STATE__ = {"A:1": {"__ref": "A:2"}, "A:2": {"__ref": "A:1"},
        "B:1": {"id": 1, "price": {"__ref": "B:1"}, "address": {"__ref": "B:1"}, "beds": 2}}</script>"#;
    let rows = pushed("1:\"$1\"\n2:{\"a\":\"$3\",\"price\":\"$2\"}\n3:{\"b\":\"$2:a:b:a:b\"}\n");

    for html in [cache.to_owned(), rows] {
        assert!(layer(&html).drafts.is_empty(), "{html}");
    }
}
