//! Random data in, and what comes out is always fit for the wire: nothing here panics, and no value breaks a bound
//! that the store would refuse.

use poem_openapi::types::ParseFromJSON;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;
use crate::protocol::property::PropertyInput;

const KEYS: [&str; 40] = [
    "@id",
    "@type",
    "identifier",
    "sku",
    "id",
    "zpid",
    "url",
    "name",
    "description",
    "price",
    "priceCurrency",
    "lowPrice",
    "originalPrice",
    "soldPrice",
    "availability",
    "status",
    "propertyType",
    "beds",
    "numberOfRooms",
    "baths",
    "bathsFull",
    "bathsHalf",
    "floorSize",
    "sqft",
    "livingAreaUnits",
    "lotSize",
    "yearBuilt",
    "stories",
    "latitude",
    "longitude",
    "datePosted",
    "dateSold",
    "streetAddress",
    "city",
    "state",
    "zip",
    "addressCountry",
    "address",
    "offers",
    "mainEntity",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..5_000_u32).prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        "[0-9.,' €$½-]{1,14}( sq ft| m²| acres|M|k)?".prop_map(Value::from),
        "(https?://[a-z.]{1,20}/[a-z%&;?=]{0,300}|/[a-z]{1,9}|#x|urn:x:[0-9]{1,300})".prop_map(Value::from),
        Just(Value::from("https://schema.org/House")),
        Just(Value::from("Offer")),
        Just(Value::from("2026-03-01")),
        Just(Value::Null),
    ]
}

fn data() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 60, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&KEYS[..]), inner), 1..12).prop_map(|pairs| {
                let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(Map::from_iter(pairs))
            }),
        ]
    })
}

/// Makes most objects listings, so that the rest of them is looked at.
fn as_home(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.entry("@type").or_insert(json!("House"));
        object.entry("price").or_insert(json!(1));
        object.entry("beds").or_insert(json!(1));
    }
    value
}

fn page(html: &str) -> Page {
    let url = "https://homes.example.com/page/1".parse().unwrap();
    Page::parse(html, &url, PageBudget::for_page(html.len()))
}

fn assert_fits_the_wire(extraction: &Extraction) {
    let mut names = std::collections::HashSet::new();
    for listing in &extraction.listings {
        let json = serde_json::to_value(&listing.property).unwrap();
        let back = PropertyInput::parse_from_json(Some(json.clone()));
        assert!(back.is_ok(), "{:?} {json}", back.err().map(poem_openapi::types::ParseError::into_message));
        assert!(json["attributes"].to_string().len() <= 16 * 1024);
        assert!(names.insert(json["listing_key"].clone()), "a key names one listing: {json}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_listing_fits_the_wire(values in prop::collection::vec(data(), 1..4)) {
        let values: Vec<_> = values.into_iter().map(as_home).collect();
        let data = serde_json::to_string(&values).unwrap().replace('<', "\\u003c");
        let html = format!(
            "<script type=application/ld+json>{data}</script><script type=application/json>{data}</script>"
        );

        let page = page(&html);

        assert_fits_the_wire(&listings(&page, 100));
    }

    #[test]
    fn no_page_breaks_the_reader(
        pieces in prop::collection::vec(
            prop_oneof![
                "\\PC{0,30}",
                "<(div|script|a|meta|table|p|b)( (itemscope|itemprop|itemref|id|href|type|content)(=[a-z/+]{0,9})?){0,4}>",
                Just("<script type=application/ld+json>".to_owned()),
                Just("<script>window.__STATE__ = {\"a\": [".to_owned()),
                Just("</script>".to_owned()),
                Just("<div itemscope itemtype=https://schema.org/House>".to_owned()),
                Just("<i itemprop=price>$1,000 ½</i>".to_owned()),
            ],
            0..40,
        )
    ) {
        let page = page(&pieces.concat());

        assert_fits_the_wire(&listings(&page, 100));
        page.directives(Some(&pieces.concat()));
        page.canonical();
    }
}
