//! Where the values of a property came from: stored with each report of the built-in crawler, and read by users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::origins::{FieldOrigin, Origins};
use super::view::property;
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::ids::PropertyId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::evidence::{EvidenceLayer, FieldEvidence, PropertyEvidence};
use crate::protocol::problem::Problem;
use crate::storage::properties::Writer;
use crate::storage::property_evidence::{self, EvidenceRow, NewEvidence};
use crate::storage::{TenantTx, properties, time};

/// Fields of one property, the bytes of their names and the characters of their fragments. What is beyond is left out.
const MAX_FIELDS: usize = 64;
const MAX_NAME_BYTES: usize = 60;
const MAX_FRAGMENT_CHARS: usize = 80;

/// The evidence of a field in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredField {
    layer: EvidenceLayer,
    fragment: String,
    /// When the field was last read, in microseconds since the epoch. Absent: at the last reading of the property.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_at: Option<i64>,
}

type StoredFields = BTreeMap<String, StoredField>;

/// Where the values of a property came from. Of a worker's property nothing is known.
pub async fn of(op: &Op, id: PropertyId) -> Result<PropertyEvidence> {
    op.require(Permission::ReadProperties)?;
    let tx = op.read().await?;
    let row = properties::find(&tx, id).await?.ok_or_else(Problem::not_found)?;
    let stored = property_evidence::find(&tx, id).await?.filter(|_| Writer::Crawler.owns(&row));
    let values = serde_json::to_value(property(&row)).unwrap_or_default();
    Ok(PropertyEvidence {
        property_id: row.id,
        read_at: stored.as_ref().map(|stored| rfc3339(time(stored.read_at))),
        source_url: row.source_url,
        fields: stored.map(|stored| shown(&stored, &values)).unwrap_or_default(),
    })
}

/// Stores where the fields of properties were read, in the transaction of their report. The last one given for a
/// property counts where two differ. What is stored already is not written again.
pub(super) async fn record(tx: &TenantTx, told: Vec<(i64, &Origins)>, now: i64) -> Result<()> {
    let mut ids: Vec<i64> = told.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let stored = property_evidence::of_properties(tx, &ids).await?;
    let mut read: BTreeMap<i64, Origins> = BTreeMap::new();
    for (id, origins) in told {
        read.entry(id).or_default().extend(bounded(origins));
    }
    let (mut new, mut same) = (Vec::new(), Vec::new());
    for (property_id, origins) in read {
        let before = stored.get(&property_id);
        let evidence = encode(&merge(before, origins));
        match before {
            None => new.push(NewEvidence { property_id, evidence }),
            Some(before) if before.evidence == evidence => same.push(property_id),
            Some(_) => property_evidence::update(tx, NewEvidence { property_id, evidence }, now).await?,
        }
    }
    property_evidence::insert(tx, new, now).await?;
    property_evidence::touch(tx, &same, now).await?;
    Ok(())
}

/// What a reading told, and what earlier ones told of other fields, with the time of that.
fn merge(before: Option<&EvidenceRow>, told: Origins) -> StoredFields {
    let mut fields = before.map(decode).unwrap_or_default();
    let last_read = before.map(|before| before.read_at);
    for field in fields.values_mut() {
        field.read_at = field.read_at.or(last_read);
    }
    let told = told.into_iter().map(|(name, origin)| {
        let FieldOrigin { layer, fragment } = origin;
        (name, StoredField { layer, fragment, read_at: None })
    });
    fields.extend(told);
    while fields.len() > MAX_FIELDS {
        // The one that was not read for the longest time; those of this reading come last.
        let oldest = fields.iter().min_by_key(|(_, field)| field.read_at.unwrap_or(i64::MAX));
        let Some(name) = oldest.map(|(name, _)| name.clone()) else { break };
        fields.remove(&name);
    }
    fields
}

fn bounded(origins: &Origins) -> impl Iterator<Item = (String, FieldOrigin)> + '_ {
    let fitting = origins.iter().filter(|(name, _)| name.len() <= MAX_NAME_BYTES).take(MAX_FIELDS);
    fitting.map(|(name, origin)| {
        let fragment = origin.fragment.chars().take(MAX_FRAGMENT_CHARS).collect();
        (name.clone(), FieldOrigin { layer: origin.layer, fragment })
    })
}

fn encode(fields: &StoredFields) -> String {
    // Texts and integers always serialise.
    serde_json::to_string(fields).unwrap_or_default()
}

/// JSON that was broken by hand counts as none.
fn decode(row: &EvidenceRow) -> StoredFields {
    serde_json::from_str(&row.evidence).unwrap_or_default()
}

