//! Whole pages in, listings out: one page for each dialect, and the hostile and empty ones.

use serde_json::{Value, json};

use super::*;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;
use crate::protocol::property::{PropertyInput, StandardStatus};
use crate::protocol::spider_rules::CompiledRules;

const PAGE: &str = "https://homes.example.com/page/1";

fn page(url: &str, html: &str) -> Page {
    Page::parse(html, &url.parse().unwrap(), PageBudget::for_page(html.len()))
}

fn read_at(url: &str, html: &str) -> Extraction {
    let rules = CompiledRules::default();
    listings(&page(url, html), ExtractOptions { most: 500, rules: &rules, explain: false })
}

/// Reads a list page for its entries.
fn entries(html: &str) -> Extraction {
    let rules = CompiledRules { list_items: true, ..CompiledRules::default() };
    listings(&page(PAGE, html), ExtractOptions { most: 500, rules: &rules, explain: false })
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

fn paths(extraction: &Extraction) -> Vec<&str> {
    extraction.teasers.iter().map(url::Url::path).collect()
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

    assert_eq!(extraction.kind, PageKind::Detail);
    assert_eq!(extraction.listings[0].layer, Layer::JsonLd);
    assert!(extraction.listings[0].told_key);
    assert_eq!(
        serde_json::to_value(one(extraction)).unwrap(),
        json!({
            "source": "homes.example.com:8443",
            "listing_key": "6081234",
            "source_url": "https://homes.example.com:8443/listing/412?from=search",
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
            "description": "A bright home & a large yard.",
            "list_office_name": "Lakeside Homes",
            "attributes": {"name": "412 Maple Ave"},
        })
    );
}

#[test]
fn a_list_yields_links_to_each_home_and_no_furniture() {
    let html = include_str!("../../../tests/fixtures/pages/json_ld_list.html");

    let list = read(html);
    let asked = entries(html);

    assert_eq!((list.kind, list.listings.len()), (PageKind::List, 0));
    assert_eq!(paths(&list), ["/listing/1", "/listing/2"]);
    assert_eq!((keys(&asked), asked.unkeyed), (vec!["S-2"], 1));
    let second = &asked.listings[0].property;
    assert_eq!((second.list_price, second.list_price_low), (Some(68_212.0), None));
    assert_eq!(second.living_area_units.as_deref(), Some("Square Meters"));
    assert_eq!(second.attributes, None);
    let address = second.address.as_ref().unwrap();
    assert_eq!(address.unparsed.as_deref(), Some("51 Omaha Ct, Sacramento, CA"));
}

#[test]
fn page_state_yields_its_results_and_not_its_filters() {
    let html = include_str!("../../../tests/fixtures/pages/next_data_list.html");

    let list = read(html);
    let asked = entries(html);

    assert_eq!((list.kind, list.listings.len()), (PageKind::List, 0));
    assert_eq!(paths(&list), ["/homedetails/77001", "/homedetails/77002"]);
    // The third has no page of its own.
    assert_eq!((keys(&asked), asked.unkeyed), (vec!["77001", "P-77002"], 1));
    assert!(asked.listings.iter().all(|listing| listing.layer == Layer::PageState));
    assert_eq!(
        serde_json::to_value(&asked.listings[1].property).unwrap(),
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
    let first = &asked.listings[0].property;
    assert_eq!((first.list_price, first.bathrooms_total), (Some(449_000.0), Some(2.5)));
    assert_eq!(first.lot_size_units.as_deref(), Some("Acres"));
}

#[test]
fn assigned_state_is_read_without_running_it() {
    let extraction = read(include_str!("../../../tests/fixtures/pages/initial_state_detail.html"));

    // The neighbour is in a cache that is a string.
    assert_eq!(keys(&extraction), ["AB-7"]);
    assert_eq!(paths(&extraction), ["/homes/AB-8"]);
    let home = &extraction.listings[0].property;
    assert_eq!(home.bathrooms_total, Some(2.5));
    assert_eq!((home.list_price, home.currency.as_deref()), (Some(450_000.0), Some("GBP")));
    assert_eq!(home.standard_status, Some(StandardStatus::ActiveUnderContract));
    assert_eq!(home.living_area_units.as_deref(), Some("Square Feet"));
}

#[test]
fn microdata_follows_the_standards_rules() {
    let html = include_str!("../../../tests/fixtures/pages/microdata_list.html");
    let extraction = read_at("https://homes.example.com/homes/4711", html);

    assert_eq!(read(html).kind, PageKind::List, "its only entry has a page of its own");
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
            "attributes": {"name": "2561 19th Ave"},
        })
    );
}

