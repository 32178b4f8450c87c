//! What is wrong with a request's input, all of it at once, by the schemas that the API document is made of.
//! It explains refusals; whether input is taken is decided by the types that parse it, and by these same schemas.

mod faults;
mod operations;
mod parameters;
mod scalar;

use poem_openapi::registry::Registry;
use poem_openapi::types::Type;
use serde_json::Value;

use crate::protocol::problem::FieldError;

pub use operations::Operations;
pub use parameters::{BadParameters, refuse_bad_parameters};

pub(super) use faults::parts as parts_of;
pub(super) use parameters::{Verdict, value_of_text};

/// Every bad field of a body that is meant to be a `T`. Empty when the schema finds nothing wrong.
///
/// Fields that the schema does not name are bad: every body of this API refuses unknown fields.
pub fn bad_fields<T: Type>(body: &Value) -> Vec<FieldError> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    let faults = faults::find(&registry, &T::schema_ref(), body);
    faults.into_iter().map(|fault| FieldError::in_body(&fault.path, fault.kind, fault.msg)).collect()
}
