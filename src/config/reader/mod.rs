//! Values with types: each section fills in its part of the form, and every answer that does not do is noted as a
//! fault while reading goes on.

mod config_reader;

mod lists;
mod numbers;
mod redaction;
mod table_reader;
mod texts;

pub(super) use config_reader::ConfigReader;
pub(super) use table_reader::TableReader;
