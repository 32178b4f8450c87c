//! The homes of a page as data in scripts: JSON-LD, the state of Next and that of Nuxt.

use serde_json::{Value, json};

use super::content::{Detail, List};
use super::devalue::devalue;
use super::home::{Home, Language, Status};
use super::style::{Ids, Look, Style};

/// The scripts of a home's page. None for styles that mark up the visible text.
pub(super) fn of_detail(page: &Detail<'_>) -> String {
    let (look, language) = (page.look, page.language);
    let state_of = |home: &Home| state(home, language, look.style);
    let neighbours = || page.neighbours.iter();
    match look.style {
        Style::JsonLd => {
            let similar: Vec<Value> = neighbours().map(|home| json_ld(home, language, look)).collect();
            json_ld_script(&[json_ld(page.home, language, look), item_list(&similar)])
        }
        Style::Next => {
            let similar: Vec<Value> = neighbours().map(state_of).collect();
            next_script(&json!({
                "listing": state_of(page.home),
                "similarListings": similar,
                "mortgageCalculator": {"price": 290_000, "monthlyPayment": 1_234},
                "searchForm": {"price": "100000", "bedrooms": 1},
            }))
        }
        Style::Nuxt => {
            let similar: Vec<Value> = neighbours().map(state_of).collect();
            let named = format!("listing-{}", page.home.id);
            nuxt_script(&json!({
                named: {"listing": state_of(page.home), "similarListings": similar},
                "mortgageCalculator": {"price": 290_000, "monthlyPayment": 1_234},
                "searchForm": {"price": "100000", "bedrooms": 1},
            }))
        }
        Style::Microdata | Style::Rdfa | Style::Html => String::new(),
    }
}

/// The scripts of a list page.
pub(super) fn of_list(page: &List<'_>) -> String {
    let language = Language::German;
    let states = || page.homes.iter().map(|home| state(home, language, page.look.style)).collect::<Vec<_>>();
    match page.look.style {
        Style::JsonLd => {
            let entries: Vec<Value> =
                page.homes.iter().map(|home| json_ld(home, language, page.look)).collect();
            json_ld_script(&[item_list(&entries)])
        }
        Style::Next => next_script(&json!({"searchResults": {"listings": states(), "total": 12}})),
        Style::Nuxt => nuxt_script(&json!({"search-results": {"listings": states(), "total": 12}})),
        Style::Microdata | Style::Rdfa | Style::Html => String::new(),
    }
}

/// The analytics of a home's page, which tell the price of another home.
pub(super) fn analytics(foreign: &Home) -> String {
    let told = json!({"event": "page_view", "price": foreign.price, "rooms": foreign.bedrooms});
    format!("<script>window.dataLayer = window.dataLayer || []; dataLayer.push({told});</script>")
}

fn json_ld(home: &Home, language: Language, look: Look) -> Value {
    let availability = match home.status {
        Status::Active => "InStock",
        Status::Reserved => "Reserved",
        Status::Sold => "SoldOut",
    };
    let mut object = json!({
        "@context": "https://schema.org",
        "@type": "Apartment",
        "url": home.canonical_path(language),
        "name": home.title(),
        "numberOfBedrooms": home.bedrooms,
        "floorSize": {"@type": "QuantitativeValue", "value": home.living_area, "unitCode": "MTK"},
        "address": {
            "@type": "PostalAddress",
            "streetAddress": home.street,
            "postalCode": home.postal_code,
            "addressLocality": home.city,
        },
        "offers": {
            "@type": "Offer",
            "price": home.price,
            "priceCurrency": home.currency,
            "availability": format!("https://schema.org/{availability}"),
        },
    });
    match look.ids {
        Ids::Own => object["identifier"] = json!(home.id.to_string()),
        Ids::Agency => object["sku"] = json!("AGENCY-77"),
        Ids::Untold => {}
    }
    object
}

fn item_list(entries: &[Value]) -> Value {
    let items = entries.iter().enumerate();
    let items = items.map(|(at, item)| json!({"@type": "ListItem", "position": at + 1, "item": item}));
    json!({
        "@context": "https://schema.org",
        "@type": "ItemList",
        "itemListElement": items.collect::<Vec<_>>(),
    })
}

fn state(home: &Home, language: Language, style: Style) -> Value {
    let status = match home.status {
        Status::Active => "active",
        Status::Reserved => "reserved",
        Status::Sold => "sold",
    };
    let mut object = json!({
        "id": home.id,
        "url": home.canonical_path(language),
        "title": home.title(),
        "status": status,
        "bedrooms": home.bedrooms,
        "livingArea": {"value": home.living_area, "unit": "m²"},
        "address": {"street": home.street, "postalCode": home.postal_code, "city": home.city},
    });
    if style == Style::Next {
        let formatted = language.money(home.price, home.currency);
        object["price"] = json!({"value": home.price, "currency": home.currency, "formatted": formatted});
    } else {
        object["price"] = json!(home.price);
        object["currency"] = json!(home.currency);
    }
    object
}

fn json_ld_script(roots: &[Value]) -> String {
    roots.iter().map(|root| format!(r#"<script type="application/ld+json">{root}</script>"#)).collect()
}

fn next_script(page_props: &Value) -> String {
    let data = json!({"props": {"pageProps": page_props}, "page": "/homes/[id]", "query": {}});
    format!(r#"<script id="__NEXT_DATA__" type="application/json">{data}</script>"#)
}

fn nuxt_script(data: &Value) -> String {
    let array = devalue(&json!({"data": data, "state": {}, "serverRendered": true}));
    format!(r#"<script type="application/json" id="__NUXT_DATA__" data-ssr="true">{array}</script>"#)
}
