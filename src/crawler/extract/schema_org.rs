//! Reads schema.org data, whichever syntax it came in: finds the homes and offers in a tree of objects and gathers
//! what their nested objects say of them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use url::Url;

use super::bounds::{MAX_DEPTH, MAX_DRAFTS, MAX_URL, VALUE_STEPS, key_steps};
use super::draft::Draft;
use super::field::{Field, KeyRank};
use super::values::{self, Object};
use super::vocabulary;
use crate::crawler::budget::PageBudget;

/// Types of one object that are looked at, the length of each, and the steps that all of them take.
const MAX_TYPES: usize = 16;
const MAX_TYPE_BYTES: usize = 300;
const TYPES_STEPS: u64 = 24;

/// Drafts for everything in `roots` that may be a listing, or a part of one.
pub(super) fn drafts(roots: &[Value], base: &Url, budget: &PageBudget) -> Vec<Draft> {
    let mut reader = Reader { base, by_id: HashMap::new(), drafts: Vec::new(), budget };
    for root in roots {
        reader.index(root, 0);
    }
    for root in roots {
        reader.visit(root, 0);
    }
    reader.drafts
}

/// How an object is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Residence,
    /// An offer, a product or a listing page: a home if what is nested says so.
    Offer,
    /// Never about a home for sale, however it looks inside.
    Foreign,
    Other,
}

struct Reader<'a> {
    base: &'a Url,
    /// Objects by their `@id`, so that a reference can be followed.
    by_id: HashMap<&'a str, &'a Object>,
    drafts: Vec<Draft>,
    budget: &'a PageBudget,
}

/// A draft while it is built, and the objects that are in it already: an object that is referred to twice, or refers
/// back to one it was reached from, adds nothing more.
#[derive(Default)]
struct DraftBuilder {
    draft: Draft,
    things: HashSet<usize>,
    places: HashSet<usize>,
}

impl<'a> Reader<'a> {
    fn charge_value(&self, depth: usize) -> bool {
        depth < MAX_DEPTH && self.drafts.len() < MAX_DRAFTS && self.budget.charge_steps(VALUE_STEPS)
    }

    fn charge_key(&self, key: &str) -> bool {
        self.budget.charge_steps(key_steps(key))
    }

