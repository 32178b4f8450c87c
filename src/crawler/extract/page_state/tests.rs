//! Shapes of page state in, homes out.

use serde_json::{Value, json};

use super::super::draft::Draft;
use super::super::references::StateData;
use super::{StateBlock, drafts};
use crate::crawler::budget::PageBudget;
use crate::protocol::property::{Address, ListingType, MediaKind, RentalPeriod, StandardStatus};

fn found(state: Value) -> Vec<Draft> {
    let budget = PageBudget::for_page(100_000);
    let base = "https://homes.example.com/h/1".parse().unwrap();
    let block = StateBlock { data: StateData::Tree(state), name: "S".to_owned(), is_tracking: false };
    let drafts = drafts(&[block], &base, &budget);
    assert_eq!(budget.truncation(), None);
    drafts
}

fn one(state: Value) -> Draft {
    let mut drafts = found(state);
    assert_eq!(drafts.len(), 1, "{drafts:#?}");
    drafts.remove(0)
}

/// A home with a key, a price, bedrooms, and these entries.
fn home(more: Value) -> Draft {
    let mut listing = json!({"id": "K1", "price": 425_000, "currency": "EUR", "bedrooms": 3});
    listing.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one(json!({"listing": listing}))
}

fn address(draft: &Draft) -> Address {
    draft.property.address.clone().unwrap_or_default()
}

fn keys(drafts: &[Draft]) -> Vec<(Option<&str>, bool)> {
    drafts.iter().map(|draft| (draft.property.listing_key.as_deref(), draft.in_list)).collect()
}

#[test]
fn prices_are_read_in_every_shape() {
    for price in [
        json!({"price": 425_000, "currency": "EUR"}),
        json!({"price": {"value": 425_000, "currency": "EUR"}}),
        json!({"price": {"amount": 425_000, "currencyCode": "EUR"}}),
        json!({"price": {"formatted": "€425,000"}}),
        json!({"price": {"raw": 425_000, "formatted": "€425,000"}}),
        json!({"price": "€425,000"}),
        json!({"price": 425_000, "priceFormatted": "€425,000"}),
        json!({"price": [425_000], "priceCurrency": "EUR"}),
        json!({"prices": {"primaryPrice": "€425,000", "secondaryPrice": "€4,000 per sqm"}}),
        json!({"prices": [{"type": "pricePerSqm", "amount": 4_000}, {"type": "sale", "amount": 425_000, "currency": "EUR"}]}),
        json!({"transaction": {"type": "FOR_SALE", "sale": {"price": 425_000, "currency": "EUR"}}}),
        json!({"kaufpreis": 425_000, "waehrung": "EUR", "kaltmiete": 900}),
        json!({"pricing": {"sale": {"value": 425_000}, "currency": "EUR", "history": {"price": 1}}}),
    ] {
        let mut state = json!({"id": "K1", "bedrooms": 3});
        state.as_object_mut().unwrap().extend(price.as_object().unwrap().clone());
        let draft = one(json!({"listing": state}));

        assert_eq!(draft.property.list_price, Some(425_000.0), "{price}");
        assert_eq!(draft.currency.code(), Some("EUR"), "{price}");
    }
}

#[test]
fn a_rent_is_known_by_its_key() {
    let draft = one(json!({"id": 1, "zimmer": 2, "warmmiete": 1_100, "kaltmiete": 900}));

    assert_eq!(draft.property.list_price, Some(900.0));
    assert_eq!(draft.property.listing_type, Some(ListingType::Lease));
    assert_eq!(draft.property.rental_period, Some(RentalPeriod::Month));
    assert_eq!(draft.rooms, Some(2.0));
}

#[test]
fn facts_are_gathered_over_the_subtree_of_a_key() {
    let draft = one(json!({"classified": {
        "id": 7, "property": {"bedroomCount": 3, "netHabitableSurface": 120,
            "location": {"locality": "Gent", "postalCode": "9000", "street": "Kerkstraat", "number": "12"},
            "energy": {"epcRating": "B"}},
        "transaction": {"type": "FOR_SALE", "sale": {"price": 425_000}},
        "extra": {"deep": {"constructionYear": 1990, "price": 1}},
    }}));

    let property = &draft.property;
    assert_eq!(property.listing_key.as_deref(), Some("7"));
    assert_eq!(property.list_price, Some(425_000.0));
    assert_eq!((property.bedrooms_total, property.living_area), (Some(3), Some(120.0)));
    assert_eq!((property.year_built, property.listing_type), (Some(1990), Some(ListingType::Sale)));
    assert_eq!(property.energy_rating.as_deref(), Some("B"));
    let address = address(&draft);
    assert_eq!((address.city.as_deref(), address.postal_code.as_deref()), (Some("Gent"), Some("9000")));
}