/// The fields that the property still has a value of.
fn shown(row: &EvidenceRow, values: &Value) -> BTreeMap<String, FieldEvidence> {
    let held = decode(row).into_iter().filter(|(name, _)| has_value(values, name));
    let fields = held.map(|(name, field)| {
        let StoredField { layer, fragment, read_at } = field;
        let rule = (layer == EvidenceLayer::Rule).then(|| fragment.clone());
        let read_at = rfc3339(time(read_at.unwrap_or(row.read_at)));
        (name, FieldEvidence { layer, rule, fragment, read_at })
    });
    fields.collect()
}

fn has_value(property: &Value, name: &str) -> bool {
    name.split('.').try_fold(property, |value, part| value.get(part)).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn origins(fields: &[(&str, EvidenceLayer, &str)]) -> Origins {
        let origin = |layer, fragment: &str| FieldOrigin { layer, fragment: fragment.to_owned() };
        fields.iter().map(|(name, layer, fragment)| ((*name).to_owned(), origin(*layer, fragment))).collect()
    }

    fn row(fields: &StoredFields, read_at: i64) -> EvidenceRow {
        EvidenceRow { id: 1, tenant_id: 1, property_id: 7, evidence: encode(fields), read_at }
    }

    #[test]
    fn a_field_that_a_reading_does_not_tell_keeps_the_time_of_its_last_reading() {
        let first = merge(
            None,
            origins(&[
                ("list_price", EvidenceLayer::JsonLd, "offers.price"),
                ("stories", EvidenceLayer::Html, "Floors"),
            ]),
        );
        let told = origins(&[("list_price", EvidenceLayer::Html, "Price")]);

        let second = merge(Some(&row(&first, 1_000)), told.clone());
        let third = merge(Some(&row(&second, 2_000)), told);

        assert_eq!((second["list_price"].layer, second["list_price"].read_at), (EvidenceLayer::Html, None));
        assert_eq!(second["stories"].read_at, Some(1_000));
        assert_eq!(encode(&third), encode(&second), "nothing is written when it is read so again");
    }

    #[test]
    fn only_fields_with_a_value_are_shown_each_with_its_time() {
        let told = origins(&[
            ("address.city", EvidenceLayer::Rule, ".city"),
            ("address.street", EvidenceLayer::JsonLd, "address.streetAddress"),
            ("close_price", EvidenceLayer::JsonLd, "offers.price"),
        ]);
        let mut fields = merge(None, told);
        fields.insert(
            "tenure".to_owned(),
            StoredField {
                layer: EvidenceLayer::Html,
                fragment: "Tenure".to_owned(),
                read_at: Some(1_000_000),
            },
        );
        let values = json!({"address": {"city": "Toledo", "street": "12 Elm"}, "tenure": "freehold"});

        let shown = shown(&row(&fields, 2_000_000), &values);

        assert_eq!(shown.keys().collect::<Vec<_>>(), ["address.city", "address.street", "tenure"]);
        let city = &shown["address.city"];
        assert_eq!((city.layer, city.rule.as_deref()), (EvidenceLayer::Rule, Some(".city")));
        assert_eq!(city.read_at, rfc3339(time(2_000_000)));
        assert_eq!(shown["address.street"].rule, None);
        assert_eq!(shown["tenure"].read_at, rfc3339(time(1_000_000)));
    }

    #[test]
    fn what_a_reader_tells_is_bounded() {
        let long = "x".repeat(MAX_FRAGMENT_CHARS + 1);
        let name = "n".repeat(MAX_NAME_BYTES + 1);
        let told = origins(&[(&name, EvidenceLayer::Html, "a"), ("tenure", EvidenceLayer::Html, &long)]);
        let names: Vec<String> = (0..MAX_FIELDS + 9).map(|number| format!("field_{number:03}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), EvidenceLayer::Html, "a")).collect();

        let kept: Origins = bounded(&told).collect();

        assert_eq!(kept.len(), 1);
        assert_eq!(kept["tenure"].fragment.chars().count(), MAX_FRAGMENT_CHARS);
        assert_eq!(bounded(&origins(&many)).count(), MAX_FIELDS);
        let before = row(&merge(None, origins(&[("tenure", EvidenceLayer::Html, "a")])), 1_000);
        let merged = merge(Some(&before), bounded(&origins(&many)).collect());
        assert_eq!((merged.len(), merged.contains_key("tenure")), (MAX_FIELDS, false), "the oldest goes");
    }
}
