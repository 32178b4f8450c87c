//! Whole pages read by rules: each kind of rule, what wins, and what is told of it.

use serde_json::{Value, json};

use crate::crawler::budget::PageBudget;
use crate::crawler::extract::{
    Explanation, ExtractOptions, Extraction, Layer, Listing, PageKind, attribute_names, explained,
};
use crate::crawler::page::Page;
use crate::protocol::property::{ListingType, StandardStatus};
use crate::protocol::spider_rules::{CompiledRules, SpiderRules};

const PAGE: &str = "https://homes.example.com/h/K1-7";
const JSON_LD: &str = r#"<script type="application/ld+json">{"@type": "House", "identifier": "K1-7",
    "numberOfBedrooms": 3, "yearBuilt": 1950, "address": {"streetAddress": "12 Oak Street"},
    "offers": {"price": 425000, "priceCurrency": "EUR"}}</script>"#;

fn compiled(rules: &Value) -> CompiledRules {
    let rules: SpiderRules = serde_json::from_value(rules.clone()).unwrap();
    CompiledRules::compile(&rules).unwrap()
}

fn read_at(url: &str, html: &str, rules: &Value) -> (Extraction, Explanation) {
    let rules = compiled(rules);
    let budget = PageBudget::for_page(html.len());
    let page = Page::parse_keeping(html, &url.parse().unwrap(), budget, &attribute_names(&rules));
    let (extraction, explanation) =
        explained(&page, ExtractOptions { most: 10, rules: &rules, explain: true });
    (extraction, explanation.unwrap())
}

fn read(html: &str, fields: &Value) -> (Extraction, Explanation) {
    read_at(PAGE, html, &json!({"fields": fields}))
}

fn home(html: &str, fields: &Value) -> Listing {
    let (extraction, explanation) = read(html, fields);
    assert_eq!(extraction.kind, PageKind::Detail, "{explanation:#?}");
    extraction.listings.into_iter().next().unwrap()
}

fn notes(html: &str, fields: &Value) -> Vec<String> {
    read(html, fields).1.notes
}

#[test]
fn a_selector_reads_the_text_of_an_element_or_an_attribute() {
    let html = format!(
        "{JSON_LD}<p class=cost>€ 390.000</p><i data-rooms='4'>x</i><meta itemprop=built content=1987>"
    );

    let home = home(
        &html,
        &json!({
            "list_price": {"css": ".cost"},
            "bedrooms_total": {"css": "[data-rooms]", "attribute": "data-rooms"},
            "year_built": {"css": "meta[itemprop=built]"},
        }),
    );

    let property = &home.property;
    assert_eq!((property.list_price, property.currency.as_deref()), (Some(390_000.0), Some("EUR")));
    assert_eq!((property.bedrooms_total, property.year_built), (Some(4), Some(1987)));
    assert_eq!((home.layer, home.origins["list_price"].layer), (Layer::Rule, Layer::Rule));
    assert_eq!(home.origins["list_price"].fragment, ".cost");
    assert_eq!(home.origins["address.street"].layer, Layer::JsonLd);
    assert_eq!(property.address.as_ref().unwrap().street.as_deref(), Some("12 Oak Street"));
}

#[test]
fn a_path_reads_json_ld_and_page_state() {
    let html = format!(
        r#"{JSON_LD}<script type="application/json">{{"page": {{"facts": [{{"k": "beds", "v": 5}}],
            "size": "120 m²"}}}}</script>"#
    );

    let home = home(
        &html,
        &json!({
            "year_built": {"json_path": "$.numberOfBedrooms", "regex": "^(3)$", "transform": "text"},
            "rooms_total": {"json_path": "$.page.facts[?@.k == 'beds'].v"},
            "living_area": {"json_path": "$..size"},
            "list_agent_name": {"json_path": "$.offers.priceCurrency", "transform": "lowercase"},
        }),
    );

    assert_eq!(home.property.rooms_total, Some(5.0));
    assert_eq!(home.property.living_area, Some(120.0));
    assert_eq!(home.property.living_area_units.as_deref(), Some("Square Meters"));
    assert_eq!(home.property.list_agent_name.as_deref(), Some("eur"));
    assert_eq!(home.property.year_built, Some(1950), "3 is no year");
    assert_eq!(home.origins["rooms_total"].fragment, "$.page.facts[?@.k == 'beds'].v");
}

