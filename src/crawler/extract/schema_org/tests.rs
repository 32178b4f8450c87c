//! Objects in, drafts out: one test for each kind of thing that schema.org says about a home.

use serde_json::{Value, json};

use super::super::draft::Draft;
use super::super::extraction::Layer;
use super::drafts;
use crate::crawler::budget::PageBudget;
use crate::protocol::property::{ListingType, MediaKind, RentalPeriod, StandardStatus};

fn read(data: &Value) -> Vec<Draft> {
    let base = "https://homes.example.com/page/1".parse().unwrap();
    let budget = PageBudget::for_page(10_000);
    drafts(std::slice::from_ref(data), &base, &budget, Layer::JsonLd)
}

fn one(data: &Value) -> Draft {
    let mut drafts = read(data);
    assert_eq!(drafts.len(), 1, "{data}: {drafts:#?}");
    drafts.remove(0)
}

/// A home with these offers.
fn offered(offers: Value) -> Draft {
    one(&json!({"@type": "House", "numberOfBedrooms": 3, "offers": offers}))
}

fn range(draft: &Draft) -> (Option<f64>, Option<f64>, Option<f64>) {
    let property = &draft.property;
    (property.list_price, property.list_price_low, property.list_price_high)
}

#[test]
fn facts_of_a_home_come_with_their_origin() {
    let draft = one(&json!({"@type": "house", "identifier": "K1", "numberOfBedrooms": {"value": 3},
        "numberOfRooms": {"@type": "QuantitativeValue", "value": 5}, "numberOfFullBathrooms": 2,
        "floorSize": {"value": 120, "unitCode": "MTK"}, "yearBuilt": "1987", "numberOfParkingSpaces": 2,
        "tenure": "Freehold", "datePosted": "2026-03-01"}));

    let property = &draft.property;
    assert!(draft.residence && !draft.in_list && !draft.list_page);
    assert_eq!(property.listing_key.as_deref(), Some("K1"));
    assert_eq!((property.bedrooms_total, draft.rooms, draft.full_baths), (Some(3), Some(5.0), Some(2.0)));
    assert_eq!((property.living_area, property.year_built), (Some(120.0), Some(1987)));
    assert_eq!(property.living_area_units.as_deref(), Some("Square Meters"));
    assert_eq!((property.parking_total, property.tenure.as_deref()), (Some(2), Some("Freehold")));
    assert!(property.listed_at.is_some());
    assert_eq!(draft.origins["bedrooms_total"].fragment, "numberOfBedrooms");
}

#[test]
fn rooms_are_not_bedrooms() {
    let draft = one(&json!({"@type": "Apartment", "numberOfRooms": 4}));

    assert_eq!((draft.rooms, draft.property.bedrooms_total), (Some(4.0), None));
}

#[test]
fn an_offer_has_price_currency_and_status() {
    let draft = offered(json!({"@type": "Offer", "price": "425,000", "priceCurrency": "eur",
        "availability": "https://schema.org/Reserved"}));

    assert_eq!((draft.property.list_price, draft.currency.code()), (Some(425_000.0), Some("EUR")));
    assert_eq!(draft.property.standard_status, Some(StandardStatus::Pending));
    assert_eq!(draft.origins["list_price"].fragment, "offers.price");
}

#[test]
fn a_currency_beside_the_offer_counts_for_its_price() {
    for data in [
        json!({"@type": "House", "priceCurrency": "EUR", "offers": {"price": 425_000}}),
        json!({"@type": "House", "offers": {"priceCurrency": "EUR", "priceSpecification": {"price": 425_000}}}),
        json!({"@type": "House", "priceCurrency": "USD", "offers": {"price": 425_000, "priceCurrency": "EUR"}}),
    ] {
        let draft = one(&data);
        assert_eq!(
            (draft.property.list_price, draft.currency.code()),
            (Some(425_000.0), Some("EUR")),
            "{data}"
        );
    }
}

