//! Renders the effective configuration as TOML with the source of each value. Secrets are hidden before they get
//! here.

use std::fmt::Write;

/// Replaces a secret.
pub(super) const HIDDEN: &str = "********";

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

/// A connection string without its password, or only stars if it cannot be parsed.
pub(super) fn without_password(text: &str) -> String {
    if text.is_empty() || text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(mut url) = url::Url::parse(text) else { return HIDDEN.to_owned() };
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return HIDDEN.to_owned();
    }
    // Drivers take passwords as parameters too, under several names.
    if url.query().is_some() {
        url.set_query(Some(HIDDEN));
    }
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_keeps_its_host_and_loses_its_password() {
        assert_eq!(without_password("postgres://ann:s3cret@db:5432/x"), "postgres://ann:********@db:5432/x");
        assert_eq!(without_password("postgres://db/x?user=ann&password=s3cret"), "postgres://db/x?********");
        assert_eq!(without_password("redis://:s3cret@cache"), "redis://:********@cache");
        assert_eq!(without_password("postgres://ann:s3:cr@et@"), HIDDEN);
        assert_eq!(without_password("sqlite:./a.db"), "sqlite:./a.db");
    }
}
