//! Values with types: each section fills in its part of the form, and every answer that does not do is noted as a
//! fault while reading goes on.

mod answers;

mod lists;
mod numbers;
mod part;
mod sight;
mod texts;

pub(super) use answers::Form;
pub(super) use part::Part;
