//! The headers that the requests of a spider carry: which may be given, and their encrypted form in the store.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::jobs::validation::{FieldErrors, field_step, list_json};
use crate::domain::jobs::view::json;
use crate::domain::op::Op;
use crate::protocol::problem::{Code, Problem};
use crate::storage::spiders::SpiderRow;

const MAX_HEADERS: usize = 20;
const MAX_NAME_BYTES: usize = 100;
const MAX_VALUE_BYTES: usize = 4 * 1024;

/// Names that the crawler sets itself, or that are about one connection (RFC 9110 section 7.6.1), in lower case.
const REFUSED: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Beginnings of such names: of proxies, and of conditions.
const REFUSED_PREFIXES: &[&str] = &["proxy-", "if-"];

/// The headers of a spider in the columns of its row.
#[derive(Default)]
pub(super) struct StoredHeaders {
    /// A list as JSON.
    pub(super) names: Option<String>,
    pub(super) sealed: Option<String>,
}

/// Adds what is wrong with the headers, each fault at the header's name.
pub(super) fn check(faults: &mut FieldErrors, headers: &BTreeMap<String, String>) {
    faults.require(headers.len() <= MAX_HEADERS, "headers", "max_properties", "must have at most 20 headers");
    let mut seen = BTreeSet::new();
    for (name, value) in headers.iter().take(MAX_HEADERS) {
        let place = [field_step("headers"), field_step(name)];
        if let Some(words) = name_fault(name) {
            faults.add(&place, "header_name", words);
        } else if !seen.insert(name.to_ascii_lowercase()) {
            faults.add(&place, "header_name", "must not be there twice in other letters");
        } else if !is_value(value) {
            let words = "must have 1 to 4,096 characters of visible ASCII, with blanks only between them";
            faults.add(&place, "header_value", words);
        }
    }
}

fn name_fault(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if !is_token(name) {
        return Some("must be the name of a header: letters, digits and dashes");
    }
    if lower == "user-agent" {
        return Some("must be given as `user_agent`");
    }
    let is_refused =
        REFUSED.contains(&lower.as_str()) || REFUSED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    is_refused.then_some("is a header that only the crawler itself may set")
}

/// A token of RFC 9110 section 5.6.2.
fn is_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed)
}

fn is_value(value: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    (1..=MAX_VALUE_BYTES).contains(&value.len()) && value.bytes().all(allowed) && value.trim() == value
}

/// The headers as they are stored.
pub(super) fn seal(
    op: &Op,
    spider_name: &str,
    headers: Option<&BTreeMap<String, String>>,
) -> Result<StoredHeaders> {
    let Some(headers) = headers.filter(|headers| !headers.is_empty()) else {
        return Ok(StoredHeaders::default());
    };
    let names: Vec<String> = headers.keys().cloned().collect();
    // A map of texts always serialises.
    let text = serde_json::to_vec(headers).unwrap_or_default();
    let sealed = op.services.seal.seal(op.scope.tenant_id(), spider_name, &text).map_err(|error| {
        tracing::error!(%error, "headers of a spider cannot be encrypted: the key cannot be stored");
        let words =
            "The server cannot store the key that encrypts headers; its operator has to look at the log.";
        Problem::new(Code::Unavailable, words).retry_after(60)
    })?;
    Ok(StoredHeaders { names: Some(list_json(&names)), sealed: Some(sealed) })
}

/// The names, to be shown.
pub(super) fn names(row: &SpiderRow) -> Result<Option<Vec<String>>> {
    Ok(row.header_names.as_deref().map(json).transpose()?)
}

/// Whether there are headers that the node's key does not open.
pub(super) fn are_lost(op: &Op, row: &SpiderRow) -> bool {
    row.sealed_headers.as_deref().is_some_and(|sealed| !op.services.seal.has_key_of(sealed))
}

/// The headers, decrypted; `None` when they cannot be.
pub(super) fn open(op: &Op, row: &SpiderRow) -> Option<Vec<(String, String)>> {
    let Some(sealed) = &row.sealed_headers else { return Some(Vec::new()) };
    let text = op.services.seal.open(TenantId(row.tenant_id), &row.name, sealed)?;
    let headers: BTreeMap<String, String> = serde_json::from_slice(&text).ok()?;
    Some(headers.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(headers: &[(&str, &str)]) -> Vec<String> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut faults = FieldErrors::default();
        check(&mut faults, &headers);
        faults.into_errors().into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn headers_of_a_site_are_accepted() {
        let longest = "v".repeat(MAX_VALUE_BYTES);
        let good = [("Cookie", "a=b; c=d"), ("X-Api-Key", "k"), ("accept-language", &longest)];

        assert_eq!(pointers(&good), [] as [&str; 0]);
    }

    #[test]
    fn headers_that_the_crawler_sets_are_refused_by_name_in_any_letters() {
        for name in [
            "Host",
            "CONTENT-LENGTH",
            "transfer-encoding",
            "Connection",
            "Proxy-Authorization",
            "proxy-connection",
            "Accept-Encoding",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Upgrade",
            "User-Agent",
            "If-None-Match",
            "Range",
        ] {
            assert_eq!(pointers(&[(name, "x")]), [format!("/headers/{name}")]);
        }
    }

    #[test]
    fn bad_names_and_values_are_named() {
        for bad in ["", "a b", "a:b", "ä", "a\r\nb"] {
            assert_eq!(pointers(&[(bad, "x")]).len(), 1, "{bad:?}");
        }
        let long = "v".repeat(MAX_VALUE_BYTES + 1);
        for bad in ["", " a", "a ", "a\r\nHost: b", "a\tb", "ü", long.as_str()] {
            assert_eq!(pointers(&[("X-Key", bad)]), ["/headers/X-Key"], "{bad:?}");
        }
        assert_eq!(pointers(&[("X-Key", "a"), ("x-key", "b")]), ["/headers/x-key"]);
        let many: Vec<String> = (0..=MAX_HEADERS).map(|number| format!("X-{number}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "v")).collect();
        assert_eq!(pointers(&many), ["/headers"]);
    }
}
