//! Random data in, and what comes out is always fit for the wire: nothing here panics, no value breaks a bound that the
//! store would refuse, and nothing is told that the page does not say.

use poem_openapi::types::ParseFromJSON;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;
use crate::protocol::property::PropertyInput;
use crate::protocol::spider_rules::CompiledRules;

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
        assert!(listing.ids.len() <= MAX_LISTING_IDS);
    }
    assert!(extraction.teasers.len() <= MAX_TEASERS);
    let most = if extraction.kind == PageKind::Detail { 1 } else { 100 };
    assert!(extraction.listings.len() <= most, "one page, one home");
    assert!(extraction.kind != PageKind::Neither || extraction.listings.is_empty());
}

fn rules(list_items: bool) -> CompiledRules {
    CompiledRules { list_items, ..CompiledRules::default() }
}

fn options(rules: &CompiledRules) -> ExtractOptions<'_> {
    ExtractOptions { most: 100, rules, explain: false }
}

/// `value` with every digit, and every letter that is a number in some script, replaced by a letter.
fn without_digits(value: Value) -> Value {
    let text = |text: String| -> String {
        text.chars().map(|c| if c.is_numeric() || is_han_number(c) { 'x' } else { c }).collect()
    };
    match value {
        Value::Number(_) => Value::Null,
        Value::String(own) => Value::from(text(own)),
        Value::Array(values) => values.into_iter().map(without_digits).collect(),
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(key, value)| (key, without_digits(value))).collect())
        }
        other => other,
    }
}

/// Numbers of the Han script are letters to Unicode, and so are the magnitudes of prices.
fn is_han_number(c: char) -> bool {
    "〇一二三四五六七八九十百千万萬億亿兆".contains(c)
}

/// A page that holds `data` in every layer that reads it as it is.
fn in_layers(data: &[Value]) -> String {
    let data = serde_json::to_string(data).unwrap().replace('<', "\\u003c");
    format!("<script type=application/ld+json>{data}</script><script type=application/json>{data}</script>")
}

/// Objects of which none is a home: no type, and no fact that only homes have beside no price.
fn foreign() -> impl Strategy<Value = Value> {
    let thing = prop::sample::select(vec![
        "Event",
        "Organization",
        "Person",
        "JobPosting",
        "BreadcrumbList",
        "WebPage",
    ]);
    let keys =
        prop::sample::select(vec!["name", "description", "url", "image", "startDate", "telephone", "email"]);
    (thing, prop::collection::vec((keys, "[a-z ]{0,20}"), 0..6)).prop_map(|(thing, pairs)| {
        let mut object = Map::from_iter(pairs.into_iter().map(|(key, text)| (key.to_owned(), json!(text))));
        object.insert("@type".to_owned(), json!(thing));
        Value::Object(object)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_listing_fits_the_wire(values in prop::collection::vec(data(), 1..4)) {
        let values: Vec<_> = values.into_iter().map(as_home).collect();
        let html = in_layers(&values);

        for list_items in [false, true] {
            assert_fits_the_wire(&listings(&page(&html), options(&rules(list_items))));
        }
    }

    #[test]
    fn there_is_no_price_out_of_nothing(values in prop::collection::vec(data(), 1..4)) {
        let html = in_layers(&values.into_iter().map(|value| without_digits(as_home(value))).collect::<Vec<_>>());

        for listing in listings(&page(&html), options(&rules(true))).listings {
            let property = listing.property;
            let prices = [
                property.list_price, property.list_price_low, property.list_price_high, property.close_price,
                property.original_list_price,
            ];
            prop_assert_eq!(prices, [None; 5]);
            prop_assert_eq!(property.currency, None);
        }
    }

    /// The words of the page: no currency, no sign of one, and no country.
    #[test]
    fn there_is_no_currency_that_the_page_does_not_say(
        price in 1_000_u32..99_000_000, beds in 0_u8..9, city in "[A-Z][a-z]{3,9}", is_text in any::<bool>()
    ) {
        let amount = if is_text { json!(price.to_string()) } else { json!(price) };
        let home = json!({"@type": "House", "identifier": "H-77", "numberOfBedrooms": beds,
            "address": {"addressLocality": city}, "offers": {"price": amount}});
        let html = in_layers(&[home]);

        let found = listings(&page(&html), options(&rules(false))).listings;

        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].property.list_price, Some(f64::from(price)));
        prop_assert_eq!(found[0].property.currency.as_deref(), None);
        prop_assert!(!found[0].inferred_currency);
    }

    #[test]
    fn there_is_no_listing_from_a_page_without_a_home(values in prop::collection::vec(foreign(), 0..6)) {
        let html = in_layers(&values);

        let found = listings(&page(&html), options(&rules(true)));

        prop_assert_eq!(found.listings, []);
        prop_assert_ne!(found.kind, PageKind::Detail);
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

        assert_fits_the_wire(&listings(&page, options(&rules(true))));
        page.directives(Some(&pieces.concat()));
        page.canonical();
    }
}
