//! Parses a detail page by the structure of its dialect, and derives the expected result from the table's own row.
//! Both become one flat map from a name to a text, so that the three dialects can be compared with one another.

use std::collections::BTreeMap;

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

use super::super::facts::Dialect;
use crate::calendar::ListingState;
use crate::catalogue::Catalogue;
use crate::data::{LucasRow, SacramentoRow};

pub(super) type PageFacts = BTreeMap<String, String>;

/// The facts of the page, which must be in `dialect` and in no other.
pub(super) fn page_facts(html: &str, dialect: Dialect) -> PageFacts {
    let page = Html::parse_document(html);
    let scripts: Vec<ElementRef<'_>> = page.select(&Selector::parse("script").unwrap()).collect();
    let scopes = page.select(&Selector::parse("[itemscope]").unwrap()).count();
    match dialect {
        Dialect::JsonLd => {
            assert_eq!((scripts.len(), scopes), (1, 0));
            assert_eq!(scripts[0].attr("type"), Some("application/ld+json"));
            from_schema_org(&json_of(scripts[0]))
        }
        Dialect::EmbeddedState => {
            assert_eq!((scripts.len(), scopes), (1, 0));
            assert_eq!(scripts[0].attr("id"), Some("__NEXT_DATA__"));
            from_state(&json_of(scripts[0])["props"]["pageProps"]["listing"])
        }
        Dialect::Microdata => {
            assert!(scripts.is_empty());
            let top = Selector::parse("[itemscope]:not([itemprop])").unwrap();
            let items: Vec<Value> = page.select(&top).map(item).collect();
            assert_eq!(items.len(), 1);
            from_schema_org(&items[0])
        }
    }
}

fn json_of(script: ElementRef<'_>) -> Value {
    serde_json::from_str(&script.inner_html()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| number(&value.to_string()), number)
}

/// `3.0` and `3` are the same number; other texts are unchanged.
fn number(text: &str) -> String {
    text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| number.to_string())
}

fn from_schema_org(listing: &Value) -> PageFacts {
    let home = &listing["mainEntity"];
    let offer = &listing["offers"];
    let mut read = PageFacts::new();
    let mut add_fact = |name: &str, value: &Value| {
        if !value.is_null() {
            let earlier = read.insert(name.to_owned(), text(value));
            assert_eq!(earlier, None, "{name} occurs twice");
        }
    };
    let has_type = |item: &Value, name: &str| item["@type"] == name;
    assert!(has_type(listing, "RealEstateListing") && has_type(offer, "Offer"));
    assert!(has_type(&home["address"], "PostalAddress") && has_type(&home["geo"], "GeoCoordinates"));
    for name in ["url", "name", "datePosted", "identifier"] {
        add_fact(name, &listing[name]);
    }
    assert_eq!(listing["@id"], listing["url"]);
    for name in ["price", "priceCurrency", "availability", "availabilityEnds"] {
        add_fact(name, &offer[name]);
    }
    for name in ["numberOfBedrooms", "numberOfBathroomsTotal", "yearBuilt"] {
        add_fact(name, &home[name]);
    }
    for name in ["floorSize", "lotSize"] {
        add_fact(name, &home[name]["value"]);
        add_fact(&format!("{name}.unit"), &home[name]["unitCode"]);
    }
    for name in ["addressLocality", "addressRegion", "postalCode", "addressCountry"] {
        add_fact(name, &home["address"][name]);
    }
    for name in ["latitude", "longitude"] {
        add_fact(name, &home["geo"][name]);
    }
    for property in home["additionalProperty"].as_array().into_iter().flatten() {
        add_fact(property["name"].as_str().unwrap(), &property["value"]);
    }
    // In microdata the single property of a home without further facts is not in a list.
    if home["additionalProperty"].is_object() {
        add_fact(home["additionalProperty"]["name"].as_str().unwrap(), &home["additionalProperty"]["value"]);
    }
    read
}

fn from_state(listing: &Value) -> PageFacts {
    const NAMES: [(&str, &str); 14] = [
        ("/url", "url"),
        ("/name", "name"),
        ("/datePosted", "datePosted"),
        ("/listingKey", "identifier"),
        ("/price", "price"),
        ("/currency", "priceCurrency"),
        ("/dateSold", "availabilityEnds"),
        ("/bedrooms", "numberOfBedrooms"),
        ("/bathrooms", "numberOfBathroomsTotal"),
        ("/yearBuilt", "yearBuilt"),
        ("/propertyType", "property_type"),
        ("/stories", "stories"),
        ("/latitude", "latitude"),
        ("/longitude", "longitude"),
    ];
    const ADDRESS: [(&str, &str); 6] = [
        ("/livingArea", "floorSize"),
        ("/lotSize", "lotSize"),
        ("/address/city", "addressLocality"),
        ("/address/state", "addressRegion"),
        ("/address/zip", "postalCode"),
        ("/address/country", "addressCountry"),
    ];
    let mut read = PageFacts::new();
    for (pointer, name) in NAMES.iter().chain(&ADDRESS) {
        let value = listing.pointer(pointer).unwrap();
        if !value.is_null() {
            read.insert((*name).to_owned(), text(value));
        }
    }
    for (unit, name) in [("livingAreaUnits", "floorSize.unit"), ("lotSizeUnits", "lotSize.unit")] {
        if listing[unit] == "sqft" {
            read.insert(name.to_owned(), "FTK".to_owned());
        }
    }
    let availability = match listing["status"].as_str() {
        Some("FOR_SALE") => "InStock",
        Some("SOLD") => "SoldOut",
        other => unreachable!("an unknown status {other:?}"),
    };
    read.insert("availability".to_owned(), format!("https://schema.org/{availability}"));
    for (name, value) in listing["attributes"].as_object().unwrap() {
        read.insert(name.clone(), text(value));
    }
    read
}

