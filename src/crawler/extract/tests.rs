//! Whole pages in, listings out: one page for each dialect, and the hostile and empty ones.

use serde_json::{Value, json};

use super::*;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;
use crate::protocol::property::{PropertyInput, StandardStatus};

const PAGE: &str = "https://homes.example.com/page/1";

fn page(url: &str, html: &str) -> Page {
    Page::parse(html, &url.parse().unwrap(), PageBudget::for_page(html.len()))
}

fn read_at(url: &str, html: &str) -> Extraction {
    listings(&page(url, html), 500)
}

fn read(html: &str) -> Extraction {
    read_at(PAGE, html)
}

fn json_ld(data: &Value) -> Extraction {
    read(&format!("<script type='application/ld+json'>{data}</script>"))
}

fn state(data: &Value) -> Extraction {
    read(&format!("<script type='application/json'>{data}</script>"))
}

fn one(extraction: Extraction) -> PropertyInput {
    assert_eq!(extraction.listings.len(), 1, "{extraction:#?}");
    extraction.listings.into_iter().next().unwrap().property
}

fn keys(extraction: &Extraction) -> Vec<&str> {
    extraction.listings.iter().filter_map(|listing| listing.property.listing_key.as_deref()).collect()
}

#[test]
fn a_graph_with_references_is_one_listing() {
    let url = "https://homes.example.com:8443/listing/412?from=search";
    let extraction = read_at(url, include_str!("../../../tests/fixtures/pages/json_ld_detail.html"));

    assert_eq!(extraction.skipped_blocks, 1);
    assert_eq!(extraction.listings[0].layer, Layer::JsonLd);
    assert_eq!(
        serde_json::to_value(one(extraction)).unwrap(),
        json!({
            "source": "homes.example.com:8443",
            "listing_key": "6081234",
            "source_url": "https://homes.example.com/listing/412-maple-ave-toledo?utm_source=feed",
            "standard_status": "active",
            "list_price": 303_000.0,
            "currency": "USD",
            "property_type": "Single Family Residence",
            "bedrooms_total": 3,
            "bathrooms_total": 2.5,
            "living_area": 1860.0,
            "living_area_units": "Square Feet",
            "lot_size_area": 0.25,
            "lot_size_units": "Acres",
            "year_built": 1987,
            "address": {
                "street": "412 Maple Ave", "city": "Toledo", "state_or_province": "OH",
                "postal_code": "43604", "country": "US",
            },
            "latitude": 41.6528,
            "longitude": -83.5379,
            "listed_at": "2026-03-01T00:00:00Z",
        })
    );
}

#[test]
fn a_list_yields_each_home_and_no_furniture() {
    let extraction = read(include_str!("../../../tests/fixtures/pages/json_ld_list.html"));

    assert_eq!(keys(&extraction), ["/listing/1", "S-2"]);
    let [first, second] = &extraction.listings[..] else { unreachable!("two listings") };
    assert_eq!(first.property.source_url.as_deref(), Some("https://homes.example.com/listing/1"));
    assert_eq!(first.property.standard_status, Some(StandardStatus::Closed));
    assert_eq!(first.property.bedrooms_total, Some(2));
    assert_eq!(second.property.list_price, Some(68_212.0));
    assert_eq!(second.property.living_area_units.as_deref(), Some("Square Meters"));
    let address = second.property.address.as_ref().unwrap();
    assert_eq!(address.unparsed.as_deref(), Some("51 Omaha Ct, Sacramento, CA"));
}

#[test]
fn page_state_yields_its_results_and_not_its_filters() {
    let extraction = read(include_str!("../../../tests/fixtures/pages/next_data_list.html"));

    assert_eq!(keys(&extraction), ["77001", "P-77002", "L-3"]);
    assert!(extraction.listings.iter().all(|listing| listing.layer == Layer::Embedded));
    assert_eq!(
        serde_json::to_value(&extraction.listings[1].property).unwrap(),
        json!({
            "source": "homes.example.com",
            "listing_key": "P-77002",
            "source_url": "https://homes.example.com/homedetails/77002",
            "standard_status": "pending",
            "list_price": 250_000.0,
            "bedrooms_total": 2,
            "bathrooms_total": 1.5,
            "living_area": 1040.0,
            "living_area_units": "Square Feet",
            "lot_size_area": 4500.0,
            "lot_size_units": "Square Feet",
            "year_built": 1962,
            "address": {"street": "9 Elm Ct", "city": "Toledo", "state_or_province": "OH", "postal_code": "43605"},
            "latitude": 41.64,
            "longitude": -83.49,
            "listed_at": "2026-02-11T09:30:00Z",
        })
    );
    let first = &extraction.listings[0].property;
    assert_eq!((first.list_price, first.bathrooms_total), (Some(449_000.0), Some(2.5)));
    assert_eq!(first.lot_size_units.as_deref(), Some("Acres"));
    let third = &extraction.listings[2].property;
    assert_eq!((third.living_area, third.currency.as_deref()), (Some(42.5), Some("EUR")));
}

