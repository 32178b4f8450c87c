//! Lists of texts and of tables.

use super::ConfigReader;
use super::redaction::Redaction;
use crate::config::layers::RawValue;

impl ConfigReader {
    /// A list of texts: an array in a file, separated by commas in a variable.
    pub(in crate::config) fn list<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.items(key, Redaction::Public, accepted, parse)
    }

    /// A list of secrets.
    pub(in crate::config) fn secret_list<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.items(key, Redaction::Secret, accepted, parse)
    }

    /// A list of tables: `[[…]]` in a file, a JSON array of objects in a variable. The caller adds them to the
    /// effective values after reading them.
    pub(in crate::config) fn tables(&mut self, key: &'static str) -> Vec<toml::Table> {
        let accepted = "an array of tables, or JSON in a variable";
        let tables = match self.raw(key) {
            Some(RawValue::Text(text)) if text.trim().is_empty() => Some(Vec::new()),
            Some(RawValue::Text(text)) => return self.tables_of_json(key, &text),
            Some(RawValue::Toml(toml::Value::Array(array))) => array.into_iter().map(into_table).collect(),
            other => return self.wrong_type(key, other.as_ref(), accepted, Vec::new()),
        };
        tables.unwrap_or_else(|| {
            self.refuse(key, format!("not all of the array are tables; give {accepted}"));
            Vec::new()
        })
    }

    fn tables_of_json(&mut self, key: &str, text: &str) -> Vec<toml::Table> {
        serde_json::from_str(text).unwrap_or_else(|error| {
            // The position only: the parser's message may quote a key.
            let (line, column) = (error.line(), error.column());
            self.refuse(
                key,
                format!("give a JSON array of objects; it fails at line {line}, column {column}"),
            );
            Vec::new()
        })
    }

    fn items<T>(
        &mut self,
        key: &'static str,
        redaction: Redaction,
        accepted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let accepted_list = format!("a list of texts, each {accepted}");
        let texts = match self.raw(key) {
            Some(RawValue::Text(text)) => split(&text),
            Some(RawValue::Toml(toml::Value::Array(array))) => self.texts_of(key, array, &accepted_list),
            other => return self.wrong_type(key, other.as_ref(), &accepted_list, Vec::new()),
        };
        let mut values = Vec::with_capacity(texts.len());
        for text in &texts {
            match parse(text) {
                Some(value) => values.push(value),
                None => {
                    self.refuse(
                        key,
                        format!("{} is not accepted; give {accepted}", redaction.describe(text)),
                    );
                }
            }
        }
        let shown: Vec<toml::Value> = texts.iter().map(|text| redaction.redact(text).into()).collect();
        self.record_effective(key, shown.into());
        values
    }

    /// The texts of an array; other values in it are refused, and the texts are still checked.
    fn texts_of(&mut self, key: &str, array: Vec<toml::Value>, accepted: &str) -> Vec<String> {
        let count = array.len();
        let texts: Vec<String> = array.into_iter().filter_map(into_text).collect();
        if texts.len() < count {
            self.refuse(key, format!("not all of the array are texts; give {accepted}"));
        }
        texts
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The text in `value`, if it is one.
pub(super) fn into_text(value: toml::Value) -> Option<String> {
    if let toml::Value::String(text) = value { Some(text) } else { None }
}

fn into_table(value: toml::Value) -> Option<toml::Table> {
    if let toml::Value::Table(table) = value { Some(table) } else { None }
}
