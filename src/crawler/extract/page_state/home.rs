//! Puts together what page state says of one home: the fields of its object, and those of the objects below it that
//! are parts of it.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;
use url::Url;

use super::super::bounds::{VALUE_STEPS, key_steps, value_steps};
use super::super::draft::{At, Draft};
use super::super::extraction::Layer;
use super::super::field::{Field, KeyRank};
use super::super::references::{Links, address_of};
use super::super::values::{self, Object};
use super::super::vocabulary::fold_key;
use super::classes::KeyClass;
use super::keys::{self, Meaning};
use crate::base::text::{truncate, truncate_start};
use crate::crawler::budget::PageBudget;
use crate::protocol::property::StandardStatus;

/// How deep the parts of one home nest: `location.address.coordinate`.
const MAX_PARTS: usize = 6;
/// Objects that one home is gathered from.
const MAX_OBJECTS: usize = 300;
/// Bytes of a key on the path of an origin, and of the path.
const MAX_SEGMENT: usize = 40;
const MAX_FRAGMENT: usize = 80;
/// Keys of the plain value that an object stands for, best first.
const PLAIN_KEYS: [&str; 16] = [
    "value",
    "raw",
    "rawValue",
    "amount",
    "count",
    "total",
    "label",
    "text",
    "name",
    "displayName",
    "displayValue",
    "formatted",
    "title",
    "rating",
    "code",
    "key",
];

/// What is shared while a block is read.
#[derive(Clone, Copy)]
pub(super) struct Scope<'v> {
    pub(super) base: &'v Url,
    pub(super) budget: &'v PageBudget,
    pub(super) links: Links<'v>,
}

/// An entry of an object, with the value that it refers to.
#[derive(Clone, Copy)]
pub(super) struct Entry<'v> {
    pub(super) key: &'v str,
    /// The value as it is written; another one than `value` where it is a reference.
    pub(super) written: &'v Value,
    pub(super) value: &'v Value,
    pub(super) meaning: Meaning,
}

impl<'v> Scope<'v> {
    /// The entries of an object, as far as the budget lasts.
    pub(super) fn entries(self, object: &'v Object) -> Vec<Entry<'v>> {
        let affordable = object.iter().take_while(|(key, _)| {
            self.budget.charge_steps(VALUE_STEPS + key_steps(truncate(key, 4 * MAX_SEGMENT)))
        });
        let affordable =
            affordable.take_while(|(_, written)| self.budget.charge_steps(self.links.follow_steps(written)));
        let entries = affordable.map(|(key, written)| {
            let value = self.links.follow(written);
            let meaning = keys::meaning(key, value.is_object() || value.is_array());
            Entry { key, written, value, meaning }
        });
        entries.collect()
    }

    /// The text, number or flag that `value` is or stands for: `{"value": 3}`, `{"id": 3, "label": "Sold"}`, `["x"]`.
    pub(super) fn plain(self, value: &'v Value) -> Option<&'v Value> {
        match value {
            Value::Object(object) => PLAIN_KEYS.iter().find_map(|key| {
                let held = self.links.follow(object.get(*key)?);
                is_plain(held).then_some(held)
            }),
            Value::Array(values) => match &values[..] {
                [one] => Some(self.links.follow(one)).filter(|one| is_plain(one)),
                _ => None,
            },
            other => is_plain(other).then_some(other),
        }
    }

    /// A short text at `value`, or inside of an object there.
    pub(super) fn text(self, value: &'v Value, most: usize) -> Option<String> {
        let plain = self.links.plain(self.plain(value)?, self.budget);
        if !self.budget.charge_steps(value_steps(&plain)) {
            return None;
        }
        values::text(&plain, most)
    }
}

fn is_plain(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

/// What an object is to the home that is gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The home itself; `Named` when it has a key of its own or stands where a home does, so that all that is below it
    /// without a key belongs to it.
    Whole,
    Named,
    Place,
    Facts,
    /// An object under a key that means nothing.
    Unknown,
    /// What is told to analytics. It names no listing.
    Tracking,
}

impl Role {
    pub(super) fn accepts(self, field: Field) -> bool {
        use Field::*;
        match self {
            Self::Whole | Self::Named => true,
            Self::Place => field.is_location(),
            Self::Facts => !matches!(field, Key(KeyRank::Any) | Url | Name | Description | Media(_)),
            Self::Unknown => matches!(
                field,
                Bedrooms
                    | Rooms
                    | Baths
                    | FullBaths
                    | HalfBaths
                    | LivingArea(_)
                    | LivingAreaUnits
                    | LotSize(_)
                    | LotSizeUnits
                    | YearBuilt
                    | Stories
                    | PropertyType
                    | EnergyRating
                    | Parking
                    | Tenure
                    | ListedAt
            ),
            Self::Tracking => !matches!(
                field,
                Key(_) | Url | Name | Description | Media(_) | SoldFlag | State | OfficeName | AgentName
            ),
        }
    }

    /// Whether the object describes the home as a whole.
    pub(super) fn is_home(self) -> bool {
        matches!(self, Self::Whole | Self::Named)
    }
}

/// A home while it is gathered.
pub(super) struct Home<'v> {
    pub(super) scope: Scope<'v>,
    pub(super) draft: Draft,
    path: String,
    /// Objects that are in it already, where several references may lead to one.
    seen: HashSet<usize>,
    objects_left: usize,
    pub(super) media: usize,
}

impl<'v> Home<'v> {
    /// `path` is the path of keys to its object.
    pub(super) fn new(scope: Scope<'v>, path: &str) -> Self {
        Self {
            scope,
            draft: Draft::new(Layer::PageState),
            path: path.to_owned(),
            seen: HashSet::new(),
            objects_left: MAX_OBJECTS,
            media: 0,
        }
    }

