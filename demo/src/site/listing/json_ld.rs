//! The listing as schema.org JSON-LD: a `RealEstateListing` with its home as `mainEntity` and an `Offer`.
//! A sold home is `SoldOut`, with the sale date as the end of the offer's availability.

use serde_json::{Map, Value, json};

use super::super::facts::Facts;
use super::super::html::script_json;

pub(super) fn script(facts: &Facts, url: &str) -> String {
    format!("<script type=\"application/ld+json\">{}</script>\n", script_json(&listing(facts, url)))
}

fn listing(facts: &Facts, url: &str) -> Value {
    without_nulls(json!({
        "@context": "https://schema.org",
        "@type": "RealEstateListing",
        "@id": url,
        "url": url,
        "identifier": facts.listing_key,
        "name": facts.name,
        "datePosted": facts.listed_on,
        "offers": offer(facts),
        "mainEntity": home(facts),
    }))
}

fn offer(facts: &Facts) -> Value {
    let availability = if facts.closed_on.is_some() { "SoldOut" } else { "InStock" };
    without_nulls(json!({
        "@type": "Offer",
        "price": facts.price,
        "priceCurrency": "USD",
        "availability": format!("https://schema.org/{availability}"),
        "availabilityEnds": facts.closed_on,
    }))
}

fn home(facts: &Facts) -> Value {
    without_nulls(json!({
        "@type": facts.schema_type,
        "numberOfBedrooms": facts.bedrooms,
        "numberOfBathroomsTotal": facts.bathrooms,
        "floorSize": square_feet(facts.living_area_sqft),
        "lotSize": facts.lot_size_sqft.map(square_feet),
        "yearBuilt": facts.year_built,
        "address": without_nulls(json!({
            "@type": "PostalAddress",
            "addressLocality": facts.city,
            "addressRegion": facts.state,
            "postalCode": facts.zip,
            "addressCountry": "US",
        })),
        "geo": {"@type": "GeoCoordinates", "latitude": facts.latitude, "longitude": facts.longitude},
        "additionalProperty": additional(facts),
    }))
}

/// `FTK` is the square foot in the UN/CEFACT codes that schema.org uses.
fn square_feet(value: u32) -> Value {
    json!({"@type": "QuantitativeValue", "value": value, "unitCode": "FTK"})
}

fn additional(facts: &Facts) -> Vec<Value> {
    let named = |name: &str, value: Value| json!({"@type": "PropertyValue", "name": name, "value": value});
    let mut list = vec![named("property_type", json!(facts.property_type))];
    list.extend(facts.stories.map(|count| named("stories", json!(count))));
    list.extend(facts.extras.iter().map(|extra| named(extra.name, extra.value.clone())));
    list
}

/// Unknown fields are left out rather than null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
        }
        other => other,
    }
}
