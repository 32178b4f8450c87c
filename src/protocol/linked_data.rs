//! A property as linked data: JSON-LD 1.1 in the vocabulary of schema.org, as `RealEstateListing`. It says what the
//! property says and nothing else: what is not known is absent.

use serde_json::{Map, Value, json};

use super::property::{Address, ListingType, MediaKind, Property, RentalPeriod, StandardStatus};

/// The media type (IANA `application/ld+json`).
pub const LINKED_DATA: &str = "application/ld+json";

/// The kinds of homes that are a `House`, folded.
const HOUSES: [&str; 20] = [
    "bungalow",
    "chalet",
    "cottage",
    "detached",
    "detached house",
    "farmhouse",
    "house",
    "mobile home",
    "manufactured home",
    "row house",
    "semi-detached",
    "semi-detached house",
    "single family",
    "single family home",
    "single family residence",
    "single-family home",
    "terraced house",
    "town house",
    "townhouse",
    "villa",
];

/// The kinds of homes that are an `Apartment`, folded.
const APARTMENTS: [&str; 9] = [
    "apartment",
    "condo",
    "condominium",
    "flat",
    "loft",
    "maisonette",
    "penthouse",
    "studio",
    "studio apartment",
];

/// The listing as an object of JSON-LD.
pub fn real_estate_listing(property: &Property) -> Value {
    let mut listing = Object::of("RealEstateListing");
    listing.set("@context", Some("https://schema.org"));
    listing.set("identifier", Some(identifier(property)));
    listing.set("url", property.source_url.as_deref());
    listing.set("description", property.description.as_deref());
    listing.set("datePosted", property.listed_at.as_deref());
    listing.set("image", photos(property));
    listing.set("offers", offer(property));
    listing.set("mainEntity", Some(home(property)));
    listing.into()
}

/// The source's own key, which is unique within the source.
fn identifier(property: &Property) -> Value {
    json!({ "@type": "PropertyValue", "propertyID": property.source, "value": property.listing_key })
}

fn photos(property: &Property) -> Option<Value> {
    let media = property.media.iter().flatten().filter(|file| file.kind == MediaKind::Photo);
    let urls: Vec<&str> = media.map(|file| file.url.as_str()).collect();
    (!urls.is_empty()).then(|| json!(urls))
}

/// What is asked for the home. Absent where neither a price nor whether it is for sale is known.
fn offer(property: &Property) -> Option<Value> {
    let mut offer = Object::of("Offer");
    offer.set("price", price(property));
    let currency = property.currency.as_deref();
    offer.set("priceCurrency", currency.filter(|_| has_price(property)));
    offer.set("priceSpecification", price_specification(property));
    offer.set("businessFunction", property.listing_type.map(business_function));
    if offer.is_empty() {
        return None;
    }
    offer.set("availability", availability(property));
    offer.set("offeredBy", offered_by(property));
    Some(offer.into())
}

/// The current price: the close price once closed, if it is known, else the list price.
fn price(property: &Property) -> Option<f64> {
    let closed = property.standard_status == StandardStatus::Closed;
    property.close_price.filter(|_| closed).or(property.list_price)
}

fn has_price(property: &Property) -> bool {
    price(property).or(property.list_price_low).or(property.list_price_high).is_some()
}

/// A range of prices, or a rent with its period.
fn price_specification(property: &Property) -> Option<Value> {
    let (amount, period) = (price(property), property.rental_period);
    let is_range = amount.is_none() && has_price(property);
    if !is_range && (amount.is_none() || period.is_none()) {
        return None;
    }
    let kind = if period.is_some() { "UnitPriceSpecification" } else { "PriceSpecification" };
    let mut specification = Object::of(kind);
    specification.set("price", amount);
    specification.set("minPrice", property.list_price_low.filter(|_| is_range));
    specification.set("maxPrice", property.list_price_high.filter(|_| is_range));
    specification.set("priceCurrency", property.currency.as_deref());
    specification.set("unitCode", period.map(period_code));
    Some(specification.into())
}

