//! Whole numbers and switches.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::ConfigReader;
use crate::config::error::quoted;
use crate::config::layers::RawValue;

impl ConfigReader {
    /// A whole number within bounds.
    pub(in crate::config) fn integer<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> T
    where
        T: Copy + PartialOrd + Display + TryFrom<i64>,
    {
        let fallback = *range.start();
        let accepted = format!("a whole number from {} to {}", range.start(), range.end());
        let number = match self.raw(key) {
            Some(RawValue::Toml(toml::Value::Integer(number))) => number,
            Some(RawValue::Text(text)) => match text.trim().replace('_', "").parse() {
                Ok(number) => number,
                Err(_) => {
                    self.refuse(key, format!("{} is not accepted; give {accepted}", quoted(&text)));
                    return fallback;
                }
            },
            other => return self.wrong_type(key, other.as_ref(), &accepted, fallback),
        };
        match T::try_from(number).ok().filter(|value| range.contains(value)) {
            Some(value) => {
                self.record_effective(key, number.into());
                value
            }
            None => {
                self.refuse(key, format!("{number} is out of range; give {accepted}"));
                fallback
            }
        }
    }

    /// `true` or `false`.
    pub(in crate::config) fn flag(&mut self, key: &'static str) -> bool {
        let value = match self.raw(key) {
            Some(RawValue::Toml(toml::Value::Boolean(value))) => value,
            Some(RawValue::Text(text)) => match text.trim().parse() {
                Ok(value) => value,
                Err(_) => {
                    self.refuse(key, format!("{} is not accepted; give true or false", quoted(&text)));
                    return false;
                }
            },
            other => return self.wrong_type(key, other.as_ref(), "true or false", false),
        };
        self.record_effective(key, value.into());
        value
    }
}