    fn index(&mut self, value: &'a Value, depth: usize) {
        if !self.charge_value(depth) {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.index(value, depth + 1)),
            Value::Object(object) => {
                if let Some(id) = id(object).filter(|_| object.len() > 1) {
                    self.budget.charge_steps(key_steps(id));
                    self.by_id.entry(id).or_insert(object);
                }
                object.values().for_each(|value| self.index(value, depth + 1));
            }
            _ => {}
        }
    }

    /// Looks for listings in `value` and below.
    fn visit(&mut self, value: &'a Value, depth: usize) {
        if !self.charge_value(depth) {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.visit(value, depth + 1)),
            Value::Object(object) => match self.kind(object) {
                Kind::Residence | Kind::Offer => self.read(object, depth),
                Kind::Foreign => {}
                Kind::Other => self.visit_children(object, depth),
            },
            _ => {}
        }
    }

    fn visit_children(&mut self, object: &'a Object, depth: usize) {
        let before = self.drafts.len();
        object.values().for_each(|value| self.visit(value, depth + 1));
        // A ListItem may keep the URL to itself and nest the home below `item`.
        if let (Some(url), [draft]) = (object.get("url"), &mut self.drafts[before..])
            && object.contains_key("item")
            && draft.property.source_url.is_none()
        {
            draft.set(Field::Url, url, self.base, self.budget);
        }
    }

    fn read(&mut self, object: &'a Object, depth: usize) {
        let mut gathering = DraftBuilder::default();
        self.gather(&mut gathering, object, depth);
        // What was gathered when the budget ran out is a part of a listing.
        if self.budget.is_spent() {
            return;
        }
        self.drafts.push(gathering.draft);
        for (key, value) in object {
            if self.charge_key(key) && part(vocabulary::local_name(key)).is_none() {
                self.visit(value, depth + 1);
            }
        }
    }

    /// Adds the facts of `object` to the draft: its own first, then those of the objects that are part of it.
    fn gather(&mut self, gathering: &mut DraftBuilder, object: &'a Object, depth: usize) {
        if !self.charge_value(depth) || !gathering.things.insert(pointer_of(object)) {
            return;
        }
        self.gather_type(&mut gathering.draft, object);
        // Keywords (`@id`) are read above; squeezed they would look like keys.
        for (key, value) in object.iter().filter(|(key, _)| !key.starts_with('@')) {
            if !self.charge_key(key) {
                return;
            }
            let key = vocabulary::local_name(key);
            if let Some(field) =
                vocabulary::field_for_key(&vocabulary::normalize_key(key)).filter(|_| part(key).is_none())
            {
                gathering.draft.set(field, value, self.base, self.budget);
            }
        }
        for (key, value) in object {
            if !self.charge_key(key) {
                return;
            }
            match part(vocabulary::local_name(key)) {
                Some(Part::Thing) => self.gather_things(gathering, value, depth),
                Some(Part::Place) => self.gather_place(gathering, value, depth),
                Some(Part::Price) => gather_price(&mut gathering.draft, value, self.base, self.budget),
                Some(Part::Properties) => {
                    gather_properties(&mut gathering.draft, value, self.base, self.budget);
                }
                None => {}
            }
        }
    }

    fn gather_type(&self, draft: &mut Draft, object: &Object) {
        self.budget.charge_steps(TYPES_STEPS);
        let residence = types(object).find_map(vocabulary::residence_type);
        if let Some(word) = residence {
            draft.residence = true;
            draft.set(Field::PropertyType, &Value::from(word), self.base, self.budget);
        }
        let Some(id) = id(object) else { return };
        self.budget.charge_steps(TYPES_STEPS + (self.base.as_str().len() + id.len()) as u64);
        let Ok(absolute) = self.base.join(id) else { return };
        draft.add_id(format!("id:{absolute}"));
        // An @id that is no URL (or `urn:`) is the site's own key; one that is only a fragment names a node of the
        // page, and any other URL is the listing's page.
        let web =
            matches!(Url::parse(id).map(|url| url.scheme().to_owned()).as_deref(), Ok("http" | "https"));
        if id.starts_with("urn:") {
            draft.set(
                Field::Key(KeyRank::Any),
                &Value::from(vocabulary::local_name(id)),
                self.base,
                self.budget,
            );
        } else if web && residence.is_some() && !object.contains_key("url") {
            draft.set(Field::Url, &Value::from(id), self.base, self.budget);
        } else if !web && !id.starts_with(['#', '/', '_']) {
            draft.set(Field::Key(KeyRank::Any), &Value::from(id), self.base, self.budget);
        }
    }

    /// Objects that are the same listing from another side: its offer, its home, what it is about.
    fn gather_things(&mut self, gathering: &mut DraftBuilder, value: &'a Value, depth: usize) {
        let things = self.objects(value);
        // An offer for each of several homes: they are listings of their own.
        if things.iter().filter(|thing| self.describes_a_home(thing)).take(2).count() > 1 {
            return things.into_iter().for_each(|thing| self.visit_object(thing, depth + 1));
        }
        for thing in things {
            match self.kind(thing) {
                Kind::Foreign => {}
                Kind::Other if types(thing).next().is_some() && !is_place(thing) => {
                    self.visit_object(thing, depth + 1);
                }
                Kind::Residence | Kind::Offer | Kind::Other => self.gather(gathering, thing, depth + 1),
            }
        }
    }

    fn visit_object(&mut self, object: &'a Object, depth: usize) {
        if !self.charge_value(depth) {
            return;
        }
        match self.kind(object) {
            Kind::Residence | Kind::Offer => self.read(object, depth),
            Kind::Foreign => {}
            Kind::Other => self.visit_children(object, depth),
        }
    }

    fn kind(&self, object: &Object) -> Kind {
        self.budget.charge_steps(TYPES_STEPS);
        kind(object)
    }

    fn describes_a_home(&self, object: &'a Object) -> bool {
        let offers = |key: &str| self.charge_key(key) && vocabulary::local_name(key) == "itemOffered";
        self.kind(object) == Kind::Residence || object.keys().any(|key| offers(key))
    }

    fn gather_place(&mut self, gathering: &mut DraftBuilder, value: &'a Value, depth: usize) {
        if value.is_string() {
            return gathering.draft.set(Field::Unparsed, value, self.base, self.budget);
        }
        if !self.charge_value(depth) {
            return;
        }
        for place in self.objects(value).into_iter().take(4) {
            if !gathering.places.insert(pointer_of(place)) {
                continue;
            }
            for (key, value) in place {
                if !self.charge_key(key) {
                    return;
                }
                let key = vocabulary::local_name(key);
                if part(key) == Some(Part::Place) {
                    self.gather_place(gathering, value, depth + 1);
                } else if let Some(field) = vocabulary::field_for_key(&vocabulary::normalize_key(key))
                    .filter(|field| field.is_location())
                {
                    gathering.draft.set(field, value, self.base, self.budget);
                }
            }
        }
    }

    /// The objects that `value` holds or refers to.
    fn objects(&self, value: &'a Value) -> Vec<&'a Object> {
        let values = match value {
            Value::Array(values) => &values[..],
            other => std::slice::from_ref(other),
        };
        let values = values.iter().take(MAX_DRAFTS).take_while(|_| self.budget.charge_steps(VALUE_STEPS));
        values.filter_map(|value| self.object(value)).collect()
    }

    fn object(&self, value: &'a Value) -> Option<&'a Object> {
        let object = value.as_object()?;
        let id = id(object).filter(|id| object.len() <= 2 && self.charge_key(id));
        Some(id.and_then(|id| self.by_id.get(id).copied()).unwrap_or(object))
    }
}

/// What a nested value is to the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Thing,
    Place,
    Price,
    Properties,
}

