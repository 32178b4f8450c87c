//! A property as linked data, by `Accept`.

use lotline::auth::key_scope::KeyScope;
use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    a_property_is_linked_data_for_a_client_that_asks_for_it,
}

async fn reads(who: &Caller<'_>, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = who.app.http.get(who.app.url(path)).bearer_auth(who.token());
    Response::send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

async fn a_property_is_linked_data_for_a_client_that_asks_for_it(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let home = json!({ "source": "homes.example", "listing_key": "A-1", "property_type": "Apartment",
        "list_price": 250_000, "currency": "EUR", "listing_type": "sale", "rooms_total": 3,
        "living_area": 81.5, "living_area_units": "Square Meters",
        "address": { "street": "Am Markt 1", "city": "Köln", "country": "DE" }, "latitude": 50.9, "longitude": 6.9 });
    let made = worker.post("/api/v1/properties/batch", &json!({ "items": [home] })).await.json();
    let path = format!("/api/v1/properties/{}", made["results"][0]["property_id"]);

    let linked = reads(&ann, &path, &[("accept", "application/ld+json")]).await;
    let plain = reads(&ann, &path, &[("accept", "application/json")]).await;

    assert_eq!((linked.status, linked.header("content-type")), (200, Some("application/ld+json")));
    assert_eq!(
        linked.json(),
        json!({
            "@context": "https://schema.org", "@type": "RealEstateListing",
            "identifier": { "@type": "PropertyValue", "propertyID": "homes.example", "value": "A-1" },
            "offers": { "@type": "Offer", "price": 250_000.0, "priceCurrency": "EUR",
                "businessFunction": "http://purl.org/goodrelations/v1#Sell",
                "availability": "https://schema.org/InStock" },
            "mainEntity": { "@type": "Apartment", "accommodationCategory": "Apartment", "numberOfRooms": 3.0,
                "floorSize": { "@type": "QuantitativeValue", "value": 81.5, "unitCode": "MTK" },
                "address": { "@type": "PostalAddress", "streetAddress": "Am Markt 1", "addressLocality": "Köln",
                    "addressCountry": "DE" },
                "geo": { "@type": "GeoCoordinates", "latitude": 50.9, "longitude": 6.9 } },
        })
    );
    for answer in [&linked, &plain] {
        let varies = answer.headers.get_all("vary").iter().any(|value| value == "Accept");
        assert!(varies, "{answer:?}");
    }
    let tag = linked.header("etag").unwrap();
    assert_ne!(Some(tag), plain.header("etag"));
    let again = [("accept", "application/ld+json"), ("if-none-match", tag)];
    assert_eq!(
        (reads(&ann, &path, &again).await.status, reads(&ann, &path, &again).await.text.as_str()),
        (304, "")
    );
    assert_eq!(reads(&ann, &path, &[("if-none-match", tag)]).await.status, 200, "another representation");
    assert_eq!(reads(&ann, &path, &[("accept", "*/*")]).await.json(), plain.json());
    let never = reads(&ann, "/api/v1/properties/999999", &[("accept", "application/ld+json")]).await;
    never.expect_problem(404, "not_found");
}
