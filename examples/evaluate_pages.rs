//! Reads the pages of a folder as a crawl would, and prints a Markdown table of what came out and from which layer.
//!
//! ```sh
//! scripts/evaluate-pages DIR
//! ```
//!
//! Each `NAME.html` is a page; the first line of `NAME.url`, if it exists, is its address. `expected.jsonl` holds what is
//! right, one page a line: `{"file", "kind", "price", "currency", "bedrooms", "city", "street", …, "also": {field: [other
//! right values]}}`, where `null` means that the page does not say it. With it, what is right, wrong and missing is
//! counted for each field.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use lotline::crawler::extract::Listing;
use lotline::crawler::links::AllowedHosts;
use lotline::crawler::reading::{self, PageText, Reading, ReadingLimits};
use lotline::protocol::spider_rules::CompiledRules;
use serde_json::{Map, Value};
use url::Url;

/// What the table shows of a listing, by name on the wire.
const COLUMNS: [(&str, &[&str]); 7] = [
    ("price", &["list_price", "list_price_low", "list_price_high", "close_price"]),
    ("currency", &["currency"]),
    (
        "address",
        &[
            "address.street",
            "address.unparsed",
            "address.postal_code",
            "address.city",
            "address.state_or_province",
            "address.country",
        ],
    ),
    ("rooms", &["bedrooms_total", "rooms_total", "bathrooms_total"]),
    ("area", &["living_area", "lot_size_area"]),
    ("status", &["standard_status", "listing_type", "rental_period"]),
    ("type", &["property_type"]),
];
/// Short names in `expected.jsonl`; any other field has its name on the wire.
const SHORT_NAMES: [(&str, &str); 14] = [
    ("key", "listing_key"),
    ("price", "list_price"),
    ("low", "list_price_low"),
    ("high", "list_price_high"),
    ("bedrooms", "bedrooms_total"),
    ("bathrooms", "bathrooms_total"),
    ("rooms", "rooms_total"),
    ("area", "living_area"),
    ("area_units", "living_area_units"),
    ("status", "standard_status"),
    ("type", "property_type"),
    ("street", "address.street"),
    ("city", "address.city"),
    ("postal_code", "address.postal_code"),
];

#[derive(Parser)]
struct Options {
    /// The folder of the pages.
    folder: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let expected = expected(&options.folder.join("expected.jsonl"))?;
    let mut scores = BTreeMap::new();
    println!("{}", header());
    for path in pages(&options.folder)? {
        let page = SavedPage::load(&path)?;
        let reading = page.read();
        println!("{}", row(&page, &reading));
        if let Some(wanted) = expected.get(&page.name) {
            score(&mut scores, &reading, wanted);
        }
    }
    if !scores.is_empty() {
        println!("\n{}", summary(&scores));
    }
    Ok(())
}

fn pages(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut pages: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "html")).collect();
    pages.sort();
    Ok(pages)
}

struct SavedPage {
    /// The name of its file.
    name: String,
    url: Url,
    html: String,
}

impl SavedPage {
    fn load(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stated = fs::read_to_string(path.with_extension("url")).ok();
        let stated = stated.as_deref().and_then(|text| text.lines().next()).map(str::trim);
        let address = stated.map_or_else(|| format!("https://homes.example.com/{name}"), str::to_owned);
        let url = Url::parse(&address).map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { name, url, html: String::from_utf8_lossy(&bytes).into_owned() })
    }

    fn read(&self) -> Reading {
        let page = PageText::of_html(&self.url, &self.html);
        let limits = ReadingLimits { links: 2_000, listings: 500 };
        reading::read(&page, &AllowedHosts::of([&self.url], &[]), limits, &CompiledRules::default())
    }
}

fn header() -> String {
    let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let rule = "|---".repeat(names.len() + 6);
    format!("| page | kind | listings | teasers | key | {} | signs |\n{rule}|", names.join(" | "))
}

fn row(page: &SavedPage, reading: &Reading) -> String {
    let extraction = &reading.extraction;
    let listing = extraction.listings.first();
    let property = listing.map(property_json);
    let told = listing.zip(property.as_ref());
    let cells = COLUMNS.iter().map(|(_, fields)| {
        let shown =
            fields.iter().filter_map(|field| told.and_then(|(listing, json)| cell(listing, json, field)));
        shown.collect::<Vec<_>>().join(", ")
    });
    let key = told.and_then(|(listing, json)| {
        Some(format!(
            "{}{}",
            plain(lookup(json, "listing_key")?),
            if listing.told_key { "" } else { " (path)" }
        ))
    });
    let start = [
        page.name.clone(),
        extraction.kind.name().to_owned(),
        extraction.listings.len().to_string(),
        extraction.teasers.len().to_string(),
        key.unwrap_or_default(),
    ];
    let all: Vec<_> =
        start.into_iter().chain(cells).chain([signs(reading)]).map(|cell| escape(&cell)).collect();
    format!("| {} |", all.join(" | "))
}