#[test]
fn assigned_state_is_read_without_running_it() {
    let extraction = read(include_str!("../../../tests/fixtures/pages/initial_state_detail.html"));

    // Objects are read in the order of their keys, and a cache that is a string comes before the listing beside it.
    assert_eq!(keys(&extraction), ["AB-8", "AB-7"]);
    assert_eq!(extraction.skipped_blocks, 1);
    let home = &extraction.listings[1].property;
    assert_eq!(home.bathrooms_total, Some(2.5));
    assert_eq!((home.list_price, home.currency.as_deref()), (Some(450_000.0), Some("GBP")));
    assert_eq!(home.standard_status, Some(StandardStatus::ActiveUnderContract));
    assert_eq!(home.living_area_units.as_deref(), Some("Square Feet"));
}

#[test]
fn microdata_follows_the_standards_rules() {
    let extraction = read(include_str!("../../../tests/fixtures/pages/microdata_list.html"));

    assert_eq!(extraction.listings[0].layer, Layer::Microdata);
    assert_eq!(
        serde_json::to_value(one(extraction)).unwrap(),
        json!({
            "source": "homes.example.com",
            "listing_key": "4711",
            "source_url": "https://homes.example.com/homes/4711",
            "standard_status": "active",
            "list_price": 68_880.0,
            "currency": "USD",
            "property_type": "Single Family Residence",
            "bedrooms_total": 3,
            "living_area": 1166.0,
            "living_area_units": "Square Feet",
            "address": {
                "street": "2561 19th Ave", "city": "Sacramento", "state_or_province": "CA", "postal_code": "95820",
            },
            "latitude": 38.535092,
            "longitude": -121.481367,
            "listed_at": "2026-01-20T00:00:00Z",
        })
    );
}

#[test]
fn a_page_without_listings_yields_none() {
    let agency = read(include_str!("../../../tests/fixtures/pages/agency.html"));

    assert_eq!(agency, Extraction::default());
    assert_eq!(read(""), Extraction::default());
    assert_eq!(json_ld(&json!({"@type": "House"})).listings, []);
    assert_eq!(state(&json!({"price": 12, "city": "Toledo", "name": "Concert"})).listings, []);
}

#[test]
fn later_layers_fill_what_earlier_ones_left_open() {
    let html = r#"
        <script type="application/ld+json">{"@type": "House", "numberOfBedrooms": 3,
            "address": {"streetAddress": "12 Oak Street", "postalCode": "43604"}}</script>
        <script>window.__DATA__ = {"home": {"listingId": "X1", "price": 200000, "beds": 3, "sqft": 900,
            "address": {"street": "12 Oak St", "zip": "43604"}}}</script>
        <div itemscope itemtype="https://schema.org/House"><span itemprop="yearBuilt">1950</span>
            <span itemprop="numberOfBedrooms">3</span></div>"#;

    let extraction = read(html);

    assert_eq!(extraction.listings[0].layer, Layer::JsonLd);
    let home = one(extraction);
    assert_eq!(home.listing_key.as_deref(), Some("X1"));
    assert_eq!(home.list_price, Some(200_000.0));
    assert_eq!(home.year_built, Some(1950));
    assert_eq!(home.address.unwrap().street.as_deref(), Some("12 Oak Street"));
}

#[test]
fn a_neighbour_in_another_layer_stays_a_neighbour() {
    let html = r#"
        <script type="application/ld+json">{"@type": "House", "address": {"streetAddress": "12 Oak St"},
            "offers": {"price": 200000}}</script>
        <script type="application/json">{"similar": [{"id": "N1", "url": "/n1", "price": 1000, "beds": 2,
            "address": {"street": "14 Oak St"}}]}</script>"#;

    let extraction = read(html);

    assert_eq!(keys(&extraction), ["/page/1", "N1"]);
    assert_eq!(extraction.listings[0].property.bedrooms_total, None);
}

