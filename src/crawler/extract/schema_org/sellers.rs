//! Who offers a home: the names of the office and of the agent, and nothing else of them.

use serde_json::Value;

use super::super::field::Field;
use super::super::values::Object;
use super::super::vocabulary::local_name;
use super::draft_builder::DraftBuilder;
use super::kinds;
use super::reader::Reader;

/// Sellers of one listing that are looked at.
const MAX_SELLERS: usize = 4;

impl<'a> Reader<'a> {
    pub(super) fn gather_sellers(&self, builder: &mut DraftBuilder<'a>, name: &'a str, value: &'a Value) {
        let values = match value {
            Value::Array(values) => &values[..],
            other => std::slice::from_ref(other),
        };
        for value in values.iter().take(MAX_SELLERS) {
            match self.object(value) {
                Some(seller) => self.gather_seller(builder, name, seller),
                None => {
                    if let Some(field) = field_by_key(name) {
                        self.source("").set(&mut builder.draft, field, name, value);
                    }
                }
            }
        }
    }

    fn gather_seller(&self, builder: &mut DraftBuilder<'a>, role: &str, seller: &'a Object) {
        self.budget.charge_steps(kinds::type_steps(seller));
        let field = if kinds::has_type(seller, &["Person"]) {
            Some(Field::AgentName)
        } else if kinds::types(seller).next().is_some() {
            Some(Field::OfficeName)
        } else {
            field_by_key(role)
        };
        let Some(field) = field else { return };
        let source = self.source(role);
        for (name, value) in seller {
            let Some(key) = self.key(name) else { return };
            match key.as_str() {
                "name" | "legalname" => source.set(&mut builder.draft, field, local_name(name), value),
                // The agent's office.
                "worksfor" | "affiliation" | "memberof" if field == Field::AgentName => {
                    let office = self.objects(value).into_iter().next().and_then(|office| office.get("name"));
                    if let Some(office) = office {
                        source.set(&mut builder.draft, Field::OfficeName, local_name(name), office);
                    }
                }
                _ => {}
            }
        }
    }
}

/// What a seller without a type is. A provider may be anything, the portal itself too.
fn field_by_key(name: &str) -> Option<Field> {
    match name {
        "agent" | "listingAgent" | "realEstateAgent" => Some(Field::AgentName),
        "seller" | "broker" | "offeredBy" | "landlord" => Some(Field::OfficeName),
        _ => None,
    }
}
