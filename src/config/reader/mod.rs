//! Typed values: each section reads its keys, and every value that is not accepted is recorded as an error while
//! reading continues.

mod config_reader;

mod lists;
mod numbers;
mod redaction;
mod table_reader;
mod texts;

pub(super) use config_reader::ConfigReader;
pub(super) use table_reader::TableReader;
