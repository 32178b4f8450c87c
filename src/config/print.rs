//! Renders the effective configuration as TOML with the source of each value. Secrets are hidden before they get
//! here.

use std::fmt::Write;

use super::redact::HIDDEN;

/// One effective value.
#[derive(Clone, Debug)]
pub(super) struct EffectiveValue {
    /// `section.name`.
    pub key: &'static str,
    pub value: toml::Value,
    /// A fingerprint of the value as written, to detect whether a secret has changed.
    pub fingerprint: u64,
    /// Where it was set; `None` for a default.
    pub source: Option<String>,
}

impl EffectiveValue {
    /// Whether a part of the value is hidden.
    pub(super) fn is_masked(&self) -> bool {
        self.value.to_string().contains(HIDDEN)
    }
}

/// Renders the values, which must be ordered by section.
pub(super) fn render(values: &[EffectiveValue]) -> String {
    let (mut text, mut section) = (String::new(), "");
    for EffectiveValue { key, value, source, .. } in values {
        let Some((of, name)) = key.split_once('.') else { continue };
        if of != section {
            section = of;
            let gap = if text.is_empty() { "" } else { "\n" };
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "{gap}[{section}]");
        }
        let _ = match source {
            Some(source) => writeln!(text, "{name} = {value} # {}", source.escape_debug()),
            None => writeln!(text, "{name} = {value}"),
        };
    }
    text
}
