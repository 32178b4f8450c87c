//! The layers of a configuration, later ones over earlier ones; `form` gives their values types.

mod gather;

mod environment;
mod file;
mod value_file;

pub(super) use gather::{Entry, Layers, Raw};
pub(super) use value_file::read_value_file;