/// A microdata item as the JSON that JSON-LD would have: several values of one name become a list.
fn item(element: ElementRef<'_>) -> Value {
    let mut fields = serde_json::Map::new();
    let kind = element.attr("itemtype").unwrap().strip_prefix("https://schema.org/").unwrap();
    fields.insert("@type".to_owned(), kind.into());
    fields.extend(element.attr("itemid").map(|id| ("@id".to_owned(), id.into())));
    let mut waiting: Vec<ElementRef<'_>> = element.child_elements().collect();
    while let Some(next) = waiting.pop() {
        if let Some(name) = next.attr("itemprop") {
            add(&mut fields, name, value_of(next));
        }
        if next.attr("itemscope").is_none() {
            waiting.extend(next.child_elements());
        }
    }
    Value::Object(fields)
}

fn add(fields: &mut serde_json::Map<String, Value>, name: &str, value: Value) {
    let list = match fields.remove(name) {
        None => value,
        Some(Value::Array(mut list)) => {
            list.push(value);
            Value::Array(list)
        }
        Some(first) => Value::Array(vec![first, value]),
    };
    fields.insert(name.to_owned(), list);
}

/// The value of a property by its element (HTML, section 5.2.4).
fn value_of(element: ElementRef<'_>) -> Value {
    if element.attr("itemscope").is_some() {
        return item(element);
    }
    let attribute = match element.value().name() {
        "meta" => Some("content"),
        "link" | "a" => Some("href"),
        "data" => Some("value"),
        "time" => Some("datetime"),
        _ => None,
    };
    let stated = attribute.map(|name| element.attr(name).unwrap().to_owned());
    stated.unwrap_or_else(|| element.text().collect()).into()
}

/// The facts that the page of row `row` must have.
pub(super) fn expected_facts(catalogue: &Catalogue, row: usize, state: ListingState, url: &str) -> PageFacts {
    let mut read = match catalogue {
        Catalogue::LucasCounty(table) => lucas(&table.rows()[row]),
        Catalogue::Sacramento(table) => sacramento(&table.rows()[row]),
    };
    let (price, availability) = match state {
        ListingState::Open { price } => (price, "InStock"),
        ListingState::Closed { price, closed_on } => {
            read.insert("availabilityEnds".to_owned(), closed_on.to_string());
            (price, "SoldOut")
        }
        ListingState::NotListed | ListingState::Gone => unreachable!("this page must not be up"),
    };
    read.extend(facts_of(&[
        ("url", url.to_owned()),
        ("price", price.0.to_string()),
        ("priceCurrency", "USD".to_owned()),
        ("availability", format!("https://schema.org/{availability}")),
        ("floorSize.unit", "FTK".to_owned()),
        ("addressCountry", "US".to_owned()),
    ]));
    read
}

fn facts_of(pairs: &[(&str, String)]) -> PageFacts {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn lucas(row: &LucasRow) -> PageFacts {
    let mut read = facts_of(&[
        ("identifier", row.listing_key.clone()),
        ("name", format!("{}-bedroom house {} in Lucas County, OH", row.beds, row.listing_key)),
        ("datePosted", (row.sale_date - chrono::Days::new(180)).to_string()),
        ("property_type", "Single Family Residence".to_owned()),
        ("numberOfBedrooms", row.beds.to_string()),
        ("numberOfBathroomsTotal", (f64::from(row.full_baths) + f64::from(row.half_baths) / 2.0).to_string()),
        ("bathrooms_full", row.full_baths.to_string()),
        ("bathrooms_half", row.half_baths.to_string()),
        ("rooms_total", row.rooms.to_string()),
        ("floorSize", row.living_area_sqft.to_string()),
        ("lotSize", row.lot_size_sqft.to_string()),
        ("lotSize.unit", "FTK".to_owned()),
        ("yearBuilt", row.year_built.to_string()),
        ("stories_word", row.stories.word().to_owned()),
        ("wall", row.wall.word().to_owned()),
        ("garage", row.garage.word().to_owned()),
        ("assessed_value", row.assessed_value.0.to_string()),
        ("county", "Lucas County".to_owned()),
        ("addressRegion", "OH".to_owned()),
        ("latitude", row.latitude.to_string()),
        ("longitude", row.longitude.to_string()),
    ]);
    let sometimes = [
        ("stories", row.stories.count().map(|count| count.to_string())),
        ("garage_square_feet", row.garage_sqft.map(|feet| feet.to_string())),
        ("frontage_feet", row.frontage_feet.map(|feet| feet.to_string())),
        ("depth_feet", row.depth_feet.map(|feet| feet.to_string())),
    ];
    for (name, value) in sometimes {
        read.extend(value.map(|value| (name.to_owned(), value)));
    }
    read
}

fn sacramento(row: &SacramentoRow) -> PageFacts {
    facts_of(&[
        ("identifier", row.listing_key.clone()),
        ("name", format!("{}-bedroom home {} in {}, CA {}", row.beds, row.listing_key, row.city, row.zip)),
        ("property_type", row.home_type.word().replace('_', " ")),
        ("numberOfBedrooms", row.beds.to_string()),
        ("numberOfBathroomsTotal", row.baths.to_string()),
        ("floorSize", row.living_area_sqft.to_string()),
        ("addressLocality", row.city.clone()),
        ("addressRegion", "CA".to_owned()),
        ("postalCode", row.zip.clone()),
        ("latitude", row.latitude.to_string()),
        ("longitude", row.longitude.to_string()),
    ])
}
