//! One table within a list of tables, read field by field.

use super::error::quoted;
use super::reader::{ConfigReader, into_text, type_name};

/// The fields of one table. Fields that were never read are errors at the end.
pub(super) struct TableReader<'f> {
    reader: &'f mut ConfigReader,
    key: &'static str,
    /// `key[index]`, preceded by the source.
    source: String,
    table: toml::Table,
}

impl<'f> TableReader<'f> {
    pub(super) fn new(
        reader: &'f mut ConfigReader,
        key: &'static str,
        index: usize,
        table: toml::Table,
    ) -> Self {
        let source = format!("{}[{index}]", reader.source_of(key));
        Self { reader, key, source, table }
    }

    /// Records that the value of `field` is not accepted.
    pub(super) fn refuse(&mut self, field: &str, message: impl Into<String>) {
        let source = format!("{}.{field}", self.source);
        self.reader.refuse_at(self.key, source, message);
    }

    pub(super) fn text(&mut self, field: &str) -> Option<String> {
        match self.table.remove(field)? {
            toml::Value::String(text) => Some(text),
            other => self.wrong_type(field, &other, "a text"),
        }
    }

    pub(super) fn texts(&mut self, field: &str) -> Option<Vec<String>> {
        let value = self.table.remove(field)?;
        let texts = match value.clone() {
            toml::Value::Array(array) => array.into_iter().map(into_text).collect(),
            _ => None,
        };
        texts.or_else(|| self.wrong_type(field, &value, "an array of texts"))
    }

    pub(super) fn flag(&mut self, field: &str) -> Option<bool> {
        match self.table.remove(field)? {
            toml::Value::Boolean(value) => Some(value),
            other => self.wrong_type(field, &other, "true or false"),
        }
    }

    pub(super) fn table(&mut self, field: &str) -> Option<toml::Table> {
        match self.table.remove(field)? {
            toml::Value::Table(table) => Some(table),
            other => self.wrong_type(field, &other, "a table"),
        }
    }

    /// Refuses the remaining fields, naming those that exist.
    pub(super) fn finish(mut self, fields: &str) {
        for field in std::mem::take(&mut self.table).keys() {
            self.refuse(field, format!("there is no such field as {}; there are {fields}", quoted(field)));
        }
    }

    fn wrong_type<T>(&mut self, field: &str, found: &toml::Value, accepted: &str) -> Option<T> {
        self.refuse(field, format!("{} is not accepted; give {accepted}", type_name(found)));
        None
    }
}
