//! Who offers a home. Of an agent and of an office only the name is taken: their address, coordinates and keys are not
//! those of the home. The name of a private owner is left out.

use serde_json::Value;

use super::super::field::Field;
use super::super::values::Object;
use super::classes::Party;
use super::home::Home;

/// Keys of a name, best first.
const AGENT_NAMES: [&str; 8] =
    ["name", "fullName", "displayName", "agentName", "full_name", "display_name", "agentFullName", "title"];
const OFFICE_NAMES: [&str; 16] = [
    "name",
    "displayName",
    "companyName",
    "branchDisplayName",
    "officeName",
    "agencyName",
    "brokerName",
    "brokerageName",
    "branchName",
    "tradingName",
    "display_name",
    "company_name",
    "fullName",
    "legalName",
    "title",
    "label",
];
/// Keys of an office in the object of an agent or a contact.
const OFFICE_KEYS: [&str; 8] =
    ["office", "agency", "broker", "brokerage", "branch", "company", "organisation", "organization"];
/// Keys that name an office in the object of any party.
const PLAIN_OFFICE_NAMES: [&str; 6] =
    ["companyName", "branchDisplayName", "officeName", "agencyName", "brokerName", "brokerageName"];

impl<'v> Home<'v> {
    /// Adds the name of an agent or an office; of several the first one's.
    pub(super) fn gather_party(&mut self, value: &'v Value, party: Party) {
        let first = match value {
            Value::Array(values) => values.first().map(|value| self.scope.links.follow(value)),
            other => Some(other),
        };
        let Some(Value::Object(object)) = first else { return };
        if !self.scope.budget.charge_steps(100) {
            return;
        }
        match party {
            Party::Agent => self.set_agent(object),
            Party::Office => self.set_name(Field::OfficeName, object, &OFFICE_NAMES),
            Party::Other => self.set_name(Field::OfficeName, object, &PLAIN_OFFICE_NAMES),
        }
        if party != Party::Office {
            let links = self.scope.links;
            let offices = OFFICE_KEYS.iter().filter_map(|key| object.get(*key));
            let office = offices.map(|office| links.follow(office)).find_map(Value::as_object);
            if let Some(office) = office {
                self.set_name(Field::OfficeName, office, &OFFICE_NAMES);
            }
        }
    }

    fn set_agent(&mut self, object: &'v Object) {
        let scope = self.scope;
        let part = |keys: [&str; 2]| {
            let value = keys.iter().find_map(|key| object.get(*key))?;
            scope.text(scope.links.follow(value), 100)
        };
        let parts = part(["firstName", "first_name"]).zip(part(["lastName", "last_name"]));
        self.set_name(Field::AgentName, object, &AGENT_NAMES);
        self.set_name(Field::OfficeName, object, &PLAIN_OFFICE_NAMES);
        let is_unnamed = self.draft.property.list_agent_name.is_none();
        if let Some((first, last)) = parts.filter(|_| is_unnamed) {
            self.set(Field::AgentName, &Value::from(format!("{first} {last}")), "lastName");
        }
    }

    fn set_name(&mut self, field: Field, object: &'v Object, keys: &[&str]) {
        let links = self.scope.links;
        for key in keys {
            if let Some(value @ Value::String(_)) = object.get(*key).map(|value| links.follow(value)) {
                self.set_value(field, value, key);
            }
        }
    }
}
