//! Writes a value as the array of devalue, in which every value is named by its place: equal texts and numbers once.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// The array as Nuxt 3 writes it, with the value as its root.
pub(super) fn devalue(root: &Value) -> Value {
    let mut array = DevalueArray { values: vec![json!(["ShallowReactive", 1])], places: HashMap::new() };
    array.add(root);
    Value::Array(array.values)
}

struct DevalueArray {
    values: Vec<Value>,
    places: HashMap<String, usize>,
}

impl DevalueArray {
    /// The place of `value`.
    fn add(&mut self, value: &Value) -> usize {
        let text = value.to_string();
        if let Some(place) = self.places.get(&text) {
            return *place;
        }
        let place = self.values.len();
        self.values.push(Value::Null);
        let written = match value {
            Value::Object(object) => {
                let places = object.iter().map(|(key, value)| (key.clone(), Value::from(self.add(value))));
                Value::Object(places.collect::<Map<_, _>>())
            }
            Value::Array(values) => values.iter().map(|value| Value::from(self.add(value))).collect(),
            plain => {
                self.places.insert(text, place);
                plain.clone()
            }
        };
        self.values[place] = written;
        place
    }
}

#[test]
fn values_are_named_by_their_places() {
    let array = devalue(&json!({"listing": {"price": 4, "beds": 4}}));

    assert_eq!(array, json!([["ShallowReactive", 1], {"listing": 2}, {"beds": 3, "price": 3}, 4]));
}