#[test]
fn pairs_of_labels_and_values_are_facts() {
    for facts in [
        json!({"facts": [{"type": "bathrooms", "value": 2}, {"type": "yearBuilt", "value": "1990"}]}),
        json!({"features": [{"label": "Badezimmer", "value": "2"}, {"label": "Baujahr", "value": {"text": "1990"}}]}),
        json!({"attributes": [{"name": "Bathrooms", "value": 2}, {"name": "Year built", "value": 1990}]}),
        json!({"specs": [{"title": "Interior", "items": [{"label": "Baths", "value": 2}, {"label": "Year built", "value": 1990}]}]}),
        json!({"attributes": {"bathrooms": {"value": 2}, "yearBuilt": 1990}}),
    ] {
        let draft = home(facts.clone());
        assert_eq!((draft.baths, draft.property.year_built), (Some(2.0), Some(1990)), "{facts}");
    }
    let area = home(json!({"facts": [{"label": "Living area", "value": 120, "unit": "m²"}]})).property;
    assert_eq!((area.living_area, area.living_area_units.as_deref()), (Some(120.0), Some("Square Meters")));
    assert_eq!(home(json!({"features": ["2 bathrooms", "Garden", "3 minutes to town"]})).baths, Some(2.0));
}

#[test]
fn wrapped_numbers_are_read() {
    let draft =
        one(json!({"id": 1, "price": {"value": 5_000}, "bedRoomsNumber": {"raw": 2}, "nb_rooms": "4",
        "surface": {"value": 80, "unit": "m²"}}));

    assert_eq!(draft.property.bedrooms_total, Some(2));
    assert_eq!(draft.rooms, Some(4.0));
    assert_eq!(draft.property.living_area, Some(80.0));
}

#[test]
fn places_are_read_in_every_shape() {
    for place in [
        json!({"point": {"lat": 52.5, "lon": 13.4}}),
        json!({"location": {"coordinates": {"latitude": 52.5, "longitude": 13.4}}}),
        json!({"location": {"type": "Point", "coordinates": [13.4, 52.5]}}),
        json!({"geometry": {"location": {"lat": 52.5, "lng": 13.4}}}),
        json!({"lnglat": [13.4, 52.5]}),
        json!({"latlng": "52.5,13.4"}),
        json!({"address": {"geo": {"lat": "52.5", "lng": "13.4"}}}),
    ] {
        let property = home(place.clone()).property;
        assert_eq!((property.latitude, property.longitude), (Some(52.5), Some(13.4)), "{place}");
    }
    assert_eq!(home(json!({"coordinates": [13.4, 52.5]})).property.latitude, None, "the order is not known");
}

#[test]
fn a_state_counts_beside_other_parts_of_an_address_only() {
    let state = |more: Value| address(&home(more)).state_or_province;

    assert_eq!(state(json!({"state": "Ohio"})), None);
    assert_eq!(state(json!({"region": "Ohio", "city": "Toledo"})).as_deref(), Some("Ohio"));
    assert_eq!(state(json!({"address": {"state": "Ohio", "country": "US"}})).as_deref(), Some("Ohio"));
    assert_eq!(
        state(json!({"addressDetails": {"state": {"name": "Ohio"}, "city": "T"}})).as_deref(),
        Some("Ohio")
    );
    let sold = home(json!({"state": "sold", "city": "Toledo"}));
    assert_eq!(sold.property.standard_status, Some(StandardStatus::Closed));
    assert_eq!(address(&sold).state_or_province, None);
}

#[test]
fn statuses_are_read_from_labels_flags_and_badges() {
    for (told, status) in [
        (json!({"status": {"id": 3, "label": "Sold"}}), StandardStatus::Closed),
        (json!({"badges": [{"text": "New"}, {"text": "Sold"}]}), StandardStatus::Closed),
        (json!({"status": "active", "flags": ["Under offer"]}), StandardStatus::Pending),
        (json!({"isUnderOffer": true}), StandardStatus::Pending),
    ] {
        assert_eq!(home(told.clone()).property.standard_status, Some(status), "{told}");
    }
    assert_eq!(home(json!({"isSold": true})).sold_flag, Some(true));
    assert_eq!(home(json!({"isSold": false, "isUnderOffer": false})).property.standard_status, None);
    assert_eq!(home(json!({"badges": ["New", "3D tour"]})).property.standard_status, None);
}

