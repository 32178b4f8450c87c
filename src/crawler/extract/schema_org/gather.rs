//! Gathers the facts of a listing: those of an object first, then those of the objects that are parts of it.

use std::collections::HashSet;

use serde_json::Value;
use url::Url;

use super::super::draft::Draft;
use super::super::field::{Field, KeyRank};
use super::super::values::{self, Object};
use super::super::vocabulary::local_name;
use super::draft_builder::DraftBuilder;
use super::kinds::{self, Kind};
use super::parts::{self, Part};
use super::prices::PriceFacts;
use super::properties;
use super::reader::Reader;
use super::source::Source;

/// Values of one list of identifiers that are looked at.
const MAX_IDENTIFIERS: usize = 8;
/// Steps of resolving an identifier, beside those for its length.
const ID_STEPS: u64 = 48;

/// A part of an object: what it is, its name as written, its value.
pub(super) type PartOf<'a> = (Part, &'a str, &'a Value);

impl<'a> Reader<'a> {
    /// Adds the facts of `object`, which was reached by the property `role`.
    pub(super) fn gather(
        &mut self,
        builder: &mut DraftBuilder<'a>,
        object: &'a Object,
        depth: usize,
        role: &'a str,
    ) {
        if !self.charge_value(depth) || !builder.things.insert(kinds::pointer_of(object)) {
            return;
        }
        self.gather_type(builder, object, role);
        let source = self.source(role);
        let mut prices = PriceFacts::default();
        let mut found: Vec<PartOf<'a>> = Vec::new();
        // Keywords (`@id`) are read above; squeezed they would look like keys.
        for (name, value) in object.iter().filter(|(name, _)| !name.starts_with('@')) {
            let Some(key) = self.key(name) else { return };
            let name = local_name(name);
            if prices.take(&key, value) {
                continue;
            }
            match parts::part(&key) {
                // It must be known when one of several offers is taken.
                Some(Part::Business) => {
                    if let Some(word) = properties::business(value) {
                        builder.set_business(source, name, word);
                    }
                }
                Some(part) => found.push((part, name, value)),
                None => {
                    if let Some(field) = parts::field(&key) {
                        set_field(&mut builder.draft, source, field, name, value);
                    }
                }
            }
        }
        // What the home says of its place comes before what its building says.
        found.sort_by_key(|(part, ..)| *part == Part::Building);
        self.gather_prices(builder, &prices, &found, depth, role);
        for (part, name, value) in found {
            if part != Part::Offers {
                self.gather_part(builder, part, name, value, depth);
            }
        }
    }

    fn gather_part(
        &mut self,
        builder: &mut DraftBuilder<'a>,
        part: Part,
        name: &'a str,
        value: &'a Value,
        depth: usize,
    ) {
        let source = self.source("");
        match part {
            Part::Thing => self.gather_things(builder, value, depth, name),
            Part::FloorPlan => self.gather_floor_plans(builder, value, depth, name),
            Part::Place => self.gather_place(builder, value, depth, name),
            Part::Building => self.gather_building(builder, value, depth, name),
            Part::Map => self.gather_map(builder, value, name),
            Part::Properties => {
                properties::gather_pairs(&mut builder.draft, value, source);
            }
            Part::Media(kind) => self.gather_media(builder, kind, name, value),
            Part::Seller => self.gather_sellers(builder, name, value),
            Part::Energy => {
                if let Some(class) = self.energy_class(name, value) {
                    source.set_text(&mut builder.draft, Field::EnergyRating, name, &class);
                }
            }
            Part::AdditionalType => properties::set_additional_type(&mut builder.draft, value, source),
            Part::Offers | Part::Business | Part::List => {}
        }
    }