#[test]
fn a_home_and_its_price_in_two_blocks_are_one_listing() {
    let data = json!([
        {"@type": "SingleFamilyResidence", "numberOfBedrooms": 2, "yearBuilt": 1990},
        {"@type": "Product", "name": "12 Oak St", "offers": {"@type": "Offer", "price": "$99,000"}},
    ]);

    assert_eq!(one(json_ld(&data)).list_price, Some(99_000.0));
}

#[test]
fn an_offer_may_hold_the_home_or_the_home_the_offer() {
    let home = json!({"@type": "schema:Apartment", "numberOfBedrooms": 1});
    for data in [
        json!({"@type": "Offer", "price": 5, "itemOffered": home}),
        json!({"@type": "http://schema.org/RealEstateListing", "about": home, "offers": [{"@type": "Offer", "price": 5}]}),
        json!({"@type": "WebPage", "mainEntity": {"@type": "Apartment", "numberOfBedrooms": 1, "offers": {"price": 5}}}),
        json!({"@type": "Product", "offers": {"@type": "Offer", "itemOffered": home,
            "priceSpecification": {"@type": "UnitPriceSpecification", "price": 5, "unitCode": "MON"}}}),
        json!({"@type": "RealEstateListing", "mainEntity": {"@type": "Offer", "price": 5, "itemOffered": home}}),
        json!({"@type": "Product", "additionalProperty": [{"name": "Bedrooms", "value": "1"}], "offers": {"price": 5}}),
    ] {
        let property = one(json_ld(&data));
        assert_eq!((property.list_price, property.bedrooms_total), (Some(5.0), Some(1)), "{data}");
    }
}

#[test]
fn units_of_one_building_stay_apart() {
    let unit = |price: u32, beds: u32| {
        json!({"@type": "Offer", "price": price, "itemOffered": {"@type": "Apartment", "numberOfBedrooms": beds,
            "url": format!("/unit/{beds}"), "address": {"streetAddress": "1 Tower Rd", "postalCode": "43604"}}})
    };
    let data = json!({"@type": "ApartmentComplex", "name": "Tower", "offers": [unit(100, 1), unit(200, 2)],
        "address": {"streetAddress": "1 Tower Rd", "postalCode": "43604"}});

    let prices: Vec<_> =
        json_ld(&data).listings.iter().filter_map(|listing| listing.property.list_price).collect();

    assert_eq!(prices, [100.0, 200.0]);
}

#[test]
fn keys_fall_back_to_the_listings_own_path() {
    let key = |data: Value| one(json_ld(&data)).listing_key.unwrap();
    let home = |extra: Value| {
        let mut home = json!({"@type": "House", "numberOfBedrooms": 1});
        home.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        home
    };

    assert_eq!(key(home(json!({"identifier": 42}))), "42");
    assert_eq!(key(home(json!({"sku": "a", "identifier": ["b"]}))), "b");
    assert_eq!(key(home(json!({"@id": "urn:mls:77"}))), "77");
    assert_eq!(key(home(json!({"@id": "HOME-9"}))), "HOME-9");
    assert_eq!(key(home(json!({"@id": "https://homes.example.com/h/9#x"}))), "/h/9");
    assert_eq!(key(home(json!({"url": "/h?id=9&utm_source=x&page=1"}))), "/h?id=9&page=1");
    assert_eq!(key(home(json!({"@id": "#house"}))), "/page/1");
    let long = key(home(json!({"url": format!("/{}", "a".repeat(400))})));
    assert!(long.len() <= 200 && long.starts_with("/aaa"));
}

#[test]
fn homes_without_a_name_are_distinguished_by_their_address() {
    let home =
        |street: &str| json!({"@type": "House", "numberOfBedrooms": 1, "address": {"streetAddress": street}});
    let both = json_ld(&json!([home("1 Oak St"), home("2 Oak St"), {"@type": "House", "yearBuilt": 1900}]));
    let turned = json_ld(&json!([home("2 Oak St"), home("1 Oak St")]));

    assert_eq!(both.unkeyed, 1, "the last one has nothing to be named by");
    assert_eq!(keys(&both)[0], keys(&turned)[1]);
    assert_ne!(keys(&both)[0], keys(&both)[1]);
}

