//! Texts, public and secret.

use secrecy::SecretString;

use super::ConfigReader;
use super::redaction::Redaction;
use crate::config::layers::RawValue;

impl ConfigReader {
    /// A text that is required; `None` only together with an error.
    pub(in crate::config) fn text<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.parsed(key, text.trim(), Redaction::Public, accepted, parse)
    }

    /// A text that may be empty, which gives `None`.
    pub(in crate::config) fn optional_text<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.unless_empty(key, text.trim(), Redaction::Public, accepted, parse)
    }

    /// A secret that may be empty, which gives `None`. It is taken literally, spaces included.
    pub(in crate::config) fn secret(
        &mut self,
        key: &'static str,
        accepted: &str,
        is_valid: impl FnOnce(&str) -> bool,
    ) -> Option<SecretString> {
        let text = self.string(key, accepted)?;
        let parse = |text: &str| is_valid(text).then(|| SecretString::from(text));
        self.unless_empty(key, &text, Redaction::Secret, accepted, parse)
    }

    /// A connection string that may be empty, which gives `None`.
    pub(in crate::config) fn connection<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.unless_empty(key, text.trim(), Redaction::ConnectionUrl, accepted, parse)
    }

    fn unless_empty<T>(
        &mut self,
        key: &'static str,
        text: &str,
        redaction: Redaction,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if text.is_empty() {
            self.record_effective(key, "".into());
            return None;
        }
        self.parsed(key, text, redaction, accepted, parse)
    }

    fn parsed<T>(
        &mut self,
        key: &'static str,
        text: &str,
        redaction: Redaction,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(text);
        match value {
            Some(_) => self.record_effective(key, redaction.redact(text).into()),
            None => {
                self.refuse(key, format!("{} is not accepted; give {accepted}", redaction.describe(text)));
            }
        }
        value
    }

    fn string(&mut self, key: &'static str, accepted: &str) -> Option<String> {
        match self.raw(key) {
            Some(RawValue::Toml(toml::Value::String(text)) | RawValue::Text(text)) => Some(text),
            other => self.wrong_type(key, other.as_ref(), accepted, None),
        }
    }
}