/// The period that a rent is paid for, in the codes of UN/CEFACT Recommendation 20.
fn period_code(period: RentalPeriod) -> &'static str {
    match period {
        RentalPeriod::Day => "DAY",
        RentalPeriod::Week => "WEE",
        RentalPeriod::Month => "MON",
        RentalPeriod::Year => "ANN",
    }
}

/// The GoodRelations terms that schema.org names as values of `BusinessFunction`.
fn business_function(listing_type: ListingType) -> &'static str {
    match listing_type {
        ListingType::Sale => "http://purl.org/goodrelations/v1#Sell",
        ListingType::Lease => "http://purl.org/goodrelations/v1#LeaseOut",
    }
}

/// Only where the status says it: schema.org has no word for a home under contract or on hold.
fn availability(property: &Property) -> Option<&'static str> {
    match property.standard_status {
        StandardStatus::Active if !property.removed => Some("https://schema.org/InStock"),
        StandardStatus::ComingSoon if !property.removed => Some("https://schema.org/PreOrder"),
        StandardStatus::Closed => Some("https://schema.org/SoldOut"),
        StandardStatus::Active
        | StandardStatus::ComingSoon
        | StandardStatus::ActiveUnderContract
        | StandardStatus::Canceled
        | StandardStatus::Delete
        | StandardStatus::Expired
        | StandardStatus::Hold
        | StandardStatus::Incomplete
        | StandardStatus::Pending
        | StandardStatus::Withdrawn => None,
    }
}

/// The agency, and the agent who works there.
fn offered_by(property: &Property) -> Option<Value> {
    let (office, agent) = (property.list_office_name.as_deref(), property.list_agent_name.as_deref());
    let mut agency = Object::of("RealEstateAgent");
    agency.set("name", office);
    let person = |name: &str| json!({ "@type": "Person", "name": name });
    match (office, agent) {
        (Some(_), agent) => {
            agency.set("employee", agent.map(person));
            Some(agency.into())
        }
        (None, agent) => agent.map(person),
    }
}

/// The home itself.
fn home(property: &Property) -> Value {
    let kind = home_type(property);
    let mut home = Object::of(kind);
    home.set("address", property.address.as_ref().and_then(postal_address));
    home.set("geo", coordinates(property));
    // The properties of an accommodation; a place that is none has no such value, or would be one.
    home.set("accommodationCategory", property.property_type.as_deref().filter(|_| kind != PLACE));
    home.set("additionalType", property.property_type.as_deref().filter(|_| kind == PLACE));
    home.set("numberOfRooms", property.rooms_total);
    home.set("numberOfBedrooms", property.bedrooms_total);
    home.set("numberOfBathroomsTotal", property.bathrooms_total);
    home.set("floorSize", floor_size(property));
    home.set("yearBuilt", property.year_built);
    home.into()
}

/// A place that is not said to be a home: a plot has an address, too.
const PLACE: &str = "Place";

fn home_type(property: &Property) -> &'static str {
    let told = property.property_type.as_deref().map(|told| told.trim().to_lowercase());
    if let Some(told) = told.as_deref() {
        if HOUSES.contains(&told) {
            return "House";
        }
        if APARTMENTS.contains(&told) {
            return "Apartment";
        }
    }
    let Property { rooms_total, bedrooms_total, bathrooms_total, living_area, year_built, .. } = property;
    let has_facts = rooms_total.or(*bathrooms_total).or(*living_area).is_some()
        || bedrooms_total.or(*year_built).is_some();
    if has_facts { "Accommodation" } else { PLACE }
}

fn postal_address(address: &Address) -> Option<Value> {
    let mut postal = Object::of("PostalAddress");
    // Without a street the text as the source writes it is the best that is known of the address.
    let whole = address.unparsed.as_deref().filter(|_| address.street.is_none());
    postal.set("streetAddress", address.street.as_deref());
    postal.set("addressLocality", address.city.as_deref());
    postal.set("addressRegion", address.state_or_province.as_deref());
    postal.set("postalCode", address.postal_code.as_deref());
    postal.set("addressCountry", address.country.as_deref());
    postal.set("description", whole);
    (!postal.is_empty()).then(|| postal.into())
}