#[test]
fn sale_or_lease_is_told_by_several_keys() {
    for told in [
        json!({"transactionType": "RENT"}),
        json!({"offerType": {"value": "for rent"}}),
        json!({"channel": "rent"}),
        json!({"isRental": true}),
        json!({"type": "to let"}),
    ] {
        assert_eq!(home(told.clone()).property.listing_type, Some(ListingType::Lease), "{told}");
    }
    let house = home(json!({"type": "apartment"})).property;
    assert!(house.property_type.is_some() && house.listing_type.is_none());
}

#[test]
fn files_are_told_with_their_kind() {
    let draft = home(json!({
        "images": ["https://i.example.com/1.jpg", {"url": "/2.jpg", "caption": "Garden"}, {"sizes": {"large": "/3.jpg", "small": "/3s.jpg"}}],
        "media": [{"mediaType": "floorplan", "src": "/plan.png"}],
        "virtualTour": {"url": "https://tour.example.com/1"},
        "photos": ["image"],
    }));

    let media = draft.property.media.unwrap_or_default();
    let kinds: Vec<_> =
        media.iter().map(|media| (media.url.rsplit('/').next().unwrap_or_default(), media.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("1.jpg", MediaKind::Photo),
            ("2.jpg", MediaKind::Photo),
            ("3.jpg", MediaKind::Photo),
            ("plan.png", MediaKind::FloorPlan),
            ("1", MediaKind::Tour),
        ]
    );
    assert_eq!(media[1].caption.as_deref(), Some("Garden"));
    let many: Vec<_> = (0..500).map(|at| format!("/{at}.jpg")).collect();
    assert_eq!(home(json!({"photos": many})).property.media.unwrap_or_default().len(), 100);
}

#[test]
fn of_who_offers_a_home_only_the_name_is_taken() {
    let draft = home(json!({
        "agent": {"id": 9, "name": "Ann Lee", "phone": "1", "address": {"city": "Elsewhere"}, "price": 7},
        "agency": {"id": 5, "name": "Lake Homes", "location": {"lat": 1.0, "lng": 2.0}, "url": "/agency"},
        "owner": {"name": "Private Person", "address": {"street": "1 Home St"}},
    }));

    assert_eq!(draft.property.list_agent_name.as_deref(), Some("Ann Lee"));
    assert_eq!(draft.property.list_office_name.as_deref(), Some("Lake Homes"));
    assert_eq!((draft.property.latitude, draft.property.address.clone()), (None, None));
    assert_eq!(draft.property.source_url, None);
    assert!(draft.ids.iter().eq(["key:K1"]), "{:?}", draft.ids);
}

#[test]
fn lists_of_other_homes_come_last_and_are_marked() {
    let other = |key: &str| json!({"id": key, "price": 100_000, "beds": 2});
    for others in [
        json!({"aRecommended": 0, "recommended": {"items": [other("R1"), other("R2")]}}),
        json!({"aSimilarListings": [other("R1"), other("R2")]}),
        json!({"aside": {"listings": [other("R1"), other("R2")]}}),
        json!({"agent": {"name": "A", "listings": [other("R1"), other("R2")]}}),
        json!({"all": [other("R1"), other("R2")]}),
        json!({"map": {"results": [other("R1"), other("R2")]}}),
    ] {
        let mut state = others.clone();
        state["listing"] = json!({"id": "K1", "price": 425_000, "beds": 3});
        let mut drafts = found(state);
        drafts.sort_by_key(|draft| draft.in_list);

        assert_eq!(keys(&drafts), [(Some("K1"), false), (Some("R1"), true), (Some("R2"), true)], "{others}");
    }
}

#[test]
fn a_list_of_one_may_be_the_home_of_the_page() {
    let listing = json!({"id": "K1", "price": 425_000, "beds": 3});

    assert_eq!(keys(&found(json!({"listings": [listing]}))), [(Some("K1"), false)]);
    assert_eq!(keys(&found(json!({"data": [{"listing": listing}]}))), [(Some("K1"), false)]);
    assert_eq!(keys(&found(json!({"similar": [listing]}))), [(Some("K1"), true)]);
}

#[test]
fn what_is_no_home_gives_nothing() {
    let looks = json!({"price": "100000", "beds": 1, "type": "house"});
    for key in [
        "searchForm",
        "filters",
        "priceFilter",
        "query",
        "mortgageCalculator",
        "defaults",
        "config",
        "settings",
        "options",
        "facets",
        "seo",
        "contactForm",
        "affordability",
        "estimate",
        "search",
    ] {
        assert_eq!(found(json!({key: looks.clone()})).len(), 0, "{key}");
    }
    let inside = json!({"listing": {"id": "K1", "price": 425_000, "beds": 3,
        "priceHistory": [{"price": 400_000, "date": "2020-01-01", "beds": 3}, {"price": 1_000, "beds": 3}],
        "mortgage": {"price": 425_000, "loan": {"price": 1, "beds": 3}}, "agent": {"price": 5, "beds": 1}}});
    assert_eq!(keys(&found(inside)), [(Some("K1"), false)]);
}