#[test]
fn a_range_is_no_list_price() {
    let aggregate = json!({"@type": "AggregateOffer", "lowPrice": 425_000, "highPrice": 480_000});
    let specified = json!({"priceSpecification": {"minPrice": 425_000, "maxPrice": 480_000}});
    let ends = (None, Some(425_000.0), Some(480_000.0));

    assert_eq!(range(&offered(aggregate)), ends);
    assert_eq!(range(&offered(specified)), ends);
    let several = json!({"@type": "AggregateOffer", "lowPrice": 425_000, "highPrice": 480_000,
        "offers": [{"price": 425_000}, {"price": 480_000}]});
    assert_eq!(range(&offered(several)), ends);
}

#[test]
fn a_range_of_one_price_is_a_price() {
    for offers in [
        json!({"@type": "AggregateOffer", "lowPrice": 425_000, "highPrice": "425,000"}),
        json!({"@type": "AggregateOffer", "lowPrice": 425_000, "offerCount": 1}),
        json!({"@type": "AggregateOffer", "lowPrice": 425_000, "offers": [{"@type": "Offer", "price": 425_000}]}),
    ] {
        assert_eq!(range(&offered(offers.clone())), (Some(425_000.0), None, None), "{offers}");
    }
}

#[test]
fn prices_that_are_not_current_are_not_taken_for_it() {
    let struck = offered(json!({"priceSpecification": [
        {"priceType": "https://schema.org/StrikethroughPrice", "price": 450_000}, {"price": 425_000}]}));
    let listed = offered(
        json!({"priceSpecification": {"priceType": "https://schema.org/ListPrice", "price": 450_000}}),
    );
    let per_area = offered(json!({"priceSpecification": {"price": 4_100, "unitCode": "MTK"}}));

    assert_eq!(struck.property.list_price, Some(425_000.0));
    assert_eq!(struck.property.original_list_price, Some(450_000.0));
    assert_eq!(listed.property.list_price, Some(450_000.0));
    assert!(!per_area.has_price());
}

#[test]
fn the_first_offer_that_is_to_be_had_is_taken() {
    let auction = offered(json!([{"price": 425_000}, {"price": 430_000}]));
    let sold = offered(json!([{"price": 425_000, "availability": "SoldOut"},
        {"price": 430_000, "availability": "InStock"}]));
    let to_let = one(&json!({"@type": "House", "businessFunction": "LeaseOut", "offers": [
        {"price": 430_000, "businessFunction": "Sell"}, {"price": 1_250, "businessFunction": "LeaseOut"}]}));

    assert_eq!(auction.property.list_price, Some(425_000.0));
    assert_eq!(sold.property.list_price, Some(430_000.0));
    assert_eq!(to_let.property.list_price, Some(1_250.0));
}

#[test]
fn sale_lease_and_period_are_those_of_the_offer() {
    let lease =
        offered(json!({"price": 1_250, "businessFunction": "http://purl.org/goodrelations/v1#LeaseOut"}));
    let sale =
        one(&json!({"@type": "OfferForPurchase", "price": 425_000, "itemOffered": {"@type": "House"}}));

    assert_eq!(lease.property.listing_type, Some(ListingType::Lease));
    assert_eq!(lease.property.rental_period, None);
    assert_eq!(sale.property.listing_type, Some(ListingType::Sale));
    for specification in [
        json!({"price": 1_250, "unitCode": "MON"}),
        json!({"price": 1_250, "unitText": "per month"}),
        json!({"price": 1_250, "referenceQuantity": {"value": 1, "unitCode": "MON"}}),
        json!({"price": 1_250, "billingDuration": "P1M"}),
    ] {
        let rent = offered(json!({"price": 1_250, "priceSpecification": specification}));
        assert_eq!(rent.property.rental_period, Some(RentalPeriod::Month), "{specification}");
        assert_eq!(rent.property.listing_type, Some(ListingType::Lease));
    }
}

