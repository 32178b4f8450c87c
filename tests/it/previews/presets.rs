//! Presets: each reads a page of our own making that is written as its platform writes pages.

use std::path::PathBuf;

use lotline::protocol::spider_rules::preset_names;
use serde_json::{Value, json};

use super::sees_preview;
use crate::jobs::nodes::{Crawler, End};
use crate::jobs::site::{Reply, Site};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    every_preset_reads_a_page_of_its_platform,
    presets_are_listed_and_a_spider_names_one,
}

/// A page of a preset's platform and what its rules read of it.
struct Case {
    preset: &'static str,
    path: &'static str,
    /// What has to be said beside the preset.
    rules: Value,
    fields: Value,
}

fn cases() -> Vec<Case> {
    let case = |preset, path, fields| Case { preset, path, rules: json!({}), fields };
    vec![
        case(
            "easy-property-listings",
            "/property/22-wattle-street-fernbay-nsw-2999/",
            json!({
                "list_price": 845_000, "address.street": "22 Wattle Street", "address.city": "Fernbay",
                "address.postal_code": "2999", "bedrooms_total": 4, "bathrooms_total": 2, "parking_total": 2,
                "list_agent_name": "Dot Carey",
            }),
        ),
        case(
            "estatik",
            "/property/corner-loft/",
            json!({
                "listing_key": "BB-3301", "list_price": 1_150_000, "bedrooms_total": 2, "bathrooms_total": 2.5,
                "living_area": 2_040, "year_built": 1911, "stories": 2,
            }),
        ),
        case(
            "houzez",
            "/property/quiet-cottage-at-the-mill/",
            json!({
                "listing_key": "MH-204", "list_price": 412_500, "bedrooms_total": 3, "bathrooms_total": 2,
                "living_area": 1_500, "year_built": 1926, "parking_total": 1, "address.city": "Ashbrook",
                "address.street": "14 Millrace Lane", "list_agent_name": "Ida Fenn",
            }),
        ),
        Case {
            rules: json!({"detail": "/homes/[0-9]+-"}),
            ..case(
                "idx",
                "/homes/41-quarry-road",
                json!({
                    "listing_key": "24-1887", "list_price": 365_900, "bedrooms_total": 3, "bathrooms_total": 2.5,
                    "living_area": 1_712, "year_built": 1984, "list_office_name": "Granite State Brokers",
                }),
            )
        },
        case(
            "realhomes",
            "/property/harbour-flat/",
            json!({
                "listing_key": "QE-77", "list_price": 289_000, "bedrooms_total": 2, "bathrooms_total": 1,
                "living_area": 940, "year_built": 2008, "parking_total": 1, "list_agent_name": "Per Lund",
            }),
        ),
        case(
            "wp-residence",
            "/properties/garden-villa/",
            json!({
                "listing_key": "5512", "list_price": 735_000, "bedrooms_total": 4, "bathrooms_total": 2,
                "living_area": 182, "lot_size_area": 640, "year_built": 1998, "address.city": "Neuhain",
                "address.street": "Lindenweg 3",
            }),
        ),
    ]
}

fn page(preset: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/presets");
    std::fs::read_to_string(folder.join(format!("{preset}.html"))).unwrap()
}

/// A site with every page of the cases, and the list of schema.org.
async fn site() -> Site {
    Site::open(|path| {
        if path == "/homes/" {
            return Reply::Page(page("schema-org"));
        }
        let case = cases().into_iter().find(|case| case.path == path);
        case.map_or(Reply::NotFound, |case| Reply::Page(page(case.preset)))
    })
    .await
}

/// Whole numbers are equal whether or not they are written with a fraction.
fn is_same(value: &Value, expected: &Value) -> bool {
    match (value.as_f64(), expected.as_f64()) {
        (Some(value), Some(expected)) => (value - expected).abs() < 1e-9,
        _ => value == expected,
    }
}

async fn every_preset_reads_a_page_of_its_platform(app: &TestApp) {
    let ann = app.admin("ann").await;
    let site = site().await;
    let crawler = Crawler::of(&[&site]);

    let asked = async {
        let mut seen = Vec::new();
        for case in cases() {
            let body = json!({"url": site.url(case.path), "preset": case.preset, "rules": case.rules});
            seen.push((sees_preview(&ann, &body).await, case));
        }
        let list = json!({"url": site.url("/homes/"), "preset": "schema-org"});
        (seen, sees_preview(&ann, &list).await)
    };
    let (seen, list) = crawler.runs(&app.services, End::Stop, asked).await;

    let mut faults = Vec::new();
    for (preview, case) in &seen {
        let fields = &preview["homes"][0]["fields"];
        for (name, expected) in case.fields.as_object().unwrap() {
            let field = &fields[name];
            if !is_same(&field["value"], expected) || field["layer"] != "rule" {
                faults.push(format!("{}: {name} is {field}, not {expected}", case.preset));
            }
        }
        if preview["kind"] != "detail" {
            faults.push(format!("{}: {preview}", case.preset));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mut tried: Vec<_> = seen.iter().map(|(_, case)| case.preset).chain(["schema-org"]).collect();
    tried.sort_unstable();
    assert_eq!(tried, preset_names().collect::<Vec<_>>(), "every preset has a page");
    // The entries of the list are listings, and its other order is not followed.
    let keys: Vec<_> = list["homes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|home| home["fields"]["listing_key"]["value"].as_str().unwrap_or_default())
        .collect();
    assert_eq!((&list["kind"], keys), (&json!("list"), vec!["T-1", "T-2", "T-3"]), "{list}");
    assert!(!list["links"].to_string().contains("sort=price"), "{list}");
}

async fn presets_are_listed_and_a_spider_names_one(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);

    let first = bob.get("/api/v1/spiders/presets?limit=2").await.json();
    let all = bob.get("/api/v1/spiders/presets").await.json();
    let spider =
        json!({"name": "portal", "runner": "builtin", "preset": "houzez", "detail": "/home/[a-z]+$"});
    let made = ann.post("/api/v1/spiders", &spider).await;
    let reserved = ann.post("/api/v1/spiders", &json!({"name": "presets", "runner": "builtin"})).await;

    let names = |list: &Value| -> Vec<String> {
        let rows = list["data"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&all), preset_names().collect::<Vec<_>>());
    assert_eq!((names(&first), &first["has_more"]), (names(&all)[..2].to_vec(), &json!(true)));
    assert!(
        all["data"].as_array().unwrap().iter().all(|row| !row["description"].as_str().unwrap().is_empty())
    );
    assert_eq!((made.status, &made.json()["preset"]), (201, &json!("houzez")), "{made:?}");
    assert_eq!(reserved.expect_problem(422, "validation_failed")["errors"][0]["pointer"], "/name");
}
