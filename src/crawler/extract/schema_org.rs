//! Reads schema.org data, whichever syntax it came in: finds the homes and offers in a tree of objects and gathers what
//! their nested objects say of them.

use std::collections::HashMap;

use serde_json::Value;
use url::Url;

use super::draft::Draft;
use super::field::{Field, KeyRank};
use super::values::{self, Object};
use super::words;
use super::{MAX_DEPTH, MAX_DRAFTS, MAX_VALUES};

/// Drafts for everything in `roots` that may be a listing, or a part of one.
pub(super) fn drafts(roots: &[Value], base: &Url) -> Vec<Draft> {
    let mut reader = Reader { base, by_id: HashMap::new(), drafts: Vec::new(), values_left: MAX_VALUES };
    for root in roots {
        reader.index(root, 0);
    }
    reader.values_left = MAX_VALUES;
    for root in roots {
        reader.visit(root, 0);
    }
    reader.drafts
}

/// What an object is to us.
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
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn spend(&mut self, depth: usize) -> bool {
        let goes_on = depth < MAX_DEPTH && self.values_left > 0 && self.drafts.len() < MAX_DRAFTS;
        self.values_left = self.values_left.saturating_sub(1);
        goes_on
    }

    fn index(&mut self, value: &'a Value, depth: usize) {
        if !self.spend(depth) {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.index(value, depth + 1)),
            Value::Object(object) => {
                if let Some(id) = object.get("@id").and_then(Value::as_str).filter(|_| object.len() > 1) {
                    self.by_id.entry(id).or_insert(object);
                }
                object.values().for_each(|value| self.index(value, depth + 1));
            }
            _ => {}
        }
    }

    /// Looks for listings in `value` and below.
    fn visit(&mut self, value: &'a Value, depth: usize) {
        if !self.spend(depth) {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.visit(value, depth + 1)),
            Value::Object(object) => match kind(object) {
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
            draft.set(Field::Url, url, self.base);
        }
    }

    fn read(&mut self, object: &'a Object, depth: usize) {
        let mut draft = Draft::default();
        self.gather(&mut draft, object, depth);
        self.drafts.push(draft);
        let rest = object.iter().filter(|(key, _)| part(words::local_name(key)).is_none());
        rest.for_each(|(_, value)| self.visit(value, depth + 1));
    }

    /// Puts what `object` says into `draft`: its own facts first, then those of the objects that are part of it.
    fn gather(&mut self, draft: &mut Draft, object: &'a Object, depth: usize) {
        if !self.spend(depth) {
            return;
        }
        self.gather_type(draft, object);
        // Keywords (`@id`) are read above; squeezed they would look like keys.
        for (key, value) in object.iter().filter(|(key, _)| !key.starts_with('@')) {
            let key = words::local_name(key);
            if let Some(field) = words::field(&words::squeezed(key)).filter(|_| part(key).is_none()) {
                draft.set(field, value, self.base);
            }
        }
        for (key, value) in object {
            match part(words::local_name(key)) {
                Some(Part::Thing) => self.gather_things(draft, value, depth),
                Some(Part::Place) => self.gather_place(draft, value, depth),
                Some(Part::Price) => gather_price(draft, value, self.base),
                Some(Part::Properties) => gather_properties(draft, value, self.base),
                None => {}
            }
        }
    }

    fn gather_type(&mut self, draft: &mut Draft, object: &Object) {
        let residence = types(object).find_map(words::residence);
        if let Some(word) = residence {
            draft.residence = true;
            draft.set(Field::PropertyType, &Value::from(word), self.base);
        }
        let Some(id) = object.get("@id").and_then(Value::as_str) else { return };
        let Ok(absolute) = self.base.join(id) else { return };
        draft.ids.insert(format!("id:{absolute}"));
        // An @id that is no URL (or `urn:`) is the site's own key; one that is only a fragment names a node of the
        // page, and any other URL is the listing's page.
        let web =
            matches!(Url::parse(id).map(|url| url.scheme().to_owned()).as_deref(), Ok("http" | "https"));
        if id.starts_with("urn:") {
            draft.set(Field::Key(KeyRank::Any), &Value::from(words::local_name(id)), self.base);
        } else if web && residence.is_some() && !object.contains_key("url") {
            draft.set(Field::Url, &Value::from(id), self.base);
        } else if !web && !id.starts_with(['#', '/', '_']) {
            draft.set(Field::Key(KeyRank::Any), &Value::from(id), self.base);
        }
    }

    /// Objects that are the same listing from another side: its offer, its home, what it is about.
    fn gather_things(&mut self, draft: &mut Draft, value: &'a Value, depth: usize) {
        let things = self.objects(value);
        // An offer for each of several homes: they are listings of their own.
        if things.iter().filter(|thing| self.describes_a_home(thing)).count() > 1 {
            return things.into_iter().for_each(|thing| self.visit_object(thing, depth + 1));
        }
        for thing in things {
            match kind(thing) {
                Kind::Foreign => {}
                Kind::Other if types(thing).next().is_some() && !is_place(thing) => {
                    self.visit_object(thing, depth + 1);
                }
                Kind::Residence | Kind::Offer | Kind::Other => self.gather(draft, thing, depth + 1),
            }
        }
    }

    fn visit_object(&mut self, object: &'a Object, depth: usize) {
        if !self.spend(depth) {
            return;
        }
        match kind(object) {
            Kind::Residence | Kind::Offer => self.read(object, depth),
            Kind::Foreign => {}
            Kind::Other => self.visit_children(object, depth),
        }
    }

    fn describes_a_home(&self, object: &'a Object) -> bool {
        let offered = || object.iter().find(|(key, _)| words::local_name(key) == "itemOffered");
        kind(object) == Kind::Residence || offered().is_some()
    }

    fn gather_place(&mut self, draft: &mut Draft, value: &'a Value, depth: usize) {
        if value.is_string() {
            return draft.set(Field::Unparsed, value, self.base);
        }
        if !self.spend(depth) {
            return;
        }
        for place in self.objects(value).into_iter().take(4) {
            for (key, value) in place {
                let key = words::local_name(key);
                if part(key) == Some(Part::Place) {
                    self.gather_place(draft, value, depth + 1);
                } else if let Some(field) =
                    words::field(&words::squeezed(key)).filter(|field| field.is_of_a_place())
                {
                    draft.set(field, value, self.base);
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
        values.iter().take(MAX_DRAFTS).filter_map(|value| self.object(value)).collect()
    }

    fn object(&self, value: &'a Value) -> Option<&'a Object> {
        let object = value.as_object()?;
        let id = object.get("@id").and_then(Value::as_str).filter(|_| object.len() <= 2);
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

fn types(object: &Object) -> impl Iterator<Item = &str> {
    let types = object.get("@type").or_else(|| object.get("type"));
    let types = match types {
        Some(Value::Array(types)) => &types[..],
        Some(other) => std::slice::from_ref(other),
        None => &[],
    };
    types.iter().take(16).filter_map(Value::as_str).map(words::local_name)
}

fn kind(object: &Object) -> Kind {
    let mut kind = Kind::Other;
    for name in types(object) {
        if words::residence(name).is_some() {
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

fn gather_price(draft: &mut Draft, value: &Value, base: &Url) {
    let specification = match value {
        Value::Array(values) => values.first(),
        other => Some(other),
    };
    let Some(Value::Object(object)) = specification else { return };
    draft.set(Field::ListPrice, &Value::Object(object.clone()), base);
    let unit = object.get("unitCode").or_else(|| object.get("unitText")).and_then(Value::as_str);
    draft.price_period = draft.price_period.or(match unit.map(words::squeezed).as_deref() {
        Some("mon" | "month" | "monthly") => Some("month"),
        Some("wee" | "week" | "weekly") => Some("week"),
        Some("day" | "daily" | "night") => Some("day"),
        Some("ann" | "year" | "yearly") => Some("year"),
        _ => None,
    });
}

/// `additionalProperty` and its like: name and value pairs.
pub(super) fn gather_properties(draft: &mut Draft, value: &Value, base: &Url) {
    let pairs = match value {
        Value::Array(values) => &values[..],
        other => std::slice::from_ref(other),
    };
    for pair in pairs.iter().take(200).filter_map(Value::as_object) {
        let get = |keys: &[&str]| keys.iter().find_map(|key| pair.get(*key));
        let name = get(&["name", "label", "key", "propertyID"]).and_then(|name| values::text(name, 60));
        let (Some(name), Some(value)) = (name, get(&["value"])) else { continue };
        let field = words::field(&words::squeezed(&name)).filter(|field| field.is_of_a_home());
        if let Some(field) = field.filter(|_| !value.is_object()) {
            // The unit stands beside the value, where an area is looked for.
            let whole = if pair.contains_key("unitCode") || pair.contains_key("unitText") {
                Value::Object(pair.clone())
            } else {
                value.clone()
            };
            draft.set(field, &whole, base);
        }
    }
}
