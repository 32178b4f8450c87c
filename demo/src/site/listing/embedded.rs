//! The listing as the embedded state of a page rendered in the browser: `__NEXT_DATA__`, with the names usual there.

use serde_json::{Map, Value, json};

use super::super::facts::Facts;
use super::super::html::script_json;

pub(super) fn script(facts: &Facts, url: &str) -> String {
    let state = json!({
        "props": {"pageProps": {"listing": listing(facts, url)}},
        "page": "/listing/[listingKey]",
        "query": {"listingKey": facts.listing_key},
        "buildId": "listings",
    });
    format!("<script id=\"__NEXT_DATA__\" type=\"application/json\">{}</script>\n", script_json(&state))
}

/// Unknown fields are null, as usual in such pages.
fn listing(facts: &Facts, url: &str) -> Value {
    let extras: Map<String, Value> =
        facts.extras.iter().map(|extra| (extra.name.to_owned(), extra.value.clone())).collect();
    json!({
        "listingKey": facts.listing_key,
        "url": url,
        "name": facts.name,
        "propertyType": facts.property_type,
        "status": if facts.closed_on.is_some() { "SOLD" } else { "FOR_SALE" },
        "price": facts.price,
        "currency": "USD",
        "datePosted": facts.listed_on,
        "dateSold": facts.closed_on,
        "bedrooms": facts.bedrooms,
        "bathrooms": facts.bathrooms,
        "livingArea": facts.living_area_sqft,
        "livingAreaUnits": "sqft",
        "lotSize": facts.lot_size_sqft,
        "lotSizeUnits": facts.lot_size_sqft.map(|_| "sqft"),
        "yearBuilt": facts.year_built,
        "stories": facts.stories,
        "address": {"city": facts.city, "state": facts.state, "zip": facts.zip, "country": "US"},
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "attributes": extras,
    })
}