#[test]
fn an_expression_reads_the_visible_text_or_what_was_found() {
    let html = format!(
        "{JSON_LD}<table><tr><th>Zimmer<td>4,5</table><p>Ref: AB-77</p><p class=where>26127 Oldenburg</p>
        <script>Ref: XX-11</script>"
    );

    let home = home(
        &html,
        &json!({
            "rooms_total": {"regex": "Zimmer ([0-9,]+)", "transform": "decimal_comma"},
            "listing_key": {"regex": "Ref: (\\S+)"},
            "address.city": {"css": ".where", "regex": "[0-9]+ (.+)"},
            "address.postal_code": {"css": ".where", "regex": "[0-9]{5}"},
        }),
    );

    let address = home.property.address.unwrap();
    assert_eq!(home.property.rooms_total, Some(4.5));
    assert_eq!((home.property.listing_key.as_deref(), home.told_key), (Some("AB-77"), true));
    assert_eq!((address.city.as_deref(), address.postal_code.as_deref()), (Some("Oldenburg"), Some("26127")));
    assert_eq!(home.origins["listing_key"].fragment, "Ref: (\\S+)");
}

#[test]
fn a_rule_that_finds_nothing_leaves_what_the_layers_told() {
    let fields = json!({
        "list_price": {"css": ".nothing"},
        "bedrooms_total": {"css": ".words"},
        "year_built": {"json_path": "$.nowhere"},
        "stories": {"regex": "no such text"},
    });
    let html = format!("{JSON_LD}<p class=words>many</p>");

    let home = home(&html, &fields);

    assert_eq!((home.property.list_price, home.property.bedrooms_total), (Some(425_000.0), Some(3)));
    assert_eq!((home.layer, home.property.year_built), (Layer::JsonLd, Some(1950)));
    let notes = notes(&html, &fields);
    for reason in [
        "list_price: no element matches the selector",
        "bedrooms_total: “many” is no value of this field",
        "year_built: the path leads to nothing in the page's data",
        "stories: the expression matches nothing",
    ] {
        assert!(notes.iter().any(|note| note == reason), "{reason}: {notes:?}");
    }
}

#[test]
fn a_rule_of_its_own_wins_over_what_a_price_tells_along() {
    let html = format!("{JSON_LD}<p class=cost>$ 1,250 pcm</p><p class=kind>for sale</p><b>CAD</b>");

    let home = home(
        &html,
        &json!({
            "list_price": {"css": ".cost"},
            "listing_type": {"css": ".kind"},
            "currency": {"css": "b"},
        }),
    );

    assert_eq!(home.property.list_price, Some(1_250.0));
    assert_eq!(home.property.listing_type, Some(ListingType::Sale));
    assert_eq!(home.property.currency.as_deref(), Some("CAD"));
}

#[test]
fn constants_stand_only_where_nothing_is_said() {
    let constants = |home: &str, constants: &Value| {
        let html = format!("<script type=application/ld+json>{home}</script>");
        let (extraction, _) = read_at(PAGE, &html, &json!({"constants": constants}));
        let listing = extraction.listings.into_iter().next().unwrap();
        let country = listing.property.address.as_ref().and_then(|address| address.country.clone());
        (listing.property.currency.clone(), country, listing.property.listing_type, listing)
    };
    let bare =
        r#"{"@type": "House", "identifier": "K1-7", "numberOfBedrooms": 3, "offers": {"price": 425000}}"#;
    let all = json!({"currency": "CHF", "country": "DE", "listing_type": "lease"});

    let (currency, country, kind, listing) = constants(bare, &all);
    assert_eq!((currency.as_deref(), country.as_deref()), (Some("CHF"), Some("DE")));
    assert_eq!((kind, listing.inferred_currency), (Some(ListingType::Lease), false));
    assert_eq!(listing.origins["currency"].fragment, "constants.currency");
    assert_eq!(listing.origins["address.country"].fragment, "constants.country");

    let (currency, ..) = constants(bare, &json!({"country": "DE"}));
    assert_eq!(currency.as_deref(), Some("EUR"));

    let told = r#"{"@type": "House", "identifier": "K1-7", "numberOfBedrooms": 3,
        "address": {"addressCountry": "GB"}, "offers": {"price": 425000}}"#;
    let (currency, country, ..) = constants(told, &all);
    assert_eq!((currency.as_deref(), country.as_deref()), (Some("GBP"), Some("GB")));

    let signed = bare.replace("425000", "\"$425,000\"");
    assert_eq!(constants(&signed, &json!({"currency": "CHF"})).0, None, "a dollar is no franc");
    assert_eq!(constants(&signed, &json!({"currency": "CAD"})).0.as_deref(), Some("CAD"));

    let british = bare.replace("\"offers\"", "\"address\": {\"postalCode\": \"SE1 4AB\"}, \"offers\"");
    assert_eq!(
        constants(&british, &json!({"country": "DE"})).1,
        None,
        "the postal code is another country's"
    );
}

