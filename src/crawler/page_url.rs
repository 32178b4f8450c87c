//! The URL of a page in one spelling, so that a page is not visited or kept twice, and without what only tells who
//! asks: parameters of campaigns and sessions.

use url::Url;

use crate::base::tracking_parameters::is_tracking_parameter;

/// The longest link that is followed; the wire's `source_url` has the same bound.
pub(super) const MAX_LINK_BYTES: usize = 2_000;

/// One spelling of a page's URL (RFC 3986 section 6.2.2): no fragment, unreserved characters plain, other escapes in
/// upper case. The parser has done case, default port, dot segments and IDNA. The query keeps its order: to some
/// servers it matters. `None` for what is never fetched.
pub(super) fn normalise(mut url: Url) -> Option<Url> {
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !web || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_fragment(None);
    if url.path().contains('%') {
        let path = normalise_escapes(url.path());
        url.set_path(&path);
    }
    if let Some(query) = url.query().filter(|query| query.contains('%')) {
        let query = normalise_escapes(query);
        url.set_query(Some(&query));
    }
    (url.as_str().len() <= MAX_LINK_BYTES).then_some(url)
}

/// The URL that is asked for where a page links to `url`: normalised, without parameters of campaigns and sessions.
/// `None` for what is never fetched.
pub(super) fn to_ask_for(url: Url) -> Option<Url> {
    normalise(without_sessions(url))
}

fn without_sessions(mut url: Url) -> Url {
    if url.path().contains([';', '(']) {
        let path: Vec<&str> =
            url.path().split('/').filter(|segment| !is_session_segment(segment)).map(plain_segment).collect();
        let path = path.join("/");
        url.set_path(if path.is_empty() { "/" } else { &path });
    }
    let Some(query) = url.query() else { return url };
    if query.split('&').any(is_dropped) {
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_dropped(pair)).collect();
        let kept = kept.join("&");
        url.set_query(Some(kept.as_str()).filter(|kept| !kept.is_empty()));
    }
    url
}

/// `(S(lit3py55t21z5v55vlm25s55))`: a session of ASP.NET.
fn is_session_segment(segment: &str) -> bool {
    let inner = segment.strip_prefix("(S(").and_then(|rest| rest.strip_suffix("))"));
    inner.is_some_and(|id| id.len() >= LEAST_SESSION && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The segment without `;jsessionid=…`. Other parameters of a segment may name the page.
fn plain_segment(segment: &str) -> &str {
    let Some((plain, parameter)) = segment.split_once(';') else { return segment };
    let name = parameter.split('=').next().unwrap_or_default().to_ascii_lowercase();
    if PATH_SESSIONS.contains(&name.as_str()) { plain } else { segment }
}

const PATH_SESSIONS: [&str; 4] = ["jsessionid", "phpsessid", "sessionid", "sid"];
/// Names that are always a session's, or a number that keeps caches from answering.
const SESSIONS: [&str; 12] = [
    "_",
    "aspsessionid",
    "cfid",
    "cftoken",
    "jsessionid",
    "oscsid",
    "phpsessid",
    "sessid",
    "sessionid",
    "session_id",
    "xtcsid",
    "zenid",
];
/// Names that are a session's where the value looks like one: `sid=7` may be the id of what is shown.
const PERHAPS_SESSIONS: [&str; 5] = ["s", "sess", "session", "sid", "token"];
/// Names that may choose what is shown. They are dropped where the value is the name of a place that links.
const PERHAPS_TRACKING: [&str; 4] = ["from", "ref", "referer", "referrer"];
const LINKING_PLACES: [&str; 20] = [
    "carousel",
    "email",
    "facebook",
    "favorites",
    "footer",
    "gallery",
    "header",
    "home",
    "homepage",
    "list",
    "mail",
    "map",
    "menu",
    "newsletter",
    "related",
    "results",
    "search",
    "similar",
    "slider",
    "teaser",
];
/// Characters of a session's id.
const LEAST_SESSION: usize = 16;

/// Whether `pair`, one `name=value` of a query, tells only who asks.
fn is_dropped(pair: &str) -> bool {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let name = name.to_ascii_lowercase();
    let name = name.as_str();
    if PERHAPS_SESSIONS.contains(&name) {
        return is_session_id(value);
    }
    if PERHAPS_TRACKING.contains(&name) {
        return LINKING_PLACES.contains(&value.to_ascii_lowercase().as_str());
    }
    // The name ends in the id itself: `ASPSESSIONIDQCARTRDA`.
    SESSIONS.contains(&name) || name.starts_with("aspsessionid") || is_tracking_parameter(pair)
}

/// Letters and digits mixed, and as many as no name of a page has.
fn is_session_id(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    value.len() >= LEAST_SESSION
        && value.bytes().all(is_plain)
        && value.bytes().filter(u8::is_ascii_digit).count() >= 3
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && value.matches('-').count() <= 4
}

/// Decodes escaped unreserved characters and writes the other escapes in upper case.
fn normalise_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let byte = rest.get(..2).filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                rest = &rest[2..];
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    plain.push(char::from(byte));
                } else {
                    plain.push_str(&format!("%{byte:02X}"));
                }
            }
            // A lone percent sign stays as it is.
            None => plain.push('%'),
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str) -> String {
        to_ask_for(url.parse().unwrap()).unwrap().into()
    }

    #[test]
    fn parameters_of_campaigns_and_sessions_are_dropped() {
        for url in [
            "https://a.example/h/1?utm_source=mail&utm_medium=x",
            "https://a.example/h/1?gclid=Cj0KCQ&fbclid=IwAR0&msclkid=7",
            "https://a.example/h/1?PHPSESSID=3f2a",
            "https://a.example/h/1?_=1764512345678",
            "https://a.example/h/1;jsessionid=0AF3B1C2.node1",
            "https://a.example/h;JSESSIONID=0AF3/1",
            "https://a.example/(S(lit3py55t21z5v55vlm25s55))/h/1",
            "https://a.example/h/1?sid=9f86d081884c7d659a2feaa0c55ad015",
            "https://a.example/h/1?ASPSESSIONIDQCARTRDA=JKLM",
            "https://a.example/h/1?ref=similar&from=list#map",
        ] {
            assert_eq!(asked(url), "https://a.example/h/1", "{url}");
        }
    }

    #[test]
    fn parameters_that_a_page_needs_are_kept_in_their_order() {
        for url in [
            "https://a.example/home.php?id=7&unit=2",
            "https://a.example/list?b=2&a=1&page=3",
            "https://a.example/rates?from=EUR&to=USD",
            "https://a.example/story?sid=1234",
            "https://a.example/search?s=houses-for-sale-in-berlin",
            "https://a.example/h/1;v=2",
            "https://a.example/h/1?ref=A12",
            "https://a.example/o(1)/h/1",
            "https://a.example/list?from=20",
            "https://a.example/?",
        ] {
            assert_eq!(asked(url), url, "{url}");
        }
        assert_eq!(asked("https://a.example/x?utm_id=1&page=2&gclid=3"), "https://a.example/x?page=2");
    }
}