    /// Adds what the object with these entries says.
    pub(super) fn gather(&mut self, entries: &[Entry<'v>], role: Role, depth: usize) {
        self.set_fields(entries, role);
        if role == Role::Tracking {
            return;
        }
        for entry in entries.iter().filter(|entry| entry.value.is_object() || entry.value.is_array()) {
            self.within(entry.key, |home| home.gather_part(entry, role, depth));
        }
        if role.is_home() {
            self.set_badges(entries);
        }
    }

    /// Adds what an object below the home says.
    pub(super) fn gather_object(&mut self, value: &'v Value, role: Role, depth: usize) {
        let Value::Object(object) = value else { return };
        let Some(left) = self.objects_left.checked_sub(1).filter(|_| depth < MAX_PARTS) else { return };
        self.objects_left = left;
        if self.scope.links.may_share() && !self.seen.insert(address_of(value)) {
            return;
        }
        let entries = self.scope.entries(object);
        self.gather(&entries, role, depth);
    }

    fn set_fields(&mut self, entries: &[Entry<'v>], role: Role) {
        let beside_place = role == Role::Place || entries.iter().any(|entry| self.is_address_part(entry));
        let mut prices = Vec::new();
        for entry in entries {
            let place = || (role == Role::Place).then(|| keys::place_field(entry.key)).flatten();
            match entry.meaning.field.or_else(place).filter(|field| role.accepts(*field)) {
                Some(Field::State) => self.set_state(entry, role, beside_place),
                Some(Field::Status) if role == Role::Tracking => self.set_told_status(entry),
                Some(Field::ListPrice) if is_plain(entry.value) => prices.push(entry),
                // Read below: a price may be a part, and the ends of a range count where there is no price.
                Some(Field::ListPrice | Field::PriceLow | Field::PriceHigh) => {}
                Some(field) if role == Role::Tracking && field.is_location() => {
                    self.set_told_place(entry, field);
                }
                Some(field) if is_value(entry.meaning.class) => self.set_entry(entry, field),
                Some(_) => {}
                None if role.is_home() => self.set_flag(entry),
                None => {}
            }
        }
        prices.sort_by_key(|entry| keys::price_rank(entry.key));
        prices.into_iter().for_each(|entry| self.set_price(entry.value, entry.key));
        self.set_range(entries, role);
    }

    fn is_address_part(&self, entry: &Entry<'v>) -> bool {
        use Field::*;
        let part = matches!(entry.meaning.field, Some(City | PostalCode | Street | Country | Unparsed));
        part && self.scope.plain(entry.value).is_some()
    }

    /// Analytics are told names in a form of their own, such as `los_angeles`; those are no names of places.
    fn set_told_place(&mut self, entry: &Entry<'v>, field: Field) {
        let is_name =
            |text: &str| !text.contains('_') && text.contains(|c: char| !c.is_lowercase() && c != '-');
        match entry.value {
            Value::String(text) if !is_name(truncate(text, 300)) => {}
            _ => self.set_entry(entry, field),
        }
    }

    /// The status of an event or a request is none of the home, and "active" is a default.
    fn set_told_status(&mut self, entry: &Entry<'v>) {
        let is_plain_name = matches!(fold_key(keys::key_name(entry.key)).as_str(), "status" | "availability");
        let Some(text) = self.scope.text(entry.value, 60).filter(|_| !is_plain_name) else { return };
        if values::status(&text).is_some_and(|status| status != StandardStatus::Active) {
            self.set(Field::Status, &Value::from(text), entry.key);
        }
    }

    /// A state of the application is no province: it is one beside other parts of an address only.
    fn set_state(&mut self, entry: &Entry<'v>, role: Role, beside_place: bool) {
        let Some(text) = self.scope.text(entry.value, 100) else { return };
        let means_status = values::status(&text).is_some();
        let field = match (means_status, beside_place) {
            (true, _) if role.is_home() => Field::Status,
            (false, true) => Field::State,
            _ => return,
        };
        self.set(field, &Value::from(text), entry.key);
    }

    fn set_range(&mut self, entries: &[Entry<'v>], role: Role) {
        if self.draft.has_price() || role == Role::Place || role == Role::Unknown {
            return;
        }
        for entry in entries {
            if let Some(field @ (Field::PriceLow | Field::PriceHigh)) = entry.meaning.field {
                self.set_entry(entry, field);
            }
        }
    }

    fn set_entry(&mut self, entry: &Entry<'v>, field: Field) {
        if is_measure(field) && !is_plain(entry.value) {
            let whole = self.scope.links.resolved(entry.value, self.scope.budget);
            return self.set(field, &whole, entry.key);
        }
        let Some(plain) = self.scope.plain(entry.value) else { return };
        // Only one field is a flag, and one that is not set says nothing.
        let is_wanted = match plain {
            Value::Bool(flag) => *flag && field == Field::SoldFlag,
            _ => true,
        };
        if is_wanted {
            self.set_value(field, plain, entry.key);
        }
    }

    /// Flags, and types whose key says only that they are one.
    fn set_flag(&mut self, entry: &Entry<'v>) {
        if *entry.value == Value::Bool(true) {
            if let Some(word) = keys::flag_status(entry.key) {
                self.set(Field::Status, &Value::from(word), entry.key);
            } else if let Some(word) = keys::listing_type_word(entry.key) {
                self.set(Field::ListingType, &Value::from(word), entry.key);
            }
            return;
        }
        if !matches!(entry.key, "type" | "category" | "subcategory" | "subType" | "kind" | "types") {
            return;
        }
        if let Some(text) = self.scope.text(entry.value, 60) {
            let field = if values::property_type(&text).is_some() {
                Field::PropertyType
            } else if values::listing_type(&text).is_some() {
                Field::ListingType
            } else {
                return;
            };
            self.set(field, &Value::from(text), entry.key);
        }
    }

    fn gather_part(&mut self, entry: &Entry<'v>, role: Role, depth: usize) {
        let Entry { key, value, meaning, .. } = *entry;
        let describes = role.is_home() || role == Role::Facts;
        match meaning.class {
            Some(KeyClass::Address) if describes || role == Role::Place => {
                self.gather_place(value, key, depth);
            }
            Some(KeyClass::Geo) if describes || role == Role::Place => self.gather_point(value, key, depth),
            Some(KeyClass::Price) if describes => self.gather_price(value, key, 0),
            Some(KeyClass::Facts) if role != Role::Place => self.gather_facts(value, key, role, depth),
            Some(KeyClass::Media(kind)) if role.is_home() => self.gather_media(value, kind, 0),
            Some(KeyClass::Party(party)) if role.is_home() => self.gather_party(value, party),
            None if meaning.field == Some(Field::ListPrice) && describes => self.gather_price(value, key, 0),
            None if meaning.field.is_none() => self.gather_unknown(value, role, depth),
            _ => {}
        }
    }

    /// What has no key of its own below a home that has one belongs to it.
    fn gather_unknown(&mut self, value: &'v Value, role: Role, depth: usize) {
        let role = match role {
            Role::Place => Role::Place,
            Role::Named | Role::Facts | Role::Unknown => Role::Unknown,
            Role::Whole | Role::Tracking => return,
        };
        match value {
            Value::Object(object) if has_own_key(object) => {}
            Value::Array(values) if role == Role::Unknown => self.gather_pairs(values, role, depth + 1),
            _ => self.gather_object(value, role, depth + 1),
        }
    }

    /// Sets a field to a plain value of the state.
    pub(super) fn set_value(&mut self, field: Field, value: &'v Value, key: &str) {
        let plain: Cow<'v, Value> = self.scope.links.plain(value, self.scope.budget);
        self.set(field, &plain, key);
    }

    pub(super) fn set(&mut self, field: Field, value: &Value, key: &str) {
        let fragment = fragment(&self.path, key);
        let at = At { base: self.scope.base, budget: self.scope.budget, fragment: &fragment };
        self.draft.set(field, value, &at);
    }

    /// Reads below `key`, which is on the path meanwhile.
    pub(super) fn within(&mut self, key: &str, read: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        push_key(&mut self.path, key);
        read(self);
        self.path.truncate(length);
    }
}

/// Whether the object has a key of its own.
pub(super) fn has_own_key(object: &Object) -> bool {
    ["id", "_id", "listingId", "propertyId", "uuid"].iter().any(|key| object.contains_key(*key))
}

/// Adds a key to a path.
pub(super) fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(truncate(keys::key_name(key), MAX_SEGMENT));
}

/// The end of the path to `key`.
fn fragment(path: &str, key: &str) -> String {
    let key = truncate(keys::key_name(key), MAX_SEGMENT);
    let mut whole = truncate_start(path, MAX_FRAGMENT).to_owned();
    // A part is read at its own key.
    if path != key && !path.ends_with(&format!(".{key}")) {
        push_key(&mut whole, key);
    }
    truncate_start(&whole, MAX_FRAGMENT).to_owned()
}

/// Whether an object in the place of the value is read as a whole: it has the unit or the currency.
pub(super) fn is_measure(field: Field) -> bool {
    matches!(
        field,
        Field::LivingArea(_)
            | Field::LotSize(_)
            | Field::PriceLow
            | Field::PriceHigh
            | Field::OriginalListPrice
            | Field::ClosePrice
    )
}

/// Whether a value under a key of this class is that of a field; the others are parts, or other things than the home.
fn is_value(class: Option<KeyClass>) -> bool {
    matches!(class, None | Some(KeyClass::Facts | KeyClass::Badges | KeyClass::Setting))
}
