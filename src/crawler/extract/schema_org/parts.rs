//! What the properties of schema.org are to a listing. Names are compared as `vocabulary::normalize_key` gives them.

use super::super::field::{Field, KeyRank};
use super::super::vocabulary;
use crate::protocol::property::MediaKind;

/// What the value of a property is to the object that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The same listing from another side: its home, what it is about.
    Thing,
    Offers,
    FloorPlan,
    Place,
    /// The building that the home is in: its address is the home's, if that has none.
    Building,
    Map,
    Properties,
    Media(MediaKind),
    Seller,
    /// How much energy the home needs.
    Energy,
    /// Whether it is sold or let.
    Business,
    AdditionalType,
    /// Other homes.
    List,
}

pub(super) fn part(key: &str) -> Option<Part> {
    Some(match key {
        "itemoffered" | "mainentity" | "about" | "object" | "item" => Part::Thing,
        "offers" => Part::Offers,
        "accommodationfloorplan" => Part::FloorPlan,
        "address" | "location" | "geo" => Part::Place,
        "containedinplace" | "containedin" => Part::Building,
        "hasmap" => Part::Map,
        "additionalproperty" | "amenityfeature" => Part::Properties,
        "image" | "images" | "photo" | "photos" | "primaryimageofpage" | "associatedmedia" => {
            Part::Media(MediaKind::Photo)
        }
        "layoutimage" => Part::Media(MediaKind::FloorPlan),
        "video" | "videos" => Part::Media(MediaKind::Video),
        "tourbookingpage" | "virtualtour" => Part::Media(MediaKind::Tour),
        "seller" | "agent" | "provider" | "broker" | "offeredby" | "realestateagent" | "landlord"
        | "listingagent" => Part::Seller,
        "hasenergyconsumptiondetails" | "hasenergyefficiencycategory" => Part::Energy,
        "businessfunction" => Part::Business,
        "additionaltype" => Part::AdditionalType,
        "itemlistelement" | "isrelatedto" | "issimilarto" | "relatedlink" | "significantlink"
        | "containsplace" | "makesoffer" | "hasoffercatalog" | "hasvariant" | "haspart" => Part::List,
        _ => return None,
    })
}

/// The field that a property means, where no part is meant.
pub(super) fn field(key: &str) -> Option<Field> {
    Some(match key {
        // Pages and products have these names for what is not about the home.
        "type" | "keywords" | "category" | "size" | "validfrom" | "availabilityends" | "pricevaliduntil" => {
            return None;
        }
        "numberofrooms" => Field::Rooms,
        "accommodationcategory" => Field::PropertyType,
        "tenure" => Field::Tenure,
        "numberofparkingspaces" | "parking" => Field::Parking,
        "energyefficiencyrating" | "energyrating" | "epcrating" => Field::EnergyRating,
        "mpn" => Field::Key(KeyRank::Any),
        _ => return vocabulary::field_for_key(key),
    })
}
