//! Finds listings in page state by the names of their keys. No site's layout is known here; a price beside a fact of
//! a home makes a listing.

use serde_json::Value;
use url::Url;

use super::bounds::{MAX_DEPTH, MAX_DRAFTS, VALUE_STEPS, key_steps};
use super::draft::Draft;
use super::field::Field;
use super::values::Object;
use super::{json, schema_org, vocabulary};
use crate::crawler::budget::PageBudget;

/// How deep JSON may hide inside of strings.
const MAX_STRINGS: usize = 2;
/// How deep the parts of one listing nest: `location.address.coordinate`.
const MAX_PARTS: usize = 4;

/// Drafts for every object in `values` that looks like a listing.
pub(super) fn drafts(values: &[Value], base: &Url, budget: &PageBudget) -> Vec<Draft> {
    let mut search = Search { base, drafts: Vec::new(), budget };
    for value in values {
        search.visit(value, Depth::default());
    }
    search.drafts
}

#[derive(Clone, Copy, Default)]
struct Depth {
    values: usize,
    strings: usize,
}

struct Search<'a> {
    base: &'a Url,
    drafts: Vec<Draft>,
    budget: &'a PageBudget,
}

impl Search<'_> {
    fn visit(&mut self, value: &Value, depth: Depth) {
        let goes_on = depth.values < MAX_DEPTH && self.drafts.len() < MAX_DRAFTS;
        if !goes_on || !self.budget.charge_steps(VALUE_STEPS) {
            return;
        }
        let below = Depth { values: depth.values + 1, ..depth };
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.visit(value, below)),
            Value::Object(object) => self.visit_object(object, below),
            Value::String(text) => self.visit_string(text, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn visit_object(&mut self, object: &Object, depth: Depth) {
        let draft = self.listing(object);
        let taken = draft.is_some();
        // What was gathered when the budget ran out is a part of a listing.
        self.drafts.extend(draft.filter(|_| !self.budget.is_spent()));
        for (key, value) in object {
            if !self.budget.charge_steps(key_steps(key)) {
                return;
            }
            let key = vocabulary::normalize_key(key);
            // The parts of a listing are read already; what else it holds may be its neighbours.
            if !is_search_filter(&key) && !(taken && (part(&key).is_some() || is_holder(&key))) {
                self.visit(value, depth);
            }
        }
    }

    /// Caches keep whole answers as text.
    fn visit_string(&mut self, text: &str, depth: Depth) {
        let data = text.len() > 40 && text.starts_with(['{', '[']) && text.ends_with(['}', ']']);
        if data
            && depth.strings < MAX_STRINGS
            && let Some(value) = json::parse(text, self.budget)
        {
            self.visit(&value, Depth { strings: depth.strings + 1, ..depth });
        }
    }

    fn listing(&self, object: &Object) -> Option<Draft> {
        let draft = self.read(object);
        if is_whole(&draft) {
            return Some(draft);
        }
        // `{listing: {price}, property: {bedrooms}}`: neither is a listing by itself, together they are.
        let holders = object.iter().filter(|(key, value)| {
            self.budget.charge_steps(key_steps(key));
            value.is_object() && is_holder(&vocabulary::normalize_key(key))
        });
        let held: Vec<_> =
            holders.filter_map(|(_, value)| value.as_object()).map(|held| self.read(held)).collect();
        if held.len() < 2 || held.iter().any(is_whole) {
            return None;
        }
        let whole = held.into_iter().fold(draft, |mut whole, part| {
            whole.merge_from(part);
            whole
        });
        is_whole(&whole).then_some(whole)
    }

    fn read(&self, object: &Object) -> Draft {
        let mut draft = Draft::default();
        self.gather(&mut draft, object, Part::Whole, 0);
        draft
    }

    fn gather(&self, draft: &mut Draft, object: &Object, role: Part, depth: usize) {
        if depth >= MAX_PARTS {
            return;
        }
        let mut parts = Vec::new();
        for (key, value) in object {
            if !self.budget.charge_steps(key_steps(key)) {
                return;
            }
            let key = vocabulary::normalize_key(key);
            match part(&key) {
                Some(part) if value.is_object() || value.is_array() => parts.push((part, value)),
                _ if key == "address" => draft.set(Field::Unparsed, value, self.base, self.budget),
                _ => {
                    let field = vocabulary::field_for_key(&key)
                        .filter(|field| role.accepts(*field) && suits(*field, value));
                    if let Some(field) = field {
                        draft.set(field, value, self.base, self.budget);
                    }
                }
            }
        }
        for (part, value) in parts {
            match value {
                Value::Object(object) => self.gather(draft, object, part, depth + 1),
                Value::Array(values) if part == Part::Place => self.gather_point(draft, object, values),
                other if part == Part::Facts => {
                    schema_org::gather_properties(draft, other, self.base, self.budget);
                }
                _ => {}
            }
        }
    }

    /// GeoJSON writes longitude first; an array without `Point` is ambiguous and is ignored.
    fn gather_point(&self, draft: &mut Draft, object: &Object, values: &[Value]) {
        if let (Some("Point"), [longitude, latitude, ..]) =
            (object.get("type").and_then(Value::as_str), values)
        {
            draft.set(Field::Latitude, latitude, self.base, self.budget);
            draft.set(Field::Longitude, longitude, self.base, self.budget);
        }
    }
}

/// Whether it is a complete listing. Without a price it needs a street: saved searches have beds and a type as well.
fn is_whole(draft: &Draft) -> bool {
    draft.is_listing() && (draft.has_price() || draft.has_street())
}

/// What an object is to the listing that it was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Place,
    Facts,
}

impl Part {
    fn accepts(self, field: Field) -> bool {
        match self {
            Self::Whole => true,
            Self::Place => field.is_location(),
            Self::Facts => field.is_home_fact(),
        }
    }
}

/// Prices and areas may be objects; anything else in an object is a part of its own or nothing.
fn suits(field: Field, value: &Value) -> bool {
    let measured = matches!(
        field,
        Field::ListPrice
            | Field::OriginalListPrice
            | Field::ClosePrice
            | Field::LivingArea(_)
            | Field::LotSize(_)
    );
    value.is_string() || value.is_number() || (measured && value.is_object())
}

fn part(key: &str) -> Option<Part> {
    match key {
        "address" | "location" | "geo" | "coordinate" | "coordinates" | "coords" | "latlong" | "latlng"
        | "geolocation" | "geopoint" | "position" => Some(Part::Place),
        "description" | "details" | "facts" | "features" | "specs" | "attributes" | "resofacts"
        | "basics" | "homeinfo" | "hdpdata" | "propertydetails" | "listingdetails" | "buildingdetails"
        | "building" | "characteristics" | "floorplan" => Some(Part::Facts),
        _ => None,
    }
}

/// Keys that hold one side of a listing.
fn is_holder(key: &str) -> bool {
    matches!(key, "listing" | "property" | "home" | "house" | "unit" | "realestate" | "offer" | "ad")
}

/// Keys that hold the visitor's search: it has prices and bedrooms and is no listing.
fn is_search_filter(key: &str) -> bool {
    matches!(
        key,
        "filter"
            | "filters"
            | "facets"
            | "filterstate"
            | "query"
            | "searchparams"
            | "searchquery"
            | "searchcriteria"
            | "params"
            | "savedsearch"
            | "savedsearches"
            | "querystate"
            | "defaultfilters"
    )
}
