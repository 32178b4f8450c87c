//! The table of small pages, `tests/fixtures/extraction-cases.jsonl`: each is read as a crawl would read it, and what
//! comes out is compared field by field.

use serde_json::Value;
use url::Url;

use super::Listing;
use crate::crawler::links::AllowedHosts;
use crate::crawler::reading::{self, PageText, Reading, ReadingLimits};
use crate::protocol::spider_rules::CompiledRules;

const CASES: &str = include_str!("../../../tests/fixtures/extraction-cases.jsonl");

/// Cases that are not met, by name, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Where the pages are served: with the key in the address, and with another number.
const ADDRESSES: [fn(usize) -> String; 2] = [
    |at| format!("https://homes.example.com/listing/{}", key(at)),
    |at| format!("https://homes.example.com/p/{at}"),
];

fn key(at: usize) -> String {
    format!("K1-{at:03}")
}

struct Case {
    name: String,
    html: String,
    expect: serde_json::Map<String, Value>,
}

fn cases() -> Vec<Case> {
    let parsed = CASES.lines().enumerate().map(|(at, line)| {
        let line: Value = serde_json::from_str(&line.replace("K1", &key(at))).unwrap();
        Case {
            name: format!("{}: {}", line["group"].as_str().unwrap(), line["name"].as_str().unwrap()),
            html: line["html"].as_str().unwrap().to_owned(),
            expect: line["expect"].as_object().unwrap().clone(),
        }
    });
    parsed.collect()
}

fn read(case: &Case, address: &str) -> Reading {
    let url: Url = address.parse().unwrap();
    let page = PageText::of_html(&url, &case.html);
    let limits = ReadingLimits { links: 100, listings: 100 };
    reading::read(&page, &AllowedHosts::of([&url], &[]), limits, &CompiledRules::default())
}

/// What is wrong with the reading, one entry a field.
fn faults(case: &Case, reading: &Reading) -> Vec<String> {
    let listings = &reading.extraction.listings;
    let mut faults = Vec::new();
    let needs_listing = case.expect.keys().any(|field| field != "n");
    if needs_listing && listings.len() != 1 {
        faults.push(format!("{} listings", listings.len()));
    }
    for (field, wanted) in &case.expect {
        let is_right = match field.as_str() {
            "n" => wanted.as_u64() == Some(listings.len() as u64),
            _ => listings.first().is_some_and(|listing| is_as_wanted(listing, field, wanted)),
        };
        if !is_right {
            faults.push(format!("{field} is not {wanted}"));
        }
    }
    faults
}

fn is_as_wanted(listing: &Listing, field: &str, wanted: &Value) -> bool {
    let property = serde_json::to_value(&listing.property).unwrap();
    let told = field.split('.').fold(&property, |value, part| &value[part]);
    match wanted {
        Value::String(text) if text == "*" => true,
        Value::String(text) if text == "*path" => !listing.told_key,
        Value::Number(number) => told.as_f64() == number.as_f64(),
        other => told == other,
    }
}

#[test]
fn every_case_comes_out_right_or_has_a_reason() {
    let cases = cases();
    assert!(cases.len() >= 138, "{}", cases.len());
    let mut wrong = Vec::new();
    for address in ADDRESSES {
        for (at, case) in cases.iter().enumerate() {
            let reading = read(case, &address(at));
            let faults = faults(case, &reading);
            if !faults.is_empty() && !EXCEPTIONS.iter().any(|(name, _)| *name == case.name) {
                let listings: Vec<_> = reading.extraction.listings.iter().map(|one| &one.property).collect();
                let told = serde_json::to_string(&listings).unwrap();
                wrong.push(format!(
                    "{} at {}: {}\n    told {told}",
                    case.name,
                    address(at),
                    faults.join("; ")
                ));
            }
        }
    }

    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn exceptions_are_cases_and_few() {
    let names: Vec<_> = cases().into_iter().map(|case| case.name).collect();

    assert!(
        EXCEPTIONS.iter().all(|(name, reason)| names.iter().any(|known| known == name) && !reason.is_empty())
    );
    assert!(EXCEPTIONS.len() * 50 <= names.len(), "more than two of a hundred");
}
