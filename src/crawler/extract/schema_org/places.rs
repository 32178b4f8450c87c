//! Where a home is: its address, its coordinates, a link to a map, and the building that it is in.

use serde_json::Value;

use super::super::field::Field;
use super::super::vocabulary::local_name;
use super::draft_builder::DraftBuilder;
use super::kinds::{self, Kind};
use super::parts::{self, Part};
use super::reader::Reader;

/// Places in the place of one that are looked at.
const MAX_PLACES: usize = 4;

impl<'a> Reader<'a> {
    pub(super) fn gather_place(
        &self,
        builder: &mut DraftBuilder<'a>,
        value: &'a Value,
        depth: usize,
        name: &'a str,
    ) {
        let values = match value {
            Value::Array(values) => &values[..],
            other => std::slice::from_ref(other),
        };
        for value in values.iter().take(MAX_PLACES) {
            if !self.charge_value(depth) {
                return;
            }
            match value {
                Value::String(text) => {
                    let is_point = name.eq_ignore_ascii_case("geo");
                    let field = if is_point { Field::LatLon } else { Field::Unparsed };
                    if is_point || !text.contains("://") {
                        self.source("").set(&mut builder.draft, field, name, value);
                    }
                }
                value => self.gather_place_object(builder, value, depth, name),
            }
        }
    }

    fn gather_place_object(
        &self,
        builder: &mut DraftBuilder<'a>,
        value: &'a Value,
        depth: usize,
        name: &'a str,
    ) {
        let Some(place) = self.object(value) else { return };
        if !builder.places.insert(kinds::pointer_of(place)) {
            return;
        }
        self.budget.charge_steps(kinds::type_steps(place));
        let is_region = kinds::is_region(place);
        let source = self.source(name);
        for (name, value) in place {
            let Some(key) = self.key(name) else { return };
            let name = local_name(name);
            match parts::part(&key) {
                // The coordinates of a region are those of its centre.
                Some(Part::Place) if is_region && key == "geo" => {}
                Some(Part::Place) => self.gather_place(builder, value, depth + 1, name),
                Some(Part::Map) => self.gather_map(builder, value, name),
                Some(_) => {}
                None => {
                    let field = parts::field(&key).filter(|field| field.is_location());
                    let fits = |field: &Field| !is_region || !is_coordinate(*field);
                    if let Some(field) = field.filter(fits) {
                        source.set(&mut builder.draft, field, name, value);
                    }
                }
            }
        }
        if place.contains_key("coordinates") && !is_region {
            source.set(&mut builder.draft, Field::LatLon, "coordinates", value);
        }
        // An address in one line.
        if let Some(line) = place.get("name")
            && kinds::has_type(place, &["PostalAddress"])
            && !place.contains_key("streetAddress")
        {
            source.set(&mut builder.draft, Field::Unparsed, "name", line);
        }
    }

    /// The address of the building is that of a home in it. A city that contains the home has no address.
    pub(super) fn gather_building(
        &self,
        builder: &mut DraftBuilder<'a>,
        value: &'a Value,
        depth: usize,
        name: &'a str,
    ) {
        let building = self.objects(value).into_iter().take(MAX_PLACES);
        let Some(building) = building.into_iter().find(|place| self.kind(place) == Kind::Residence) else {
            return;
        };
        let source = self.source(name);
        for (name, value) in building {
            let Some(key) = self.key(name) else { return };
            if parts::part(&key) == Some(Part::Place) {
                self.gather_place(builder, value, depth + 1, local_name(name));
            } else if let Some(field) = parts::field(&key).filter(|field| is_coordinate(*field)) {
                source.set(&mut builder.draft, field, local_name(name), value);
            }
        }
    }

    /// The coordinates in a link to a map, or in the URL of a Map.
    pub(super) fn gather_map(&self, builder: &mut DraftBuilder<'a>, value: &'a Value, name: &str) {
        let link = match self.object(value) {
            Some(map) => map.get("url").or_else(|| map.get("@id")),
            None => Some(value),
        };
        if let Some(link) = link.filter(|link| link.is_string()) {
            self.source("").set(&mut builder.draft, Field::LatLon, name, link);
        }
    }
}

fn is_coordinate(field: Field) -> bool {
    matches!(field, Field::Latitude | Field::Longitude | Field::LatLon)
}
