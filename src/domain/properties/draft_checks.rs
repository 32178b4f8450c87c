//! The rules of a reported listing's fields. Each bad field is named, with what would be accepted.

use url::Url;

use super::listing_key::KeyFault;
use crate::base::money::{self, MinorUnits};
use crate::base::{normalize, text, web_url};
use crate::protocol::null_fields::NEVER_EMPTY;
use crate::protocol::problem::{FieldError, PathSegment};
use crate::protocol::property::{Address, Media, PropertyInput};

/// Bytes that `attributes` may take as JSON.
const MAX_ATTRIBUTES: usize = 16 * 1024;
/// Bytes of `description`.
const MAX_DESCRIPTION: usize = 8 * 1024;
const MAX_MEDIA: usize = 100;
const MAX_CAPTION: usize = 300;
/// Bad files of one listing that are named.
const MOST_MEDIA_ERRORS: usize = 10;
const LARGEST_AREA: f64 = 1e12;

/// The prices, by their names.
pub(super) const PRICES: [&str; 5] =
    ["list_price", "list_price_low", "list_price_high", "original_list_price", "close_price"];

/// Collects the bad fields.
#[derive(Default)]
pub(super) struct DraftChecks {
    errors: Vec<FieldError>,
}

impl DraftChecks {
    fn add_error(&mut self, path: &[&str], kind: &str, words: impl Into<String>) {
        let steps: Vec<PathSegment> = path.iter().map(|name| PathSegment::Name((*name).to_owned())).collect();
        self.errors.push(FieldError::in_body(&steps, kind, words));
    }

