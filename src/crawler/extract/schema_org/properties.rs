//! Facts in pairs of a name and a value, and properties whose values are names of schema.org's own.

use serde_json::Value;

use super::super::bounds::{VALUE_STEPS, value_steps};
use super::super::draft::{At, Draft};
use super::super::field::Field;
use super::super::values::{self, Object};
use super::super::vocabulary::{self, local_name, normalize_key};
use super::parts;
use super::reader::Reader;
use super::source::Source;

/// Pairs of one list that are looked at.
const MAX_PAIRS: usize = 200;
/// Keys of a pair's name and of its value, best first.
const NAME_KEYS: [&str; 6] = ["name", "label", "key", "propertyID", "title", "type"];
const VALUE_KEYS: [&str; 4] = ["value", "values", "text", "displayValue"];
/// Types in the place of one, and bytes of each that are looked at.
const MAX_TYPES: usize = 8;
const MAX_WORD_BYTES: usize = 300;
/// The names of classes begin so (schema.org, EUEnergyEfficiencyEnumeration).
const EU_CATEGORY: &str = "EUEnergyEfficiencyCategory";

/// Facts in `additionalProperty` and its like. A unit stands beside its value.
pub(super) fn gather_properties(draft: &mut Draft, value: &Value, at: &At<'_>) {
    let pairs = match value {
        Value::Array(values) => &values[..],
        other => std::slice::from_ref(other),
    };
    for whole in pairs.iter().take(MAX_PAIRS) {
        let Value::Object(pair) = whole else { continue };
        let Some(value) = VALUE_KEYS.iter().find_map(|key| pair.get(*key)) else { continue };
        if !at.budget.charge_steps(VALUE_STEPS + name_steps(pair)) {
            return;
        }
        // That there is a feature says nothing about how much of it.
        if value.is_boolean() || value.is_null() {
            continue;
        }
        let Some((name, field)) = NAME_KEYS.iter().find_map(|key| named_field(pair.get(*key)?)) else {
            continue;
        };
        let has_unit = ["unitCode", "unitText", "unit"].iter().any(|key| pair.contains_key(*key));
        draft.set(field, if has_unit { whole } else { value }, &At { fragment: &name, ..*at });
    }
}

pub(super) fn gather_pairs(draft: &mut Draft, value: &Value, source: Source<'_>) {
    let at = At { base: source.base, budget: source.budget, fragment: "additionalProperty" };
    gather_properties(draft, value, &at);
}

fn name_steps(pair: &Object) -> u64 {
    NAME_KEYS.iter().filter_map(|key| pair.get(*key)).map(value_steps).sum()
}

fn named_field(name: &Value) -> Option<(String, Field)> {
    let name = values::text(name, 60)?;
    let key = normalize_key(&name);
    let field = vocabulary::field_for_key(&key).or_else(|| parts::field(&key));
    let field = field.filter(|field| field.is_home_fact())?;
    Some((name, field))
}

/// "lease" or "sale", as a businessFunction says (GoodRelations BusinessFunction).
pub(super) fn business(value: &Value) -> Option<&'static str> {
    let word = local_name(name_in(value)?);
    let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    if is(&["LeaseOut", "Lease", "RentOut", "Rent"]) {
        Some("lease")
    } else if is(&["Sell", "Sale"]) {
        Some("sale")
    } else {
        None
    }
}

/// `additionalType` names a type of another vocabulary: a URL that ends in it, or its words.
pub(super) fn set_additional_type(draft: &mut Draft, value: &Value, source: Source<'_>) {
    let types = match value {
        Value::Array(values) => &values[..],
        other => std::slice::from_ref(other),
    };
    for text in types.iter().take(MAX_TYPES).filter_map(name_in) {
        if !source.budget.charge_scan(text.len()) {
            return;
        }
        let word = if text.contains("://") || text.starts_with("schema:") { local_name(text) } else { text };
        // The numbers of Wikidata say nothing by themselves.
        if word.strip_prefix('Q').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
            continue;
        }
        let residence = values::residence_type(word);
        draft.residence |= residence.is_some();
        let word = residence.map_or_else(|| word.replace('_', " "), str::to_owned);
        source.set_text(draft, Field::PropertyType, "additionalType", &word);
    }
}

impl<'a> Reader<'a> {
    /// The class of EnergyConsumptionDetails, or the class that is the value itself. The ends of the scale are no
    /// class, unless it has one end or both are the same.
    pub(super) fn energy_class(&self, name: &str, value: &'a Value) -> Option<String> {
        if let Some(text) =
            name_in(value).filter(|_| name.eq_ignore_ascii_case("hasEnergyEfficiencyCategory"))
        {
            return class(text);
        }
        let details = self.objects(value).into_iter().next()?;
        let (mut own, mut least, mut most) = (None, None, None);
        for (name, value) in details {
            let slot = match self.key(name)?.as_str() {
                "hasenergyefficiencycategory" | "energyefficiencyrating" => &mut own,
                "energyefficiencyscalemin" => &mut least,
                "energyefficiencyscalemax" => &mut most,
                _ => continue,
            };
            *slot = name_in(value).and_then(class);
        }
        own.or_else(|| least.filter(|least| most.as_ref().is_none_or(|most| most == least)))
    }
}

/// `EUEnergyEfficiencyCategoryA2Plus` is A++.
fn class(text: &str) -> Option<String> {
    let word = local_name(text);
    let Some((start, letter)) = word.split_at_checked(EU_CATEGORY.len()) else {
        return Some(word.to_owned());
    };
    if !start.eq_ignore_ascii_case(EU_CATEGORY) {
        return None;
    }
    Some(letter.replace("3Plus", "+++").replace("2Plus", "++").replace("1Plus", "+"))
}

/// A name: a text, or an object that is only referred to.
fn name_in(value: &Value) -> Option<&str> {
    let text = match value {
        Value::Object(object) => object.get("@id")?.as_str()?,
        other => other.as_str()?,
    };
    Some(text.trim()).filter(|text| !text.is_empty() && text.len() <= MAX_WORD_BYTES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn business_functions_are_known_in_every_form() {
        assert_eq!(business(&json!("http://purl.org/goodrelations/v1#LeaseOut")), Some("lease"));
        assert_eq!(business(&json!({"@id": "gr:Sell"})), Some("sale"));
        assert_eq!(business(&json!("leaseout")), Some("lease"));
        assert_eq!(business(&json!("http://purl.org/goodrelations/v1#Repair")), None);
    }

    #[test]
    fn classes_of_energy_are_letters() {
        assert_eq!(class("https://schema.org/EUEnergyEfficiencyCategoryB").as_deref(), Some("B"));
        assert_eq!(class("EUEnergyEfficiencyCategoryA2Plus").as_deref(), Some("A++"));
        assert_eq!(class("C").as_deref(), Some("C"));
        assert_eq!(class("https://schema.org/EnergyStarEnergyEfficiencyCategory"), None);
    }
}
