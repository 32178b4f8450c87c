//! Texts, open and secret.

use secrecy::SecretString;

use super::Form;
use super::sight::Sight;
use crate::config::layers::Raw;

impl Form {
    /// A text that must be there; `None` only beside a fault.
    pub(in crate::config) fn text<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.parsed(key, text.trim(), Sight::Open, accepted, parse)
    }

    /// A text that may be empty, which gives `None`.
    pub(in crate::config) fn optional_text<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.unless_empty(key, text.trim(), Sight::Open, accepted, parse)
    }

    /// A secret that may be empty, which gives `None`. It is taken to the letter, spaces included.
    pub(in crate::config) fn secret(
        &mut self,
        key: &'static str,
        accepted: &str,
        will_do: impl FnOnce(&str) -> bool,
    ) -> Option<SecretString> {
        let text = self.string(key, accepted)?;
        let parse = |text: &str| will_do(text).then(|| SecretString::from(text));
        self.unless_empty(key, &text, Sight::Secret, accepted, parse)
    }

    /// A connection string that may be empty, which gives `None`.
    pub(in crate::config) fn connection<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.unless_empty(key, text.trim(), Sight::Connection, accepted, parse)
    }

    fn unless_empty<T>(
        &mut self,
        key: &'static str,
        text: &str,
        sight: Sight,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if text.is_empty() {
            self.show(key, "".into());
            return None;
        }
        self.parsed(key, text, sight, accepted, parse)
    }

    fn parsed<T>(
        &mut self,
        key: &'static str,
        text: &str,
        sight: Sight,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(text);
        match value {
            Some(_) => self.show(key, sight.mask(text).into()),
            None => self.refuse(key, format!("{} is not accepted; give {accepted}", sight.name(text))),
        }
        value
    }

    fn string(&mut self, key: &'static str, accepted: &str) -> Option<String> {
        match self.raw(key) {
            Some(Raw::Toml(toml::Value::String(text)) | Raw::Text(text)) => Some(text),
            other => self.wrong_type(key, other.as_ref(), accepted, None),
        }
    }
}
