//! Tests of the rules of spiders: what compiles, which faults are named, and which links are followed.

use serde_json::json;

use super::*;
use crate::protocol::property::ListingType;

fn rules(value: serde_json::Value) -> SpiderRules {
    serde_json::from_value(value).unwrap()
}

fn pointers(rules: &SpiderRules) -> Vec<String> {
    CompiledRules::compile(rules).unwrap_err().iter().map(|fault| fault.pointer.join("/")).collect()
}

#[test]
fn no_rules_follow_every_link_and_name_no_detail() {
    let compiled = CompiledRules::compile(&SpiderRules::default()).unwrap();

    assert!(
        compiled.follows("https://homes.example/any") && !compiled.is_detail("https://homes.example/any")
    );
    assert!(compiled.fields.is_empty() && compiled.json.is_none() && !compiled.list_items);
}

#[test]
fn deny_wins_over_detail_and_detail_counts_as_follow() {
    let compiled = CompiledRules::compile(&rules(json!({
        "follow": ["/list\\?page="], "deny": ["print=1", "/rent/"], "detail": "/home/[0-9]+",
    })))
    .unwrap();
    let follows = |path: &str| compiled.follows(&format!("https://homes.example{path}"));

    assert!(follows("/list?page=2") && follows("/home/7"));
    assert!(!follows("/about") && !follows("/home/7?print=1") && !follows("/rent/list?page=2"));
    assert!(compiled.is_detail("https://homes.example/home/7?print=1"));
}

#[test]
fn a_field_is_compiled_with_all_of_its_parts() {
    let compiled = CompiledRules::compile(&rules(json!({
        "fields": {
            "list_price": {"css": ".price", "regex": "([0-9.]+) EUR", "transform": "decimal_comma"},
            "address.city": {"json_path": "$.place.town"},
            "source_url": {"css": "a.self", "attribute": "href"},
            "year_built": {"regex": "built in ([0-9]{4})"},
        },
        "json": {"items": "$.homes[*]", "next": "$.next"},
        "constants": {"currency": "EUR", "country": "DE", "listing_type": "lease"},
        "list_items": true,
    })))
    .unwrap();

    let names: Vec<&str> = compiled.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["address.city", "list_price", "source_url", "year_built"]);
    let price = &compiled.fields[1];
    assert!(price.selector.is_some() && price.json_path.is_none());
    assert!(price.regex.as_ref().unwrap().is_match("1.250 EUR"));
    assert_eq!(price.transform, Some(FieldTransform::DecimalComma));
    assert_eq!(price.rule.css.as_deref(), Some(".price"));
    assert_eq!(compiled.fields[2].attribute.as_deref(), Some("href"));
    assert!(compiled.fields[3].selector.is_none() && compiled.fields[3].regex.is_some());
    assert!(compiled.json.is_some_and(|source| source.next.is_some()));
    assert_eq!(compiled.constants.listing_type, Some(ListingType::Lease));
    assert!(compiled.list_items);
}

#[test]
fn every_fault_is_named_by_its_place() {
    let bad = rules(json!({
        "sitemaps": ["https://homes.example/a.xml", "homes.example"],
        "follow": ["fine", "(", "a(?=b)"],
        "detail": "[",
        "constants": {"currency": "EUX", "country": "XX"},
        "fields": {
            "price": {"css": "b"},
            "list_price": {"css": "b:hover", "json_path": "$.a"},
            "year_built": {"transform": "digits"},
            "stories": {"regex": "(", "attribute": "title"},
            "tenure": {"json_path": "tenure"},
        },
        "json": {"items": "homes"},
        "crawl_delay_ms": 60_001,
        "requests_per_host": 9,
        "user_agent": "über",
        "limits": {"max_pages": 0, "max_items": -1, "max_depth": -1},
    }));

    let mut found = pointers(&bad);

    found.sort();
    let expected = [
        "constants/country",
        "constants/currency",
        "crawl_delay_ms",
        "detail",
        "fields/list_price/css",
        "fields/list_price/json_path",
        "fields/price",
        "fields/stories/attribute",
        "fields/stories/regex",
        "fields/tenure/json_path",
        "fields/year_built",
        "follow/1",
        "follow/2",
        "json/items",
        "limits/max_depth",
        "limits/max_items",
        "limits/max_pages",
        "requests_per_host",
        "sitemaps/1",
        "user_agent",
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_expression_that_grows_when_compiled_is_named_and_others_are_not() {
    let large = r"\w{900}";

    assert_eq!(pointers(&rules(json!({"deny": ["a", large, "b"]}))), ["deny/1"]);
    assert_eq!(pointers(&rules(json!({"detail": "a".repeat(1_001)}))), ["detail"]);
    assert_eq!(pointers(&rules(json!({"follow": vec!["a"; 51]}))), ["follow"]);
    // As many as may be, each of a usual kind.
    let usual = vec![r"/\w+-[0-9]+/(wohnung|haus)/[^/?#]+\.html$"; 50];
    let compiled = CompiledRules::compile(&rules(json!({"follow": usual, "deny": vec!["[?&]sort="; 50]})));
    assert!(compiled.is_ok(), "{compiled:?}");
}

#[test]
fn own_rules_win_over_those_of_a_base_field_by_field() {
    let base = rules(json!({
        "follow": ["/old"], "list_items": true, "crawl_delay_ms": 5,
        "constants": {"currency": "USD", "country": "US"},
        "fields": {"list_price": {"css": ".old"}, "year_built": {"css": ".year"}},
        "limits": {"max_pages": 10, "max_depth": 3},
    }));
    let own = rules(json!({
        "follow": ["/new"], "constants": {"currency": "CAD"},
        "fields": {"list_price": {"css": ".new"}}, "limits": {"max_pages": 20},
    }));

    let merged = own.clone().over(base);

    let expected = rules(json!({
        "follow": ["/new"], "list_items": true, "crawl_delay_ms": 5,
        "constants": {"currency": "CAD", "country": "US"},
        "fields": {"list_price": {"css": ".new"}, "year_built": {"css": ".year"}},
        "limits": {"max_pages": 20, "max_depth": 3},
    }));
    assert_eq!(merged, expected);
    assert_eq!(own.clone().over(SpiderRules::default()), own);
}

#[test]
fn rules_are_the_same_after_the_store() {
    let all = rules(json!({
        "sitemaps": ["https://homes.example/a.xml"], "detail": "/home/",
        "fields": {"list_price": {"css": ".price", "transform": "last_path_segment"}},
        "user_agent": "Own/1",
    }));

    let text = serde_json::to_string(&all).unwrap();

    assert_eq!(serde_json::from_str::<SpiderRules>(&text).unwrap(), all);
    assert_eq!(serde_json::to_string(&SpiderRules::default()).unwrap(), "{}");
    assert!(SpiderRules::default().is_empty() && !all.is_empty());
}