fn coordinates(property: &Property) -> Option<Value> {
    let (latitude, longitude) = (property.latitude?, property.longitude?);
    Some(json!({ "@type": "GeoCoordinates", "latitude": latitude, "longitude": longitude }))
}

/// With the code of UN/CEFACT Recommendation 20 where the unit is known, else with the source's word.
fn floor_size(property: &Property) -> Option<Value> {
    let mut size = Object::of("QuantitativeValue");
    size.set("value", Some(property.living_area?));
    let unit = property.living_area_units.as_deref();
    let code = unit.and_then(unit_code);
    size.set("unitCode", code);
    size.set("unitText", unit.filter(|_| code.is_none()));
    Some(size.into())
}

fn unit_code(unit: &str) -> Option<&'static str> {
    match unit.trim().to_lowercase().as_str() {
        "square meters" | "square metres" | "sqm" | "m2" | "m²" | "mtk" => Some("MTK"),
        "square feet" | "sqft" | "sq ft" | "ft2" | "ft²" | "ftk" => Some("FTK"),
        "square yards" | "sqyd" | "sq yd" | "yd2" | "ydk" => Some("YDK"),
        "acres" | "acre" | "acr" => Some("ACR"),
        "hectares" | "hectare" | "ha" | "har" => Some("HAR"),
        _ => None,
    }
}

/// An object of JSON-LD with a type; values that are not known are left out.
struct Object {
    members: Map<String, Value>,
}

impl Object {
    fn of(kind: &str) -> Self {
        Self { members: Map::from_iter([("@type".to_owned(), kind.into())]) }
    }