#[test]
fn what_analytics_are_told_has_no_key_and_comes_last() {
    let drafts = found(json!({
        "adTargets": {"id": "X", "price": "425000", "sqft": "2517", "city": "los_angeles", "zip": "12345"},
        "listing": {"id": "K1", "price": 425_000, "beds": 3},
    }));

    assert_eq!(keys(&drafts), [(Some("K1"), false), (None, false)]);
    assert_eq!(drafts[1].property.list_price, Some(425_000.0));
    assert_eq!(address(&drafts[1]).city, None);
    assert!(drafts[1].ids.is_empty());
}

#[test]
fn analytics_are_told_the_estimate_of_a_home_off_the_market() {
    let told = |status: Value| {
        let drafts =
            found(json!({"adTargets": {"price": "425000", "sqft": "2517", "propertyStatus": status}}));
        (drafts[0].property.list_price, drafts[0].property.standard_status)
    };

    assert_eq!(told(json!("OffMarket")), (None, Some(StandardStatus::Withdrawn)));
    assert_eq!(told(json!("Active")), (Some(425_000.0), None));
    assert_eq!(told(json!("Pending")), (Some(425_000.0), Some(StandardStatus::Pending)));
}

#[test]
fn prefixed_names_of_analytics_are_understood() {
    let budget = PageBudget::for_page(1_000);
    let base = "https://homes.example.com/h/1".parse().unwrap();
    let told = json!([{"event": "view", "ecommerce": {"detail": {"propertyPrice": 425_000, "property_bedrooms": 3}}},
        {"impressions": [{"price": 1_000, "beds": 1}, {"price": 2_000, "beds": 1}]}]);
    let block = StateBlock { data: StateData::Tree(told), name: "dataLayer".to_owned(), is_tracking: true };

    let drafts = drafts(&[block], &base, &budget);

    assert_eq!(keys(&drafts), [(None, false)]);
    assert_eq!(drafts[0].property.bedrooms_total, Some(3));
}

#[test]
fn two_sides_are_one_home_and_a_contract_has_no_key() {
    let draft = one(
        json!({"data": {"listing": {"id": "L1", "price": 5_000}, "property": {"id": "B9", "bedrooms": 2}}}),
    );

    assert_eq!(draft.property.listing_key.as_deref(), Some("L1"));
    assert_eq!((draft.property.list_price, draft.property.bedrooms_total), (Some(5_000.0), Some(2)));
    assert!(draft.ids.iter().eq(["key:L1"]), "{:?}", draft.ids);
}

#[test]
fn keys_of_nested_objects_are_not_those_of_the_home() {
    let draft = home(json!({
        "address": {"id": 55, "city": "Town"}, "price": {"id": 66, "value": 425_000}, "building": {"id": 77},
        "features": [{"id": 88, "label": "Baths", "value": 2}], "images": [{"id": 99, "url": "/1.jpg"}],
    }));

    assert!(draft.ids.iter().eq(["key:K1"]), "{:?}", draft.ids);
}

#[test]
fn an_origin_is_the_path_of_keys() {
    let draft =
        one(json!({"props": {"pageProps": {"listing": {"id": 1, "bedrooms": 2, "price": {"value": 5_000},
        "address": {"city": "Town"}}}}}));

    let fragment = |name: &str| draft.origins[name].fragment.clone();
    assert_eq!(fragment("bedrooms_total"), "S.props.pageProps.listing.bedrooms");
    assert_eq!(fragment("list_price"), "S.props.pageProps.listing.price.value");
    assert_eq!(fragment("address.city"), "S.props.pageProps.listing.address.city");
}

#[test]
fn json_in_texts_is_read_twice_deep() {
    let listing = json!({"listing": {"id": "K1", "price": 425_000, "beds": 3}});
    let once = Value::from(listing.to_string());
    let twice = Value::from(json!({"inner": once}).to_string());
    let thrice = Value::from(json!({"inner": twice}).to_string());

    assert_eq!(found(json!({"cache": once})).len(), 1);
    assert_eq!(found(json!({"cache": twice})).len(), 1);
    assert_eq!(found(json!({"cache": thrice})).len(), 0);
}
