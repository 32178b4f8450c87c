//! What an object of schema.org is: a home, an offer of something, a list, or something else. Sites write type names in
//! any case and with any prefix.

use serde_json::Value;

use super::super::bounds::MAX_URL;
use super::super::values::{self, Object};
use super::super::vocabulary;

/// Types of one object that are looked at, the length of each, and the steps that each takes.
const MAX_TYPES: usize = 16;
const MAX_TYPE_BYTES: usize = 300;
const TYPE_STEPS: u64 = 24;

/// How an object is treated. Of several types the last one in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Other,
    /// An offer, a product or a listing page: a home if what is nested says so.
    Offer,
    /// Never about a home for sale or for rent, however it looks inside.
    Foreign,
    /// Names other things, each with a page of its own.
    List,
    Residence,
}

/// Steps of looking at the types of `object`.
pub(super) fn type_steps(object: &Object) -> u64 {
    let types = match object.get("@type") {
        Some(Value::Array(types)) => types.len().min(MAX_TYPES),
        _ => 1,
    };
    TYPE_STEPS * (1 + types as u64)
}

pub(super) fn kind(object: &Object) -> Kind {
    // A hotel's room is a room to schema.org, but no home.
    if has_type(object, LODGINGS) {
        return Kind::Foreign;
    }
    types(object).map(kind_of).max().unwrap_or(Kind::Other)
}

fn kind_of(name: &str) -> Kind {
    if values::residence_type(name).is_some() {
        Kind::Residence
    } else if is_one_of(LISTS, name) || is_one_of(RESULT_PAGES, name) {
        Kind::List
    } else if is_one_of(FOREIGN, name) || ends_with_event(name) {
        Kind::Foreign
    } else if is_one_of(OFFERS, name) {
        Kind::Offer
    } else {
        Kind::Other
    }
}

/// Whether the object is a page of search results.
pub(super) fn is_result_page(object: &Object) -> bool {
    has_type(object, RESULT_PAGES)
}

/// Whether the object is a part of a home's description without being a home.
pub(super) fn is_place(object: &Object) -> bool {
    has_type(object, &["Place", "FloorPlan", "PostalAddress", "Thing"])
}

/// Whether its coordinates are those of a region.
pub(super) fn is_region(object: &Object) -> bool {
    has_type(object, &["City", "State", "Country", "AdministrativeArea", "GeoCircle", "GeoShape"])
}

/// "lease" or "sale", if the types of the object say which.
pub(super) fn business(object: &Object) -> Option<&'static str> {
    if has_type(object, &["OfferForLease", "RentAction"]) {
        Some("lease")
    } else if has_type(object, &["OfferForPurchase", "SellAction"]) {
        Some("sale")
    } else {
        None
    }
}

pub(super) fn has_type(object: &Object, names: &[&str]) -> bool {
    types(object).any(|name| is_one_of(names, name))
}

/// The types without what qualifies them: `https://schema.org/House` and `schema:House` are `House`.
pub(super) fn types(object: &Object) -> impl Iterator<Item = &str> {
    let types = object.get("@type").or_else(|| object.get("type"));
    let types = match types {
        Some(Value::Array(types)) => &types[..],
        Some(other) => std::slice::from_ref(other),
        None => &[],
    };
    let types = types.iter().take(MAX_TYPES).filter_map(Value::as_str);
    types.filter(|name| name.len() <= MAX_TYPE_BYTES).map(vocabulary::local_name)
}

/// What an object is called. An `@id` that no link could have names nothing.
pub(super) fn id(object: &Object) -> Option<&str> {
    object.get("@id")?.as_str().filter(|id| id.len() <= MAX_URL)
}

/// The identity of an object: the tree does not move while it is read.
pub(super) fn pointer_of(object: &Object) -> usize {
    std::ptr::from_ref(object).addr()
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn ends_with_event(name: &str) -> bool {
    name.as_bytes().last_chunk::<5>().is_some_and(|end| end.eq_ignore_ascii_case(b"event"))
}

const OFFERS: &[&str] = &[
    "Offer",
    "AggregateOffer",
    "OfferForLease",
    "OfferForPurchase",
    "Product",
    "IndividualProduct",
    "ProductModel",
    "RealEstateListing",
    "SellAction",
    "RentAction",
];

const LISTS: &[&str] = &["ItemList", "OfferCatalog", "ProductGroup", "ProductCollection"];

const RESULT_PAGES: &[&str] = &["SearchResultsPage", "CollectionPage"];

const LODGINGS: &[&str] = &[
    "LodgingBusiness",
    "Hotel",
    "HotelRoom",
    "Hostel",
    "Motel",
    "BedAndBreakfast",
    "Resort",
    "SkiResort",
    "Campground",
    "CampingPitch",
    "VacationRental",
    "MeetingRoom",
];

const FOREIGN: &[&str] = &[
    "BreadcrumbList",
    "Organization",
    "Corporation",
    "LocalBusiness",
    "RealEstateAgent",
    "Person",
    "JobPosting",
    "Review",
    "Rating",
    "AggregateRating",
    "WebSite",
    "SearchAction",
    "Demand",
    "Vehicle",
    "Car",
    "Motorcycle",
    "BusOrCoach",
    "FAQPage",
    "Question",
    "FinancialProduct",
    "LoanOrCredit",
    "MortgageLoan",
    "Recipe",
    "Restaurant",
    "SoftwareApplication",
    "MobileApplication",
    "WebApplication",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind_of_types(types: Value) -> Kind {
        kind(json!({"@type": types}).as_object().unwrap())
    }

    #[test]
    fn types_are_known_in_any_case_and_with_any_prefix() {
        for name in ["House", "house", "schema:House", "http://schema.org/House", "https://schema.org/house/"]
        {
            assert_eq!(kind_of_types(json!(name)), Kind::Residence, "{name}");
        }
        assert_eq!(kind_of_types(json!("realestatelisting")), Kind::Offer);
        assert_eq!(kind_of_types(json!("WebPage")), Kind::Other);
        assert_eq!(kind(json!({}).as_object().unwrap()), Kind::Other);
    }

    #[test]
    fn of_several_types_the_weightiest_counts() {
        assert_eq!(kind_of_types(json!(["Product", "Apartment"])), Kind::Residence);
        assert_eq!(kind_of_types(json!(["SearchResultsPage", "Product"])), Kind::List);
        assert_eq!(kind_of_types(json!(["Product", "Car"])), Kind::Foreign);
        assert_eq!(kind_of_types(json!(["HotelRoom", "Product"])), Kind::Foreign);
        assert_eq!(kind_of_types(json!(["Room", "HotelRoom"])), Kind::Foreign);
    }

    #[test]
    fn what_is_no_home_is_foreign() {
        for name in
            ["MusicEvent", "Event", "JobPosting", "RealEstateAgent", "Person", "BreadcrumbList", "Hotel"]
        {
            assert_eq!(kind_of_types(json!(name)), Kind::Foreign, "{name}");
        }
    }

    #[test]
    fn actions_and_offers_say_whether_it_is_let() {
        let business = |name| business(json!({"@type": name}).as_object().unwrap());

        assert_eq!(business("OfferForLease"), Some("lease"));
        assert_eq!(business("SellAction"), Some("sale"));
        assert_eq!(business("Offer"), None);
    }
}