#[test]
fn a_page_without_listings_yields_none() {
    let agency = read(include_str!("../../../tests/fixtures/pages/agency.html"));

    assert_eq!((agency.kind, agency.listings, agency.teasers), (PageKind::Neither, vec![], vec![]));
    assert_eq!((read("").kind, read("").listings), (PageKind::Neither, vec![]));
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
fn a_neighbour_in_another_layer_is_a_teaser() {
    let html = r#"
        <script type="application/ld+json">{"@type": "House", "address": {"streetAddress": "12 Oak St"},
            "offers": {"price": 200000}}</script>
        <script type="application/json">{"similar": [{"id": "N1", "url": "/n1", "price": 1000, "beds": 2,
            "address": {"street": "14 Oak St"}}]}</script>"#;

    let extraction = read(html);

    assert_eq!((keys(&extraction), paths(&extraction)), (vec!["/page/1"], vec!["/n1"]));
    assert_eq!(extraction.listings[0].property.bedrooms_total, None);
    assert!(!extraction.listings[0].told_key);
}

#[test]
fn every_field_tells_its_layer_and_disagreements_are_counted() {
    let html = r#"
        <script type="application/ld+json">{"@type": "House", "identifier": "X1", "numberOfBedrooms": 3,
            "offers": {"price": 200000, "priceCurrency": "USD", "availability": "https://schema.org/InStock"}}</script>
        <script>window.__DATA__ = {"home": {"listingId": "X1", "price": 210000, "beds": 3, "yearBuilt": 1950,
            "status": "let agreed"}}</script>"#;

    let extraction = read(html);

    let home = &extraction.listings[0];
    let layer = |field: &str| home.origins.get(field).map(|origin| origin.layer);
    assert_eq!(layer("list_price"), Some(Layer::JsonLd));
    assert_eq!(layer("year_built"), Some(Layer::PageState));
    assert_eq!(layer("standard_status"), Some(Layer::PageState));
    assert_eq!(home.property.standard_status, Some(StandardStatus::Pending));
    assert_eq!(extraction.disagreements.get("list_price"), Some(&1));
    assert_eq!(extraction.disagreements.get("bedrooms_total"), None);
}

#[test]
fn a_carousel_of_homes_is_teasers_and_no_listings() {
    let carousel: Vec<_> = (1..6)
        .map(|at| json!({"id": format!("N{at}"), "url": format!("/h/{at}"), "price": 1_000 * at, "beds": 2}))
        .collect();
    let home = json!({"id": "K1-7", "price": 425_000, "beds": 3, "address": {"street": "12 Oak St"}});
    let data = json!({"listing": home, "similar": carousel});
    let html = format!("<script type='application/json'>{data}</script>");

    let extraction = read_at("https://homes.example.com/h/K1-7", &html);

    assert_eq!(keys(&extraction), ["K1-7"]);
    assert_eq!(paths(&extraction), ["/h/1", "/h/2", "/h/3", "/h/4", "/h/5"]);
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
            "identifier": format!("U{beds}"), "url": format!("/unit/{beds}"),
            "address": {"streetAddress": "1 Tower Rd", "postalCode": "43604"}}})
    };
    let data = json!({"@type": "ApartmentComplex", "name": "Tower", "offers": [unit(100, 1), unit(200, 2)],
        "address": {"streetAddress": "1 Tower Rd", "postalCode": "43604"}});
    let html = format!("<script type='application/ld+json'>{data}</script>");

    let prices: Vec<_> =
        entries(&html).listings.iter().filter_map(|listing| listing.property.list_price).collect();

    assert_eq!(read(&html).listings, []);
    assert_eq!(paths(&read(&html)), ["/unit/1", "/unit/2"]);
    assert_eq!(prices, [100.0, 200.0]);
}

