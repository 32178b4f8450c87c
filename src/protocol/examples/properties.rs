//! A listing, as a worker sends it and as the server stores it.

use std::collections::BTreeMap;

use poem_openapi::types::Example;
use serde_json::{Value, json};

use super::{LISTING_KEY, PAGE, PROPERTY, SOURCE, after, position, timestamp};
use crate::protocol::evidence::{EvidenceLayer, FieldEvidence, PropertyEvidence};
use crate::protocol::property::{
    Address, ListingType, Media, MediaKind, PriceHistoryEntry, Property, PropertyInput, StandardStatus,
};
use crate::protocol::property_batch::{
    BatchItem, BatchItemResult, BatchItemStatus, BatchRequest, BatchResult,
};

const PRICE: f64 = 303_000.0;

fn address() -> Address {
    Address {
        street: Some("12 Elm Street".to_owned()),
        city: Some("Toledo".to_owned()),
        state_or_province: Some("OH".to_owned()),
        postal_code: Some("43604".to_owned()),
        country: Some("US".to_owned()),
        ..Address::default()
    }
}

fn attributes() -> BTreeMap<String, Value> {
    BTreeMap::from([("garage_spaces".to_owned(), json!(2))])
}

fn media() -> Vec<Media> {
    let file = |name: &str, kind, caption: Option<&str>| Media {
        url: format!("https://homes.example/media/{name}"),
        kind,
        caption: caption.map(str::to_owned),
    };
    vec![
        file("A-1024-1.jpg", MediaKind::Photo, Some("The garden")),
        file("A-1024-plan.pdf", MediaKind::FloorPlan, None),
    ]
}

impl Example for PropertyInput {
    fn example() -> Self {
        Self {
            source: Some(SOURCE.to_owned()),
            listing_key: Some(LISTING_KEY.to_owned()),
            source_url: Some(PAGE.to_owned()),
            standard_status: Some(StandardStatus::Active),
            listing_type: Some(ListingType::Sale),
            list_price: Some(PRICE),
            currency: Some("USD".to_owned()),
            property_type: Some("residential".to_owned()),
            bedrooms_total: Some(3),
            bathrooms_total: Some(2.5),
            rooms_total: Some(7.0),
            living_area: Some(1850.0),
            living_area_units: Some("sqft".to_owned()),
            year_built: Some(1927),
            parking_total: Some(2),
            address: Some(address()),
            latitude: Some(41.65),
            longitude: Some(-83.54),
            listed_at: timestamp(),
            description: Some("A brick house with a garden.".to_owned()),
            media: Some(media()),
            list_office_name: Some("Elm Realty".to_owned()),
            list_agent_name: Some("Eve Jones".to_owned()),
            attributes: Some(attributes()),
            ..Self::default()
        }
    }
}

impl Example for Property {
    fn example() -> Self {
        let seen = PropertyInput::example();
        Self {
            property_id: PROPERTY,
            source: SOURCE.to_owned(),
            listing_key: LISTING_KEY.to_owned(),
            source_url: seen.source_url,
            standard_status: StandardStatus::Active,
            listing_type: seen.listing_type,
            rental_period: seen.rental_period,
            list_price: seen.list_price,
            list_price_low: seen.list_price_low,
            list_price_high: seen.list_price_high,
            original_list_price: seen.original_list_price,
            close_price: seen.close_price,
            currency: seen.currency,
            property_type: seen.property_type,
            bedrooms_total: seen.bedrooms_total,
            bathrooms_total: seen.bathrooms_total,
            rooms_total: seen.rooms_total,
            living_area: seen.living_area,
            living_area_units: seen.living_area_units,
            lot_size_area: seen.lot_size_area,
            lot_size_units: seen.lot_size_units,
            year_built: seen.year_built,
            stories: seen.stories,
            parking_total: seen.parking_total,
            energy_rating: seen.energy_rating,
            tenure: seen.tenure,
            address: seen.address,
            latitude: seen.latitude,
            longitude: seen.longitude,
            listed_at: Some(after(0)),
            price_changed_at: None,
            closed_at: None,
            first_seen_at: after(2),
            last_seen_at: after(2),
            updated_at: after(2),
            removed: false,
            description: seen.description,
            media: seen.media,
            list_office_name: seen.list_office_name,
            list_agent_name: seen.list_agent_name,
            attributes: seen.attributes,
        }
    }
}

impl Example for PriceHistoryEntry {
    fn example() -> Self {
        Self {
            price: Some(PRICE),
            currency: Some("USD".to_owned()),
            standard_status: StandardStatus::Active,
            observed_at: after(2),
        }
    }
}

impl Example for FieldEvidence {
    fn example() -> Self {
        Self {
            layer: EvidenceLayer::JsonLd,
            rule: None,
            fragment: "offers.price".to_owned(),
            read_at: after(2),
        }
    }
}

impl Example for PropertyEvidence {
    fn example() -> Self {
        let rule = FieldEvidence {
            layer: EvidenceLayer::Rule,
            rule: Some("dl.facts dd.year".to_owned()),
            fragment: "dl.facts dd.year".to_owned(),
            read_at: after(2),
        };
        Self {
            property_id: PROPERTY,
            read_at: Some(after(2)),
            source_url: Some(PAGE.to_owned()),
            fields: BTreeMap::from([
                ("list_price".to_owned(), FieldEvidence::example()),
                ("year_built".to_owned(), rule),
            ]),
        }
    }
}

impl Example for BatchRequest {
    /// Without a job: a reader that tries the example has no job of this id.
    fn example() -> Self {
        Self { job_id: None, items: vec![BatchItem::of(&PropertyInput::example())] }
    }
}

impl Example for BatchItemResult {
    fn example() -> Self {
        Self { index: 0, status: BatchItemStatus::Created, property_id: Some(PROPERTY), error: None }
    }
}

impl Example for BatchResult {
    fn example() -> Self {
        Self {
            accepted: 1,
            rejected: 0,
            results: vec![BatchItemResult::example()],
            nulls_ignored: None,
            position: Some(position()),
        }
    }
}