#[test]
fn a_seller_gives_its_name_and_nothing_else() {
    let draft = one(&json!({"@type": "Offer", "price": 425_000,
        "seller": {"@type": "RealEstateAgent", "name": "Lakeside Homes", "identifier": "A1", "telephone": "1",
            "address": {"streetAddress": "1 Agent Rd", "addressLocality": "Elsewhere"}, "geo": {"latitude": 1, "longitude": 2}},
        "itemOffered": {"@type": "House", "address": {"streetAddress": "12 Oak St", "addressLocality": "Town"}}}));
    let person = offered(json!({"price": 425_000, "offeredBy": {"@type": "Person", "name": "Ann Lee",
        "worksFor": {"@type": "Organization", "name": "Lakeside Homes"}}}));

    assert_eq!(draft.property.list_office_name.as_deref(), Some("Lakeside Homes"));
    assert_eq!((draft.property.listing_key.clone(), draft.property.latitude), (None, None));
    assert_eq!(draft.property.address.unwrap().city.as_deref(), Some("Town"));
    assert_eq!(person.property.list_agent_name.as_deref(), Some("Ann Lee"));
    assert_eq!(person.property.list_office_name.as_deref(), Some("Lakeside Homes"));
}

#[test]
fn places_are_read_in_every_form() {
    let home = |place: Value| {
        let mut home = json!({"@type": "House"});
        home.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        one(&home).property
    };
    let point =
        |property: &crate::protocol::property::PropertyInput| property.latitude.zip(property.longitude);

    assert_eq!(point(&home(json!({"geo": {"latitude": "52,5", "longitude": "13,4"}}))), Some((52.5, 13.4)));
    assert_eq!(point(&home(json!({"latitude": 52.5, "longitude": 13.4}))), Some((52.5, 13.4)));
    assert_eq!(point(&home(json!({"geo": "52.5,13.4"}))), Some((52.5, 13.4)));
    let link = "https://maps.google.com/?q=52.5,13.4";
    assert_eq!(point(&home(json!({"hasMap": link}))), Some((52.5, 13.4)));
    assert_eq!(point(&home(json!({"hasMap": {"@type": "Map", "url": link}}))), Some((52.5, 13.4)));
    let city = json!({"location": {"@type": "City", "geo": {"latitude": 52.5, "longitude": 13.4}}});
    assert_eq!(point(&home(city)), None);
    let text = home(json!({"address": "12 Oak St, Town"})).address.unwrap();
    assert_eq!(text.unparsed.as_deref(), Some("12 Oak St, Town"));
    let region = home(json!({"address": {"addressRegion": "Bavaria", "addressCountry": {"name": "DE"}}}))
        .address
        .unwrap();
    assert_eq!(
        (region.state_or_province.as_deref(), region.country.as_deref()),
        (Some("Bavaria"), Some("DE"))
    );
}

#[test]
fn a_home_without_an_address_has_that_of_its_building() {
    let building =
        json!({"@type": "ApartmentComplex", "name": "Oak Court", "address": {"streetAddress": "12 Oak St"}});
    let inside = one(&json!({"@type": "Apartment", "containedInPlace": building}));
    let own = one(
        &json!({"@type": "Apartment", "address": {"streetAddress": "9 Elm St"}, "containedInPlace": building}),
    );

    assert_eq!(inside.property.address.unwrap().street.as_deref(), Some("12 Oak St"));
    assert_eq!(own.property.address.unwrap().street.as_deref(), Some("9 Elm St"));
}

#[test]
fn pairs_of_name_and_value_are_facts() {
    let draft = one(&json!({"@type": "Product", "additionalProperty": [
        {"@type": "PropertyValue", "name": "Bedrooms", "value": "3"},
        {"name": "Living area", "value": 120, "unitText": "m²"}, {"name": "Sku", "value": true}],
        "amenityFeature": [{"name": "Bathrooms", "value": 2}, {"name": "Parking", "value": true}]}));

    assert_eq!((draft.property.bedrooms_total, draft.baths), (Some(3), Some(2.0)));
    assert_eq!(draft.property.living_area, Some(120.0));
    assert_eq!(draft.property.parking_total, None);
}