    fn gather_type(&self, builder: &mut DraftBuilder<'a>, object: &'a Object, role: &str) {
        self.budget.charge_steps(kinds::type_steps(object));
        let source = self.source(role);
        let is_residence = kinds::kind(object) == Kind::Residence;
        if is_residence {
            builder.draft.residence = true;
            for word in kinds::types(object).filter_map(values::residence_type) {
                source.set_text(&mut builder.draft, Field::PropertyType, "@type", word);
            }
        }
        if let Some(word) = kinds::business(object) {
            builder.set_business(source, "@type", word);
        }
        let Some(id) = kinds::id(object) else { return };
        let base = source.base;
        self.budget.charge_steps(ID_STEPS + (base.as_str().len() + id.len()) as u64);
        let Ok(absolute) = base.join(id) else { return };
        let draft = &mut builder.draft;
        draft.add_id(format!("id:{absolute}"));
        // An @id that is no URL (or `urn:`) is the site's own key; one that is only a fragment names a node of the
        // page, and any other URL is the listing's page.
        let web =
            matches!(Url::parse(id).map(|url| url.scheme().to_owned()).as_deref(), Ok("http" | "https"));
        if id.starts_with("urn:") {
            source.set_text(draft, Field::Key(KeyRank::Any), "@id", local_name(id));
        } else if web && is_residence && !object.contains_key("url") {
            source.set_text(draft, Field::Url, "@id", id);
        } else if !web && !id.starts_with(['#', '/', '_']) {
            source.set_text(draft, Field::Key(KeyRank::Any), "@id", id);
        }
    }

    /// Objects that are the same listing from another side: its home, what it is about.
    pub(super) fn gather_things(
        &mut self,
        builder: &mut DraftBuilder<'a>,
        value: &'a Value,
        depth: usize,
        role: &'a str,
    ) {
        let things = self.objects(value);
        let offers = things.iter().filter(|thing| self.kind(thing) == Kind::Offer).take(2).count();
        // Several homes, or several products: they are listings of their own.
        if offers > 1 || self.describe_several_homes(builder, &things) {
            return self.listed(|reader| {
                things.into_iter().for_each(|thing| reader.visit_object(thing, depth + 1));
            });
        }
        for thing in things {
            match self.kind(thing) {
                Kind::Foreign => {}
                Kind::List => self.visit_object(thing, depth + 1),
                Kind::Other if kinds::types(thing).next().is_some() && !kinds::is_place(thing) => {
                    self.visit_object(thing, depth + 1);
                }
                Kind::Residence | Kind::Offer | Kind::Other => self.gather(builder, thing, depth + 1, role),
            }
        }
    }

    /// The plan of a home has facts of it; several are those of the homes in a building, or levels of one home.
    fn gather_floor_plans(
        &mut self,
        builder: &mut DraftBuilder<'a>,
        value: &'a Value,
        depth: usize,
        role: &'a str,
    ) {
        let plans = self.objects(value);
        if let [plan] = plans[..] {
            return self.gather(builder, plan, depth + 1, role);
        }
        for (name, value) in plans.into_iter().flatten() {
            let Some(key) = self.key(name) else { return };
            if let Some(Part::Media(kind)) = parts::part(&key) {
                self.gather_media(builder, kind, local_name(name), value);
            }
        }
    }

    /// Whether `things` are, or offer, more than one home that is not in the draft already.
    pub(super) fn describe_several_homes(&self, builder: &DraftBuilder<'a>, things: &[&'a Object]) -> bool {
        let mut homes = HashSet::new();
        for thing in things {
            homes.extend(self.homes_of(thing).into_iter().filter(|home| !builder.things.contains(home)));
            if homes.len() > 1 {
                return true;
            }
        }
        false
    }

    /// The identities of the homes that `thing` is or offers.
    pub(super) fn homes_of(&self, thing: &'a Object) -> Vec<usize> {
        if self.kind(thing) == Kind::Residence {
            return vec![kinds::pointer_of(thing)];
        }
        let offered = thing.iter().filter(|(key, _)| self.key(key).as_deref() == Some("itemoffered"));
        let offered = offered.flat_map(|(_, value)| self.objects(value));
        let homes = offered.filter(|home| self.kind(home) != Kind::Foreign);
        homes.map(kinds::pointer_of).collect()
    }
}

fn set_field(draft: &mut Draft, source: Source<'_>, field: Field, name: &str, value: &Value) {
    match value {
        // Each identifier is a name of the listing, not only the first.
        Value::Array(identifiers) if matches!(field, Field::Key(_)) => {
            for identifier in identifiers.iter().take(MAX_IDENTIFIERS).filter(|value| !value.is_array()) {
                source.set(draft, field, name, identifier);
            }
        }
        value => source.set(draft, field, name, value),
    }
}