#[test]
fn attributes_come_from_the_listings_own_page_only() {
    let data =
        json!({"@type": "House", "name": "Oak", "numberOfBedrooms": 1, "numberOfRooms": 3, "url": PAGE});
    let own = one(json_ld(&data)).attributes.unwrap();
    let teaser = json!({"@type": "House", "name": "Oak", "numberOfBedrooms": 1, "url": "/elsewhere"});

    assert_eq!(serde_json::to_value(own).unwrap(), json!({"name": "Oak", "rooms_total": 3.0}));
    assert_eq!(one(json_ld(&teaser)).attributes, None);
}

#[test]
fn nonsense_values_are_left_out() {
    let data = json!({"@type": "House", "numberOfBedrooms": 123_456, "yearBuilt": 12, "floorSize": -4,
        "geo": {"latitude": 0, "longitude": 0}, "datePosted": "soon",
        "offers": {"price": "1e400", "availability": "perhaps", "priceCurrency": "dollars of some kind"},
        "address": {"streetAddress": ["", null], "addressLocality": "x".repeat(900)}});

    let property = one(json_ld(&data));

    assert_eq!(property.bedrooms_total, None);
    assert_eq!((property.year_built, property.living_area, property.latitude), (None, None, None));
    assert_eq!(property.currency.as_deref(), None);
    assert_eq!(property.address.unwrap().city.unwrap().chars().count(), 100);
}

#[test]
fn escaped_and_wrapped_blocks_are_read() {
    let data = r#"{"@type":"House","numberOfBedrooms":2,"name":"Smith &amp; Co"}"#;
    for block in [
        format!("<!--{data}-->"),
        format!("//<![CDATA[\n{data}\n//]]>"),
        data.replace("&amp;", "and").replace('"', "&quot;"),
        format!("{data};"),
    ] {
        let html = format!("<script type='Application/LD+JSON; charset=utf-8'>{block}</script>");
        assert_eq!(one(read(&html)).bedrooms_total, Some(2), "{block}");
    }
}

#[test]
fn state_hides_in_several_forms() {
    let home = r#"{"listingId":"X1","price":1000,"beds":2}"#;
    let quoted = serde_json::to_string(home).unwrap();
    let row = serde_json::to_string(&format!("5:[\"$\",{home}]\n")).unwrap();
    for script in [
        format!("window['__STATE__'] = {home};"),
        format!("var a=1;window.data={home};var b=2;"),
        format!("window.data = JSON.parse({quoted});"),
        format!("window.data = JSON.parse('{}')", home.replace('"', "\\\"")),
        format!("self.__next_f.push([1,{row}])"),
        format!("window.list = [{home}]"),
    ] {
        let extraction = read(&format!("<script>{script}</script>"));
        assert_eq!(keys(&extraction), ["X1"], "{script}");
        assert_eq!(extraction.skipped_blocks, 0);
    }
}

#[test]
fn blanks_outside_of_ascii_do_not_break_the_scan() {
    let script = "\u{2000}window.__STATE__ = {\"a\": [";

    assert_eq!(read(&format!("<script>{script}</script>")).skipped_blocks, 1);
}

#[test]
fn hostile_data_is_bounded() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let nested: String = "<div itemscope itemprop=about itemtype=https://schema.org/House>".repeat(400);
    let assignments = "a={\"".repeat(50_000);
    let loops = "<div itemscope itemtype=https://schema.org/House itemref='a b'></div>\
                 <div id=a itemprop=about itemscope itemref=b></div><div id=b itemprop=about itemscope itemref=a></div>";
    let cycle = json!([{"@id": "#a", "@type": "House", "about": {"@id": "#a"}, "mainEntity": {"@id": "#b"}},
        {"@id": "#b", "@type": "Offer", "itemOffered": {"@id": "#a"}, "offers": {"@id": "#b"}}]);
    let many: Vec<_> = (0..5_000).map(|n| json!({"id": n, "price": 100 + n, "beds": 1})).collect();

    assert_eq!(read(&format!("<script type=application/ld+json>{deep}</script>")).skipped_blocks, 1);
    assert!(read(&nested).listings.is_empty());
    assert!(read(&format!("<script>{assignments}</script>")).listings.is_empty());
    assert!(read(loops).listings.is_empty());
    assert!(json_ld(&cycle).listings.is_empty());
    assert_eq!(state(&json!(many)).listings.len(), 500);
}
