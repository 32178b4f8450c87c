//! Query parameters that only record where a visitor came from. Two addresses that differ in them are one page.

/// Prefixes of the names of such parameters, in lower case.
const PREFIXES: [&str; 5] = ["utm_", "hsa_", "mtm_", "pk_", "_hs"];
const NAMES: [&str; 25] = [
    "_ga",
    "_gl",
    "dclid",
    "fbclid",
    "gad_source",
    "gbraid",
    "gclid",
    "gclsrc",
    "igshid",
    "jsessionid",
    "mc_cid",
    "mc_eid",
    "msclkid",
    "phpsessid",
    "referer",
    "referrer",
    "session",
    "sessionid",
    "sid",
    "srsltid",
    "ttclid",
    "twclid",
    "wbraid",
    "yclid",
    "zanpid",
];

/// Whether `pair`, one `name=value` of a query, is such a parameter.
pub fn is_tracking_parameter(pair: &str) -> bool {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let name = name.to_ascii_lowercase();
    let listed = NAMES.contains(&name.as_str()) || PREFIXES.iter().any(|start| name.starts_with(start));
    // A `ref` or a `from` with digits is as often the reference of a listing, or a place in a list.
    let has_digits = value.bytes().any(|byte| byte.is_ascii_digit());
    match name.as_str() {
        "ref" | "from" => !has_digits,
        _ => listed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_only_track_are_known_by_name() {
        for pair in ["utm_source=mail", "GCLID=x", "ref=home", "from=search", "sid=1", "_hsenc=2", "fbclid"] {
            assert!(is_tracking_parameter(pair), "{pair}");
        }
        for pair in ["ref=A12", "from=20", "id=7", "page=2", "unit=utm_", ""] {
            assert!(!is_tracking_parameter(pair), "{pair}");
        }
    }
}