#[test]
fn keys_fall_back_to_the_listings_own_path() {
    let key_at = |address: &str, data: &Value| {
        let address = format!("https://homes.example.com{address}");
        one(read_at(&address, &format!("<script type='application/ld+json'>{data}</script>")))
            .listing_key
            .unwrap()
    };
    let key = |data: Value| key_at("/page/1", &data);
    let home = |extra: Value| {
        let mut home = json!({"@type": "House", "numberOfBedrooms": 1});
        home.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        home
    };

    assert_eq!(key(home(json!({"identifier": 42}))), "42");
    assert_eq!(key(home(json!({"sku": "a", "identifier": ["b"]}))), "b");
    assert_eq!(key(home(json!({"@id": "urn:mls:77"}))), "77");
    assert_eq!(key(home(json!({"@id": "HOME-9"}))), "HOME-9");
    assert_eq!(key_at("/h/9", &home(json!({"@id": "https://homes.example.com/h/9#x"}))), "/h/9");
    let parameters = home(json!({"url": "/h?id=9&utm_source=x&page=1"}));
    assert_eq!(key_at("/h?page=1&id=9", &home(json!({}))), "/h?page=1&id=9");
    assert_eq!(key_at("/h?id=9&page=1", &parameters), "/h?id=9&page=1");
    assert_eq!(key(home(json!({"@id": "#house"}))), "/page/1");
    assert_eq!(key(home(json!({"identifier": "N/A", "sku": "-"}))), "/page/1");
    assert_eq!(key(home(json!({"url": "/"}))), "/page/1");
    assert_eq!(key_at("/homes/4711", &home(json!({}))), "4711");
    let long = key_at(&format!("/{}", "a".repeat(400)), &home(json!({})));
    assert!(long.len() <= 200 && long.starts_with("/aaa"));
}

#[test]
fn of_homes_that_nothing_distinguishes_none_is_the_pages() {
    let home =
        |street: &str| json!({"@type": "House", "numberOfBedrooms": 1, "address": {"streetAddress": street}});
    let html = format!(
        "<script type='application/ld+json'>{}</script>",
        json!([home("1 Oak St"), home("2 Oak St"), {"@type": "House", "yearBuilt": 1900}])
    );

    let unnamed = read(&html);
    let headed = read(&format!("<h1>2 Oak St</h1>{html}"));

    assert_eq!((unnamed.kind, unnamed.listings), (PageKind::List, vec![]));
    assert_eq!(one(headed).address.unwrap().street.as_deref(), Some("2 Oak St"));
}

#[test]
fn the_name_is_an_attribute_and_rooms_are_no_bedrooms() {
    let data =
        json!({"@type": "House", "name": "Oak", "numberOfRooms": 3, "url": PAGE, "description": "Large"});

    let home = one(json_ld(&data));

    assert_eq!(serde_json::to_value(home.attributes.unwrap()).unwrap(), json!({"name": "Oak"}));
    assert_eq!((home.rooms_total, home.bedrooms_total), (Some(3.0), None));
    assert_eq!(home.description.as_deref(), Some("Large"));
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
    assert_eq!(property.address, None);
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
    let many = state(&json!(many));
    assert_eq!((many.kind, many.listings.len()), (PageKind::List, 0));
}

#[test]
fn the_page_of_a_home_gives_the_address_that_it_shows_and_a_list_none() {
    let address = "<p class=address>Lindi tn 8, Kesklinn, Tallinn, Harjumaa</p>";
    let facts = "<p class=price>€ 275.000</p><dl><dt>Bedrooms</dt><dd>3</dd>\
                 <dt>Living area</dt><dd>80 m²</dd></dl>";
    let card = |at: usize| {
        format!(
            "<li><a href=/h/{at}><img><b>€ {at}00.000</b></a>\
             <p class=address>Kase tn {at}, Tallinn, Harjumaa</p></li>"
        )
    };
    let cards: String = (2..7).map(card).collect();

    let home = one(read(&format!("<h1>Home</h1>{address}{facts}"))).address.unwrap();
    assert_eq!(
        (home.street.as_deref(), home.city.as_deref(), home.state_or_province.as_deref()),
        (Some("Lindi tn 8"), Some("Tallinn"), Some("Harjumaa"))
    );
    let beside = one(read(&format!("<h1>Home</h1>{facts}<h2>Similar homes</h2><ul>{cards}</ul>")));
    assert_eq!(beside.address, None);
    let list = read(&format!("<h1>Houses for sale</h1>{address}<ul>{cards}</ul>"));
    assert_eq!((list.kind, list.listings.len()), (PageKind::List, 0));
}
