//! Where a home is: its address, its coordinates, and objects that hold both.

use serde_json::Value;

use super::super::field::Field;
use super::super::vocabulary::fold_key;
use super::home::{Home, Role};

impl<'v> Home<'v> {
    /// Adds an address: a text, an object, or the first of several.
    pub(super) fn gather_place(&mut self, value: &'v Value, key: &str, depth: usize) {
        match value {
            Value::Object(object) if object.contains_key("coordinates") && object.contains_key("type") => {
                self.gather_point(value, key, depth);
            }
            Value::Object(_) => self.gather_object(value, Role::Place, depth + 1),
            Value::Array(values) => match values.first().map(|value| self.scope.links.follow(value)) {
                Some(first @ Value::Object(_)) => self.gather_object(first, Role::Place, depth + 1),
                Some(Value::Number(_)) => self.gather_point(value, key, depth),
                _ => {}
            },
            _ => {}
        }
    }

    /// Adds coordinates. Of a bare pair of numbers the order is known from the key only; GeoJSON writes the longitude
    /// first (RFC 7946).
    pub(super) fn gather_point(&mut self, value: &'v Value, key: &str, depth: usize) {
        match value {
            Value::Object(object) => {
                let kind = object.get("type").map(|kind| self.scope.links.follow(kind));
                let pair = object.get("coordinates").map(|pair| self.scope.links.follow(pair));
                match (kind.and_then(Value::as_str), pair) {
                    (Some("Point"), Some(Value::Array(pair))) => self.set_pair(pair, true, key),
                    _ => self.gather_object(value, Role::Place, depth + 1),
                }
            }
            Value::Array(pair) => match fold_key(key).as_str() {
                "lnglat" | "lonlat" => self.set_pair(pair, true, key),
                "latlng" | "latlong" | "latlon" => self.set_pair(pair, false, key),
                _ => {}
            },
            _ => {}
        }
    }

    fn set_pair(&mut self, pair: &'v [Value], is_longitude_first: bool, key: &str) {
        let [first, second, ..] = pair else { return };
        let [first, second] = [first, second].map(|value| self.scope.links.follow(value));
        let (latitude, longitude) = if is_longitude_first { (second, first) } else { (first, second) };
        self.set_value(Field::Latitude, latitude, key);
        self.set_value(Field::Longitude, longitude, key);
    }
}