    pub(super) fn into_result(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    pub(super) fn check_required(
        &mut self,
        name: &str,
        value: Option<String>,
        fault: impl FnOnce(&str) -> Option<KeyFault>,
    ) -> String {
        let value = normalize::exact(&value.unwrap_or_default());
        if let Some((kind, words)) = fault(&value) {
            self.add_error(&[name], kind, words);
        }
        value
    }

    pub(super) fn check_texts(&mut self, input: &mut PropertyInput) {
        for (name, value, most) in [
            ("property_type", &mut input.property_type, 100),
            ("living_area_units", &mut input.living_area_units, 30),
            ("lot_size_units", &mut input.lot_size_units, 30),
            ("energy_rating", &mut input.energy_rating, 20),
            ("tenure", &mut input.tenure, 50),
            ("list_office_name", &mut input.list_office_name, 200),
            ("list_agent_name", &mut input.list_agent_name, 200),
        ] {
            self.check_text(&[name], value, most);
        }
        if let Some(address) = &mut input.address {
            self.check_address(address);
        }
        input.description = input.description.take().filter(|text| !text.trim().is_empty());
        if let Some(text) = &input.description
            && (text.len() > MAX_DESCRIPTION || text.contains('\0'))
        {
            self.add_error(
                &["description"],
                "max_length",
                "must take at most 8 KiB as UTF-8 and have no NUL",
            );
        }
    }

    /// A blank text is one that the source does not have.
    fn check_text(&mut self, path: &[&str], value: &mut Option<String>, most: usize) {
        if value.as_deref().is_some_and(|text| text.trim().is_empty()) {
            *value = None;
        }
        if value.as_deref().is_some_and(|value| !text::has_length(value, 1, most)) {
            self.add_error(path, "max_length", format!("must have at most {most} characters and no NUL"));
        }
    }

    fn check_address(&mut self, address: &mut Address) {
        self.check_text(&["address", "unparsed"], &mut address.unparsed, 300);
        self.check_text(&["address", "street"], &mut address.street, 200);
        self.check_text(&["address", "city"], &mut address.city, 100);
        self.check_text(&["address", "state_or_province"], &mut address.state_or_province, 100);
        self.check_text(&["address", "postal_code"], &mut address.postal_code, 20);
        self.check_text(&["address", "country"], &mut address.country, 100);
    }

    /// The page's host, with the port if it is not the scheme's own.
    pub(super) fn check_source_url(&mut self, source_url: &mut Option<String>) -> Option<String> {
        *source_url = source_url.take().filter(|text| !text.trim().is_empty());
        let url = web_url::parse(source_url.as_deref()?);
        if url.is_none() {
            self.add_error(&["source_url"], "format", web_url::EXPECTED);
        }
        url.map(|url| host_of(&url))
    }

    /// No finer than the currency. Without one the property may have a currency with any decimals: the rest is checked
    /// with it.
    pub(super) fn check_prices(&mut self, input: &PropertyInput) {
        let currency = input.currency.as_deref();
        if currency.is_some_and(|currency| !money::is_currency(currency)) {
            let words = "must be a currency of ISO 4217: three capital letters, such as EUR";
            self.add_error(&["currency"], "currency", words);
        }
        let is_open = currency.is_none() && !input.nulls.has("currency");
        let decimals = if is_open { money::MOST_DECIMALS } else { money::decimals(currency) };
        for (name, price) in PRICES.into_iter().zip(prices_of(input)) {
            if price.is_some_and(|price| MinorUnits::with_decimals(price, decimals).is_none()) {
                self.add_error(&[name], "price", price_error(currency));
            }
        }
        if let (Some(low), Some(high)) = (input.list_price_low, input.list_price_high)
            && low > high
        {
            self.add_error(&["list_price_low"], "range", "must not be above list_price_high");
        }
    }

    pub(super) fn check_numbers(&mut self, input: &PropertyInput) {
        let whole = |number: Option<i64>| number.map(|number| number as f64);
        for (name, figure, most) in [
            ("bedrooms_total", whole(input.bedrooms_total), 10_000.0),
            ("bathrooms_total", input.bathrooms_total, 10_000.0),
            ("rooms_total", input.rooms_total, 10_000.0),
            ("living_area", input.living_area, LARGEST_AREA),
            ("lot_size_area", input.lot_size_area, LARGEST_AREA),
            ("year_built", whole(input.year_built), 9_999.0),
            ("stories", input.stories, 1_000.0),
            ("parking_total", whole(input.parking_total), 10_000.0),
        ] {
            if figure.is_some_and(|figure| !(0.0..=most).contains(&figure)) {
                self.add_error(&[name], "range", format!("must be from 0 to {most}"));
            }
        }
    }

    pub(super) fn check_coordinates(&mut self, input: &PropertyInput) {
        for (name, degrees, most) in
            [("latitude", input.latitude, 90.0), ("longitude", input.longitude, 180.0)]
        {
            if degrees.is_some_and(|degrees| !(-most..=most).contains(&degrees)) {
                self.add_error(&[name], "range", format!("must be from -{most} to {most} degrees"));
            }
        }
        let missing = match (input.latitude, input.longitude) {
            (Some(_), None) => "longitude",
            (None, Some(_)) => "latitude",
            (None, None) | (Some(_), Some(_)) => return self.check_null_coordinates(input),
        };
        self.add_error(&[missing], "required", "is needed: latitude and longitude come together");
    }

    fn check_null_coordinates(&mut self, input: &PropertyInput) {
        let alone = match (input.nulls.has("latitude"), input.nulls.has("longitude")) {
            (true, false) if input.longitude.is_none() => "latitude",
            (false, true) if input.latitude.is_none() => "longitude",
            (true | false, true | false) => return,
        };
        let words = "must not be null alone: latitude and longitude are emptied together";
        self.add_error(&[alone], "null", words);
    }

    /// Fields that are `null` and cannot be emptied. One that is missing at all has its own error; `named` are those
    /// that are known from elsewhere.
    pub(super) fn check_nulls(&mut self, input: &PropertyInput, named: &[&str]) {
        for name in NEVER_EMPTY {
            let is_known = name == "standard_status" || named.contains(&name);
            if is_known && input.nulls.has(name) {
                self.add_error(&[name], "null", "must not be null: it is never empty");
            }
        }
    }

    /// The list in its stored form.
    pub(super) fn take_media(&mut self, input: &mut PropertyInput) -> Option<String> {
        let mut media = input.media.take()?;
        if media.len() > MAX_MEDIA {
            self.add_error(&["media"], "max_items", format!("must have at most {MAX_MEDIA} files"));
            return None;
        }
        let before = self.errors.len();
        for (index, file) in (0..).zip(&mut media) {
            if self.errors.len() - before >= MOST_MEDIA_ERRORS {
                break;
            }
            self.check_file(index, file);
        }
        // Texts always serialise.
        Some(serde_json::to_string(&media).unwrap_or_default())
    }

    fn check_file(&mut self, index: u32, file: &mut Media) {
        let mut add_error = |field: &str, kind: &str, words: String| {
            let path = [
                PathSegment::Name("media".to_owned()),
                PathSegment::Index(index.into()),
                PathSegment::Name(field.to_owned()),
            ];
            self.errors.push(FieldError::in_body(&path, kind, words));
        };
        if web_url::parse(&file.url).is_none() {
            add_error("url", "format", web_url::EXPECTED.to_owned());
        }
        file.caption = file.caption.take().filter(|caption| !caption.trim().is_empty());
        if file.caption.as_deref().is_some_and(|caption| !text::has_length(caption, 1, MAX_CAPTION)) {
            let words = format!("must have at most {MAX_CAPTION} characters and no NUL");
            add_error("caption", "max_length", words);
        }
    }

    /// The values themselves are not kept: as JSON values they take many times the memory of their text.
    pub(super) fn take_attributes(&mut self, input: &mut PropertyInput) -> Option<String> {
        // A map of JSON values always serialises.
        let json = serde_json::to_string(&input.attributes.take()?).unwrap_or_default();
        if json.len() > MAX_ATTRIBUTES {
            self.add_error(&["attributes"], "max_length", "must take at most 16 KiB as JSON");
        }
        Some(json)
    }
}

/// The prices of a listing, in the order of [`PRICES`].
pub(super) fn prices_of(input: &PropertyInput) -> [Option<f64>; 5] {
    [
        input.list_price,
        input.list_price_low,
        input.list_price_high,
        input.original_list_price,
        input.close_price,
    ]
}

/// The error for an amount that the currency cannot express.
pub(super) fn price_error(currency: Option<&str>) -> String {
    let most = MinorUnits::LARGEST.to_major(currency);
    let decimals = money::decimals(currency);
    let of = currency.unwrap_or("a price without currency");
    format!("must be an amount that {of} can express: from 0 to {most}, with at most {decimals} decimals")
}

/// The host of a web URL, which has one.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