#[test]
fn media_have_their_kinds() {
    let draft = one(
        &json!({"@type": "House", "image": ["/1.jpg", {"@type": "ImageObject", "contentUrl": "/2.jpg",
        "caption": "Kitchen"}, {"@id": "#nowhere"}, {"url": "/3.jpg", "caption": "Floor plan"}],
        "video": {"@type": "VideoObject", "embedUrl": "/v"}, "tourBookingPage": "/tour",
        "accommodationFloorPlan": {"@type": "FloorPlan", "layoutImage": "/plan.png", "numberOfBedrooms": 2}}),
    );

    let mut media: Vec<_> =
        draft.property.media.unwrap().into_iter().map(|media| (media.url, media.kind)).collect();
    media.sort_by(|one, other| one.0.cmp(&other.0));
    let file = |path: &str, kind| (format!("https://homes.example.com{path}"), kind);
    assert_eq!(
        media,
        [
            file("/1.jpg", MediaKind::Photo),
            file("/2.jpg", MediaKind::Photo),
            file("/3.jpg", MediaKind::FloorPlan),
            file("/plan.png", MediaKind::FloorPlan),
            file("/tour", MediaKind::Tour),
            file("/v", MediaKind::Video),
        ]
    );
    assert_eq!(draft.property.bedrooms_total, Some(2));
}

#[test]
fn a_picture_may_be_referred_to() {
    let draft = one(&json!([{"@type": "House", "image": {"@id": "#p"}},
        {"@type": "ImageObject", "@id": "#p", "url": "/1.jpg", "width": 9}]));

    assert_eq!(draft.property.media.unwrap()[0].url, "https://homes.example.com/1.jpg");
}

#[test]
fn the_energy_class_is_the_homes_and_not_the_scales() {
    let class = |details: Value| {
        one(&json!({"@type": "House", "hasEnergyConsumptionDetails": details})).property.energy_rating
    };

    let category = "https://schema.org/EUEnergyEfficiencyCategoryB";
    assert_eq!(class(json!({"hasEnergyEfficiencyCategory": category})).as_deref(), Some("B"));
    assert_eq!(class(json!({"energyEfficiencyScaleMin": category})).as_deref(), Some("B"));
    assert_eq!(class(json!({"energyEfficiencyScaleMin": "G", "energyEfficiencyScaleMax": "A"})), None);
}

#[test]
fn an_additional_type_says_what_a_product_is() {
    let draft =
        one(&json!({"@type": "Product", "additionalType": "http://www.productontology.org/id/House"}));
    let number =
        one(&json!({"@type": "Product", "additionalType": "http://www.wikidata.org/entity/Q11755880"}));

    assert!(draft.residence && !number.residence);
    assert_eq!(number.property.property_type, None);
}

#[test]
fn what_is_not_for_sale_gives_no_draft() {
    for data in [
        json!({"@type": "Event", "location": {"@type": "Place", "address": "1 Rd"}, "offers": {"price": 20}}),
        json!({"@type": "hotelroom", "offers": {"price": 200}}),
        json!({"@type": ["Product", "Car"], "offers": {"price": 20_000}}),
        json!({"@type": "RealEstateAgent", "name": "A", "address": {"streetAddress": "1 Rd"}}),
        json!({"@type": "JobPosting", "title": "Agent"}),
        json!({"@type": "BreadcrumbList", "itemListElement": [{"item": {"@type": "House"}}]}),
    ] {
        assert!(read(&data).is_empty(), "{data}");
    }
}