fn part(key: &str) -> Option<Part> {
    match key {
        "offers" | "itemOffered" | "mainEntity" | "about" | "object" | "accommodationFloorPlan" | "item" => {
            Some(Part::Thing)
        }
        "address" | "geo" | "location" => Some(Part::Place),
        "priceSpecification" => Some(Part::Price),
        "additionalProperty" => Some(Part::Properties),
        _ => None,
    }
}

/// What an object is called. An `@id` that no link could have names nothing.
fn id(object: &Object) -> Option<&str> {
    object.get("@id")?.as_str().filter(|id| id.len() <= MAX_URL)
}

/// The identity of an object: the tree does not move while it is read.
fn pointer_of(object: &Object) -> usize {
    std::ptr::from_ref(object).addr()
}

fn types(object: &Object) -> impl Iterator<Item = &str> {
    let types = object.get("@type").or_else(|| object.get("type"));
    let types = match types {
        Some(Value::Array(types)) => &types[..],
        Some(other) => std::slice::from_ref(other),
        None => &[],
    };
    let types = types.iter().take(MAX_TYPES).filter_map(Value::as_str);
    types.filter(|name| name.len() <= MAX_TYPE_BYTES).map(vocabulary::local_name)
}

fn kind(object: &Object) -> Kind {
    let mut kind = Kind::Other;
    for name in types(object) {
        if vocabulary::residence_type(name).is_some() {
            return Kind::Residence;
        }
        match name {
            "Offer" | "AggregateOffer" | "OfferForLease" | "OfferForPurchase" | "Demand" | "Product"
            | "IndividualProduct" | "ProductModel" | "RealEstateListing" | "SellAction" | "RentAction" => {
                kind = Kind::Offer;
            }
            "BreadcrumbList" | "Organization" | "Person" | "JobPosting" | "Review" | "AggregateRating" => {
                kind = Kind::Foreign;
            }
            name if name.ends_with("Event") => kind = Kind::Foreign,
            _ => {}
        }
    }
    kind
}

fn is_place(object: &Object) -> bool {
    types(object).any(|name| matches!(name, "Place" | "FloorPlan" | "PostalAddress" | "Thing"))
}

fn gather_price(draft: &mut Draft, value: &Value, base: &Url, budget: &PageBudget) {
    let specification = match value {
        Value::Array(values) => values.first(),
        other => Some(other),
    };
    let Some(specification @ Value::Object(object)) = specification else { return };
    draft.set(Field::ListPrice, specification, base, budget);
    let unit = object.get("unitCode").or_else(|| object.get("unitText")).and_then(Value::as_str);
    let unit = unit.filter(|unit| unit.len() <= MAX_TYPE_BYTES);
    draft.price_period = draft.price_period.or(match unit.map(vocabulary::normalize_key).as_deref() {
        Some("mon" | "month" | "monthly") => Some("month"),
        Some("wee" | "week" | "weekly") => Some("week"),
        Some("day" | "daily" | "night") => Some("day"),
        Some("ann" | "year" | "yearly") => Some("year"),
        _ => None,
    });
}

/// `additionalProperty` and its like: name and value pairs.
pub(super) fn gather_properties(draft: &mut Draft, value: &Value, base: &Url, budget: &PageBudget) {
    let pairs = match value {
        Value::Array(values) => &values[..],
        other => std::slice::from_ref(other),
    };
    for whole in pairs.iter().take(200) {
        let Value::Object(pair) = whole else { continue };
        let get = |keys: &[&str]| keys.iter().find_map(|key| pair.get(*key));
        let Some(name) = get(&["name", "label", "key", "propertyID"]) else { continue };
        if !budget.charge_steps(VALUE_STEPS + values::cost(name)) {
            return;
        }
        let (Some(name), Some(value)) = (values::text(name, 60), get(&["value"])) else { continue };
        let field =
            vocabulary::field_for_key(&vocabulary::normalize_key(&name)).filter(|field| field.is_home_fact());
        if let Some(field) = field.filter(|_| !value.is_object()) {
            // The unit is beside the value, where an area's reader looks for it.
            let has_unit = pair.contains_key("unitCode") || pair.contains_key("unitText");
            draft.set(field, if has_unit { whole } else { value }, base, budget);
        }
    }
}
