//! Removes secrets from the URL and the headers of a request. Pure functions, for all code that logs, traces or
//! responds; `scrub` masks what they missed.

use std::borrow::Cow;

/// Replaces a secret.
pub const MASK: &str = "***";

/// Query parameters, form fields and JSON fields with secret values, in lower case.
const SECRET_NAMES: [&str; 19] = [
    "access_token",
    "api_key",
    "apikey",
    "authorization",
    "client_secret",
    "cookie",
    "current_password",
    "id_token",
    "lease_token",
    "link_token",
    "new_password",
    "passwd",
    "password",
    "refresh_token",
    "seal_key",
    "secret",
    "set-cookie",
    "ticket",
    "token",
];

/// Headers with a value that is, or may contain, a secret. `Sec-WebSocket-Protocol` has `lotline.bearer.TOKEN`; a referrer
/// is the address of a page, which may be a one-time link.
const SECRET_HEADERS: [&str; 8] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "referer",
    "sec-websocket-protocol",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
];

/// Whether a value of this name is a secret.
pub fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// Whether this header's value must not be shown.
pub fn is_secret_header(name: &str) -> bool {
    SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// A header's value, masked if it is a secret.
pub fn header<'v>(name: &str, value: &'v str) -> &'v str {
    if is_secret_header(name) { MASK } else { value }
}

/// A URL, or a path with its query, for logs: without user information, with secret parameters masked and without the
/// fragment's text, because one-time links have their secret there.
pub fn url(url: &str) -> Cow<'_, str> {
    let (front, fragment) = match url.split_once('#') {
        Some((front, _)) => (front, Some(MASK)),
        None => (url, None),
    };
    let (path, query) = match front.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (front, None),
    };
    let path = mask_userinfo(path);
    let query = query.map(query_string);
    let untouched =
        fragment.is_none() && matches!(path, Cow::Borrowed(_)) && !matches!(query, Some(Cow::Owned(_)));
    if untouched {
        return Cow::Borrowed(url);
    }
    let mut shown = path.into_owned();
    for (separator, part) in [('?', query.as_deref()), ('#', fragment)] {
        if let Some(part) = part {
            shown.push(separator);
            shown.push_str(part);
        }
    }
    Cow::Owned(shown)
}

/// A query string or a form body for logs: the order and the other parameters are kept.
pub fn query_string(query: &str) -> Cow<'_, str> {
    if !query.split('&').any(is_secret_parameter) {
        return Cow::Borrowed(query);
    }
    let masked = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret_parameter(pair) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    });
    Cow::Owned(masked.collect::<Vec<_>>().join("&"))
}

/// Names are compared after decoding, as a server would: `%74oken` is `token`.
fn is_secret_parameter(pair: &str) -> bool {
    let Some((name, _)) = pair.split_once('=') else { return false };
    let name = name.trim_start_matches('?');
    if !name.contains(['%', '+']) {
        return is_secret_name(name);
    }
    url::form_urlencoded::parse(name.as_bytes()).any(|(name, _)| is_secret_name(name.trim()))
}

fn mask_userinfo(path: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = path.split_once("://") else { return Cow::Borrowed(path) };
    let (authority, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => Cow::Owned(format!("{scheme}://{MASK}@{host}{tail}")),
        None => Cow::Borrowed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_parameters_are_masked_at_any_position() {
        let cases = [
            ("/ws?token=canary", "/ws?token=***"),
            ("/ws?since=1&ticket=canary&names=type", "/ws?since=1&ticket=***&names=type"),
            ("/ws?TOKEN=canary", "/ws?TOKEN=***"),
            ("/ws?%74oken=canary", "/ws?%74oken=***"),
            ("/ws?token=canary=canary", "/ws?token=***"),
            ("/ws?token=a&token=canary", "/ws?token=***&token=***"),
            ("/ws?x=1?token=canary", "/ws?x=1?token=canary"),
            ("/setup#canary", "/setup#***"),
            (
                "https://ann:canary@host/a?access_token=canary#canary",
                "https://***@host/a?access_token=***#***",
            ),
            ("postgres://ann:c@nary@db/x", "postgres://***@db/x"),
        ];
        for (given, shown) in cases {
            assert_eq!(url(given), shown);
        }
    }

    #[test]
    fn a_harmless_address_is_shown_as_it_is_and_costs_no_copy() {
        for given in
            ["/api/v1/jobs?limit=5&city=Toledo", "/", "", "/ws?token", "https://host/a", "/a?tokens=1"]
        {
            assert!(matches!(url(given), Cow::Borrowed(shown) if shown == given), "{given}");
        }
    }

    #[test]
    fn headers_that_carry_secrets_are_masked_in_any_case() {
        assert_eq!(header("Authorization", "Bearer canary"), MASK);
        assert_eq!(header("sec-websocket-protocol", "lotline.v1, lotline.bearer.canary"), MASK);
        assert_eq!(header("COOKIE", "sid=canary"), MASK);
        assert_eq!(header("user-agent", "curl/8"), "curl/8");
    }
}