#[test]
fn a_page_of_results_is_no_home() {
    let results =
        read(&json!({"@type": ["Product", "SearchResultsPage"], "name": "Houses for sale in Leeds",
        "offers": {"@type": "AggregateOffer", "lowPrice": 90_000, "highPrice": 900_000, "offerCount": 240}}));
    let counted = one(&json!({"@type": "Product", "name": "Houses in Leeds",
        "offers": {"@type": "AggregateOffer", "lowPrice": 90_000, "offerCount": 240}}));
    let development = offered(json!({"@type": "AggregateOffer", "lowPrice": 90_000, "offerCount": 3}));

    assert!(!results.is_empty() && results.iter().all(|draft| draft.list_page));
    assert!(counted.list_page);
    assert!(!development.list_page);
}

#[test]
fn entries_of_lists_and_neighbours_are_in_a_list() {
    let home = json!({"@type": "House", "numberOfBedrooms": 2, "url": "/h/2"});
    for data in [
        json!({"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": home}]}),
        json!({"@type": "CollectionPage", "mainEntity": home}),
        json!({"@type": "WebPage", "relatedLink": [home]}),
    ] {
        let homes: Vec<_> = read(&data).into_iter().filter(|draft| !draft.list_page).collect();
        assert!(homes.len() == 1 && homes[0].in_list, "{data}");
    }
    for key in ["isSimilarTo", "isRelatedTo", "containsPlace"] {
        let drafts = read(&json!({"@type": "House", "url": "/h/1", key: [home]}));
        let in_list: Vec<_> = drafts.iter().map(|draft| draft.in_list).collect();
        assert_eq!(in_list, [false, true], "{key}");
    }
    assert!(!one(&json!({"@type": "WebPage", "mainEntity": home})).in_list);
}

#[test]
fn offers_for_several_homes_are_listings_of_their_own() {
    let offer = |number: u32| {
        json!({"@type": "Offer", "price": 100_000 * number,
        "itemOffered": {"@type": "House", "url": format!("/h/{number}")}})
    };
    let drafts = read(&json!({"@type": "Product", "offers": [offer(1), offer(2)]}));
    let one_home = one(&json!({"@type": "House", "@id": "#h", "offers": [
        {"price": 425_000, "itemOffered": {"@id": "#h"}}, {"price": 430_000, "itemOffered": {"@id": "#h"}}]}));

    let listed: Vec<_> =
        drafts.iter().filter(|draft| draft.in_list).filter_map(|draft| draft.property.list_price).collect();
    assert_eq!(listed, [100_000.0, 200_000.0]);
    assert_eq!(one_home.property.list_price, Some(425_000.0));
}

#[test]
fn references_lead_to_the_home_and_loops_end() {
    let drafts = read(&json!([{"@type": "House", "@id": "#home", "numberOfBedrooms": 3},
        {"@type": "Offer", "price": 425_000, "itemOffered": {"@id": "#home"}}]));
    let cycle =
        read(&json!([{"@id": "#a", "@type": "House", "about": {"@id": "#a"}, "mainEntity": {"@id": "#b"}},
        {"@id": "#b", "@type": "Offer", "itemOffered": {"@id": "#a"}, "offers": {"@id": "#b"}}]));

    let [home, offer] = &drafts[..] else { panic!("{drafts:#?}") };
    assert_eq!((offer.property.list_price, offer.property.bedrooms_total), (Some(425_000.0), Some(3)));
    assert!(home.ids.iter().any(|id| offer.ids.contains(id)));
    assert_eq!(cycle.len(), 2);
}

#[test]
fn a_page_that_costs_too_much_gives_no_half_listing() {
    let many: Vec<_> =
        (0..40_000).map(|number| json!({"@type": "House", "name": number, "offers": {"price": 1}})).collect();
    let base = "https://homes.example.com/page/1".parse().unwrap();
    let budget = PageBudget::for_page(0);
    budget.charge_steps(7_900_000);

    let drafts = drafts(&[json!(many)], &base, &budget, Layer::JsonLd);

    assert!(budget.is_spent());
    assert!(drafts.is_empty(), "{}", drafts.len());
}