#[test]
fn the_pattern_of_details_decides_what_a_page_is() {
    let kind = |url: &str, html: &str| read_at(url, html, &json!({"detail": "/h/[^/]+$"}));
    let priced = "<h1>Plot</h1><p class=price>€ 90,000</p>";

    let (detail, _) = kind(PAGE, priced);
    let (list, explanation) = kind("https://homes.example.com/list/K1-7", JSON_LD);
    let (nothing, _) = kind(PAGE, "<h1>About us</h1><p>We sell homes.");

    assert_eq!((detail.kind, detail.listings[0].property.list_price), (PageKind::Detail, Some(90_000.0)));
    assert_eq!((list.kind, list.listings.len()), (PageKind::Neither, 0));
    assert!(explanation.notes[0].contains("`detail`"), "{:?}", explanation.notes);
    assert_eq!((nothing.kind, nothing.listings.len()), (PageKind::Neither, 0));
}

#[test]
fn rules_make_a_home_of_a_page_that_no_layer_reads() {
    let html = "<h1>Haus</h1><div><b class=x1>390000</b><b class=x2>120</b></div>";

    let home = home(html, &json!({"list_price": {"css": ".x1"}, "living_area": {"css": ".x2"}}));

    assert_eq!((home.property.list_price, home.property.living_area), (Some(390_000.0), Some(120.0)));
    assert_eq!((home.layer, home.told_key), (Layer::Rule, false));
}

#[test]
fn an_explanation_says_what_each_layer_read() {
    let html =
        format!("{JSON_LD}<h1>12 Oak Street</h1><p class=price>€430,000</p><p class=cost>€ 390.000</p>");

    let (extraction, explanation) = read(&html, &json!({"list_price": {"css": ".cost"}}));

    let price = |layer: Layer| {
        let readout = explanation.layers.iter().find(|readout| readout.layer == layer);
        readout.and_then(|readout| readout.drafts.first()?.get("list_price")?.as_f64())
    };
    assert_eq!(price(Layer::Rule), Some(390_000.0));
    assert_eq!(price(Layer::JsonLd), Some(425_000.0));
    assert_eq!(price(Layer::Html), Some(430_000.0));
    let layers: Vec<_> = explanation.layers.iter().map(|readout| readout.layer).collect();
    assert_eq!(
        layers,
        [Layer::Rule, Layer::JsonLd, Layer::PageState, Layer::Microdata, Layer::Rdfa, Layer::Html]
    );
    assert_eq!(extraction.listings[0].property.list_price, Some(390_000.0));
}

#[test]
fn an_explanation_says_why_there_is_no_home_and_what_was_dropped() {
    let (_, nothing) = read("<p>Hello", &json!({}));
    let dropped = notes(&format!("{JSON_LD}<i>€ 300,000</i>"), &json!({"close_price": {"css": "i"}}));

    assert_eq!(
        nothing.notes,
        ["no home: nothing that was read is a home: no data, no labels and no price of one"]
    );
    assert!(dropped.contains(&"close_price: what rule told (i) was dropped".to_owned()), "{dropped:?}");
}

#[test]
fn a_status_of_a_rule_stands_beside_the_badge_of_a_page() {
    let html = format!("{JSON_LD}<div class=status-badge>Under offer</div><p class=state>active</p>");

    let home = home(&html, &json!({"standard_status": {"css": ".state"}}));

    assert_eq!(home.property.standard_status, Some(StandardStatus::Active));
}

#[test]
fn a_costly_rule_leaves_the_home_of_the_layers() {
    let html = format!("{JSON_LD}<div>{}</div>", "<i></i>".repeat(30_000));
    let fields = json!({
        "list_price": {"css": "i:has(~ b)"},
        "bedrooms_total": {"css": "b ~ i ~ i ~ i"},
        "living_area": {"regex": "(?:[a-z]{50}){50}x"},
    });

    let (extraction, explanation) = read(&html, &fields);

    assert_eq!(extraction.listings[0].property.bedrooms_total, Some(3));
    assert_eq!(extraction.listings[0].property.list_price, Some(425_000.0));
    let is_told = |note: &String| note.contains("too much work") || note.contains("more work than is left");
    assert!(explanation.notes.iter().any(is_told), "{:?}", explanation.notes);
    assert!(
        !explanation.notes.iter().any(|note| note.contains("not read to its end")),
        "{:?}",
        explanation.notes
    );
}