/// A value and the layer that told it.
fn cell(listing: &Listing, json: &Value, field: &str) -> Option<String> {
    let value = plain(lookup(json, field)?);
    let unit = match field {
        "living_area" => lookup(json, "living_area_units").map(plain),
        "lot_size_area" => lookup(json, "lot_size_units").map(plain),
        _ => None,
    };
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let layer = listing.origins.get(field).map(|origin| format!(" ({})", origin.layer.name()));
    let inferred = if field == "currency" && listing.inferred_currency { " inferred" } else { "" };
    Some(format!("{value}{unit}{inferred}{}", layer.unwrap_or_default()))
}

fn signs(reading: &Reading) -> String {
    let signs = reading.extraction.signs;
    let truncated = reading.truncated.map(|reason| format!("truncated: {reason}"));
    let named = [(signs.gone, "gone"), (signs.wall, "wall"), (signs.looks_like_listing, "told nothing")];
    let named = named.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned());
    named.chain(truncated).collect::<Vec<_>>().join(", ")
}

fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

fn property_json(listing: &Listing) -> Value {
    serde_json::to_value(&listing.property).unwrap_or_default()
}

/// A field by its name on the wire; dots reach into objects.
fn lookup<'a>(json: &'a Value, field: &str) -> Option<&'a Value> {
    field.split('.').try_fold(json, |value, part| value.get(part))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What is right, by the name of the page's file.
fn expected(path: &Path) -> Result<BTreeMap<String, Map<String, Value>>, String> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(BTreeMap::new()) };
    let mut pages = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()))?;
        let file = line.get("file").and_then(Value::as_str).unwrap_or_default().to_owned();
        pages.insert(file, line);
    }
    Ok(pages)
}

/// How often a field was told.
#[derive(Default)]
struct Score {
    right: u32,
    wrong: u32,
    missing: u32,
    /// Told although the page does not say it.
    invented: u32,
}

fn score(scores: &mut BTreeMap<String, Score>, reading: &Reading, wanted: &Map<String, Value>) {
    let property = reading.extraction.listings.first().map(property_json);
    let also = wanted.get("also").and_then(Value::as_object);
    for (name, right) in wanted.iter().filter(|(name, _)| !matches!(name.as_str(), "file" | "also")) {
        let field =
            SHORT_NAMES.iter().find(|(short, _)| short == name).map_or(name.as_str(), |(_, field)| field);
        let told = match field {
            "kind" => Some(Value::from(reading.extraction.kind.name())),
            _ => property.as_ref().and_then(|json| lookup(json, field)).cloned(),
        };
        let others = also.and_then(|also| also.get(name)).and_then(Value::as_array);
        let accepted: Vec<_> = std::iter::once(right).chain(others.into_iter().flatten()).collect();
        let score = scores.entry(name.clone()).or_default();
        match told {
            Some(told) if accepted.iter().any(|right| is_same(&told, right)) => score.right += 1,
            Some(_) if accepted.iter().all(|right| right.is_null()) => score.invented += 1,
            Some(_) => score.wrong += 1,
            None if accepted.iter().any(|right| right.is_null()) => {}
            None => score.missing += 1,
        }
    }
}

/// Equal numbers, or texts that are equal without case, blanks and punctuation.
fn is_same(told: &Value, right: &Value) -> bool {
    if let (Some(told), Some(right)) = (told.as_f64(), right.as_f64()) {
        return (told - right).abs() < 0.01;
    }
    let fold = |value: &Value| -> String {
        plain(value).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    !right.is_null() && fold(told) == fold(right)
}

fn summary(scores: &BTreeMap<String, Score>) -> String {
    let mut table =
        "| field | right | wrong | missing | invented | precision | recall |\n|---|---|---|---|---|---|---|"
            .to_owned();
    for (field, Score { right, wrong, missing, invented }) in scores {
        let precision = share(*right, right + wrong + invented);
        let recall = share(*right, right + wrong + missing);
        table.push_str(&format!(
            "\n| {field} | {right} | {wrong} | {missing} | {invented} | {precision} | {recall} |"
        ));
    }
    table
}

fn share(part: u32, whole: u32) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.3}", f64::from(part) / f64::from(whole)) }
}
