//! The layers of a configuration, later ones over earlier ones; `reader` converts their values to types.

mod merge;

mod environment;
mod file;
mod value_file;

pub(super) use merge::{Entry, Layers, RawValue};
pub(super) use value_file::read_value_file;