    fn set(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.members.insert(name.to_owned(), value.into());
        }
    }

    /// Whether it says nothing but its type.
    fn is_empty(&self) -> bool {
        self.members.len() == 1
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.members)
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::Example;

    use super::*;

    /// A property of which only its key is known.
    fn bare() -> Property {
        let Property { property_id, source, listing_key, first_seen_at, last_seen_at, updated_at, .. } =
            Property::example();
        serde_json::from_value(json!({
            "property_id": property_id, "source": source, "listing_key": listing_key, "standard_status": "active",
            "first_seen_at": first_seen_at, "last_seen_at": last_seen_at, "updated_at": updated_at, "removed": false,
        }))
        .unwrap()
    }

    #[test]
    fn a_listing_says_what_the_property_says() {
        let house = Property { property_type: Some("House".to_owned()), ..Property::example() };

        assert_eq!(
            real_estate_listing(&house),
            json!({
                "@context": "https://schema.org",
                "@type": "RealEstateListing",
                "identifier": { "@type": "PropertyValue", "propertyID": "homes.example", "value": "A-1024" },
                "url": "https://homes.example/listing/A-1024",
                "description": "A brick house with a garden.",
                "datePosted": "2025-11-24T16:00:00.000Z",
                "image": ["https://homes.example/media/A-1024-1.jpg"],
                "offers": {
                    "@type": "Offer",
                    "price": 303_000.0,
                    "priceCurrency": "USD",
                    "businessFunction": "http://purl.org/goodrelations/v1#Sell",
                    "availability": "https://schema.org/InStock",
                    "offeredBy": {
                        "@type": "RealEstateAgent",
                        "name": "Elm Realty",
                        "employee": { "@type": "Person", "name": "Eve Jones" },
                    },
                },
                "mainEntity": {
                    "@type": "House",
                    "accommodationCategory": "House",
                    "address": {
                        "@type": "PostalAddress",
                        "streetAddress": "12 Elm Street",
                        "addressLocality": "Toledo",
                        "addressRegion": "OH",
                        "postalCode": "43604",
                        "addressCountry": "US",
                    },
                    "geo": { "@type": "GeoCoordinates", "latitude": 41.65, "longitude": -83.54 },
                    "numberOfRooms": 7.0,
                    "numberOfBedrooms": 3,
                    "numberOfBathroomsTotal": 2.5,
                    "floorSize": { "@type": "QuantitativeValue", "value": 1850.0, "unitCode": "FTK" },
                    "yearBuilt": 1927,
                },
            })
        );
    }

    #[test]
    fn what_is_not_known_is_absent() {
        assert_eq!(
            real_estate_listing(&bare()),
            json!({
                "@context": "https://schema.org",
                "@type": "RealEstateListing",
                "identifier": { "@type": "PropertyValue", "propertyID": "homes.example", "value": "A-1024" },
                "mainEntity": { "@type": "Place" },
            })
        );
        let placed = Property { latitude: Some(1.0), currency: Some("EUR".to_owned()), ..bare() };
        let listing = real_estate_listing(&placed);
        assert_eq!(listing["mainEntity"].get("geo"), None, "a latitude alone is no place");
        assert_eq!(listing.get("offers"), None, "a currency alone is no offer");
    }

    #[test]
    fn a_home_has_the_type_that_is_told() {
        let of = |told: &str, rooms: Option<f64>| {
            let home = Property { property_type: Some(told.to_owned()), rooms_total: rooms, ..bare() };
            real_estate_listing(&home)["mainEntity"]["@type"].as_str().unwrap().to_owned()
        };

        assert_eq!(of("Single Family Residence", None), "House");
        assert_eq!(of(" FLAT ", None), "Apartment");
        assert_eq!(of("Duplex", Some(4.0)), "Accommodation");
        assert_eq!(of("Unimproved Land", None), "Place");
        let plot = Property { property_type: Some("Unimproved Land".to_owned()), ..bare() };
        assert_eq!(real_estate_listing(&plot)["mainEntity"]["additionalType"], "Unimproved Land");
    }

    #[test]
    fn a_rent_has_its_period_and_a_range_its_ends() {
        let rent = Property {
            list_price: Some(900.0),
            currency: Some("EUR".to_owned()),
            rental_period: Some(RentalPeriod::Month),
            listing_type: Some(ListingType::Lease),
            ..bare()
        };
        let range = Property { list_price_low: Some(1.0), list_price_high: Some(2.0), ..bare() };

        assert_eq!(
            real_estate_listing(&rent)["offers"]["priceSpecification"],
            json!({ "@type": "UnitPriceSpecification", "price": 900.0, "priceCurrency": "EUR", "unitCode": "MON" })
        );
        assert_eq!(
            real_estate_listing(&range)["offers"],
            json!({
                "@type": "Offer", "availability": "https://schema.org/InStock",
                "priceSpecification": { "@type": "PriceSpecification", "minPrice": 1.0, "maxPrice": 2.0 },
            })
        );
    }

    #[test]
    fn a_closed_home_has_its_close_price_and_a_removed_one_is_not_for_sale() {
        let listed = Property { list_price: Some(5.0), close_price: Some(4.0), ..bare() };
        let closed = Property { standard_status: StandardStatus::Closed, ..listed.clone() };
        let removed = Property { removed: true, ..listed.clone() };

        let offer = |home: &Property| real_estate_listing(home)["offers"].clone();
        assert_eq!((&offer(&listed)["price"], &offer(&closed)["price"]), (&json!(5.0), &json!(4.0)));
        assert_eq!(offer(&closed)["availability"], "https://schema.org/SoldOut");
        assert_eq!(offer(&removed).get("availability"), None);
    }

    #[test]
    fn a_unit_that_has_no_code_keeps_its_word() {
        let of = |unit: &str| {
            let home =
                Property { living_area: Some(9.0), living_area_units: Some(unit.to_owned()), ..bare() };
            real_estate_listing(&home)["mainEntity"]["floorSize"].clone()
        };

        assert_eq!(of("Square Meters")["unitCode"], "MTK");
        assert_eq!((of("tsubo")["unitText"].clone(), of("tsubo").get("unitCode")), (json!("tsubo"), None));
    }
}
