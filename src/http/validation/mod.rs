//! Finds all faults of a request's input at once, by the schemas of the API document. It explains refusals; input is
//! accepted or refused by the types that parse it, and by these same schemas.

mod faults;
mod operation_table;
mod parameters;
mod patterns;
mod query_rules;
mod scalar;

use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde_json::Value;

use crate::protocol::problem::FieldError;

pub use operation_table::OperationTable;
pub use parameters::{BadParameters, bad_parameters, refuse_before_body};

pub(super) use faults::{parts as parts_of, whole_number_at};
pub(super) use parameters::{ParameterCheck, value_of_text};
pub(super) use query_rules::{BOX_WORDS, CURRENCY_WORDS, CURSOR_WORDS, SUBSCRIPTIONS};

/// Every bad field of a body that is meant to be a `T`. Empty when the schema finds nothing wrong.
///
/// Fields that the schema does not name are bad: every body of this API refuses unknown fields.
pub fn bad_fields<T: Type>(body: &Value) -> Vec<FieldError> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    bad_fields_along(&registry, &T::schema_ref(), body)
}

/// The same with a schema that is known already.
pub(super) fn bad_fields_along(registry: &Registry, schema: &MetaSchemaRef, body: &Value) -> Vec<FieldError> {
    let faults = faults::find(registry, schema, body);
    faults.into_iter().map(|fault| FieldError::in_body(&fault.path, fault.kind, fault.msg)).collect()
}

/// Every text of a body that holds the character NUL, as far as the schema of `T` names its field.
pub fn nul_texts<T: Type>(body: &Value) -> Vec<FieldError> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    let faults = faults::find_nul(&registry, &T::schema_ref(), body);
    faults.into_iter().map(|fault| FieldError::in_body(&fault.path, fault.kind, fault.msg)).collect()
}
