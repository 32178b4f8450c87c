//! The opening handshake, checked by the request's head alone (RFC 6455, 4.2). The caller and the origin are checked
//! elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Version};
use sha1::{Digest as _, Sha1};

use super::refusal::Refusal;
use super::subprotocol;

/// The key is hashed with it; the hash proves that the server read the handshake (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An acceptable handshake, with all data for its 101 answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    pub accept_key: HeaderValue,
    pub subprotocol: Option<&'static str>,
}

/// Checks a request for a WebSocket.
pub fn check(method: &Method, version: Version, headers: &HeaderMap) -> Result<Accept, Refusal> {
    if method != Method::GET {
        return Err(Refusal::NotGet);
    }
    check_upgrade(version, headers)?;
    if announces_body(headers) {
        return Err(Refusal::HasBody);
    }
    if only(headers, &SEC_WEBSOCKET_VERSION) != Some(b"13") {
        return Err(Refusal::WrongVersion);
    }
    let key = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key)).ok_or(Refusal::BadKey)?;
    Ok(Accept { accept_key: accept_key(key)?, subprotocol: subprotocol::select(headers)? })
}

/// HTTP/1.0 and HTTP/2 have no `Upgrade`; the header must be ignored there.
fn check_upgrade(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let asked = has_token(headers, &CONNECTION, b"upgrade");
    if version != Version::HTTP_11 || !(asked || headers.contains_key(UPGRADE)) {
        return Err(Refusal::NoUpgrade);
    }
    if !has_token(headers, &UPGRADE, b"websocket") {
        return Err(Refusal::NotWebSocket);
    }
    if !asked {
        return Err(Refusal::NotConnectionUpgrade);
    }
    Ok(())
}

/// Whether a body is to follow: we would read it as frames, a proxy in between as a body.
fn announces_body(headers: &HeaderMap) -> bool {
    let is_none = |length: &HeaderValue| length.as_bytes().trim_ascii().iter().all(|digit| *digit == b'0');
    headers.contains_key(TRANSFER_ENCODING) || !headers.get_all(CONTENT_LENGTH).iter().all(is_none)
}

/// Whether a list header contains `token`, on any of its lines.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

/// The value of a header that occurs exactly once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes().trim_ascii()),
        _ => None,
    }
}

fn is_key(key: &[u8]) -> bool {
    // The length first, so that an oversized key is never decoded.
    key.len() == 24 && STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

fn accept_key(key: &[u8]) -> Result<HeaderValue, Refusal> {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    HeaderValue::try_from(STANDARD.encode(digest)).map_err(|_| Refusal::BadKey)
}

impl Accept {
    /// The headers of the 101 answer.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let fixed = [
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_ACCEPT, self.accept_key.clone()),
        ];
        let subprotocol =
            self.subprotocol.map(|name| (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name)));
        fixed.into_iter().chain(subprotocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of RFC 6455, 1.3.
    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];

    /// The good request, with every line of `name` replaced by `values`.
    fn with(name: &'static str, values: &[&str]) -> Result<Accept, Refusal> {
        let kept = GOOD.into_iter().filter(|(other, _)| *other != name);
        let lines = kept.chain(values.iter().map(|value| (name, *value)));
        let headers = lines.map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        check(&Method::GET, Version::HTTP_11, &map)
    }

    fn good() -> HeaderMap {
        let pairs =
            GOOD.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.into_iter().collect()
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted_with_its_key() {
        let accept = check(&Method::GET, Version::HTTP_11, &good()).unwrap();

        assert_eq!(accept.accept_key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept.subprotocol, None);
    }

    #[test]
    fn the_answer_names_the_subprotocol_only_when_one_was_selected() {
        let names = |accept: Accept| accept.headers().map(|(name, _)| name.to_string()).collect::<Vec<_>>();

        let plain = names(with("origin", &[]).unwrap());
        let spoken = names(with("sec-websocket-protocol", &["lotline.bearer.t, lotline.v1"]).unwrap());

        assert_eq!(plain, ["connection", "upgrade", "sec-websocket-accept"]);
        assert_eq!(spoken, ["connection", "upgrade", "sec-websocket-accept", "sec-websocket-protocol"]);
    }

    #[test]
    fn lists_cases_and_several_lines_are_understood() {
        for (name, values) in [
            ("connection", &["keep-alive, Upgrade"][..]),
            ("connection", &["keep-alive", "UPGRADE"][..]),
            ("connection", &["close ,\tupgrade ,"][..]),
            ("upgrade", &["WebSocket"][..]),
            ("upgrade", &["h2c, websocket"][..]),
            ("upgrade", &["h2c", "websocket"][..]),
            ("sec-websocket-version", &[" 13 "][..]),
            ("sec-websocket-extensions", &["permessage-deflate; client_max_window_bits"][..]),
            ("sec-websocket-protocol", &["unknown"][..]),
        ] {
            assert!(with(name, values).is_ok(), "{name}: {values:?}");
        }
    }

    #[test]
    fn each_flaw_is_refused_by_its_own_words() {
        for (name, values, refusal) in [
            ("connection", &[][..], Refusal::NotConnectionUpgrade),
            ("connection", &["keep-alive"][..], Refusal::NotConnectionUpgrade),
            ("connection", &["upgraded"][..], Refusal::NotConnectionUpgrade),
            ("upgrade", &[][..], Refusal::NotWebSocket),
            ("upgrade", &["h2c"][..], Refusal::NotWebSocket),
            ("upgrade", &["websocket/13"][..], Refusal::NotWebSocket),
            ("sec-websocket-version", &[][..], Refusal::WrongVersion),
            ("sec-websocket-version", &["8"][..], Refusal::WrongVersion),
            ("sec-websocket-version", &["013"][..], Refusal::WrongVersion),
            ("sec-websocket-version", &["13, 8"][..], Refusal::WrongVersion),
            ("sec-websocket-version", &["13", "13"][..], Refusal::WrongVersion),
            ("sec-websocket-key", &[][..], Refusal::BadKey),
            ("sec-websocket-key", &[""][..], Refusal::BadKey),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZQ"][..], Refusal::BadKey),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZ==="][..], Refusal::BadKey),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZR=="][..], Refusal::BadKey),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZVX="][..], Refusal::BadKey),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZVXX"][..], Refusal::BadKey),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25j-_=="][..], Refusal::BadKey),
            ("sec-websocket-key", &["ÄÄÄÄÄÄÄÄÄÄÄÄ"][..], Refusal::BadKey),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZQ=="; 2][..], Refusal::BadKey),
            ("sec-websocket-protocol", &["a b"][..], Refusal::BadSubprotocol),
        ] {
            assert_eq!(with(name, values), Err(refusal), "{name}: {values:?}");
        }
    }

    #[test]
    fn a_plain_request_gets_upgrade_required() {
        let answer = check(&Method::GET, Version::HTTP_11, &HeaderMap::new());

        assert_eq!(answer, Err(Refusal::NoUpgrade));
        assert_eq!(Refusal::NoUpgrade.status(), 426);
        assert!(Refusal::NoUpgrade.headers().contains(&("sec-websocket-version", "13")));
    }

    #[test]
    fn older_and_newer_http_know_no_upgrade() {
        for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
            assert_eq!(check(&Method::GET, version, &good()), Err(Refusal::NoUpgrade));
        }
    }

    #[test]
    fn only_get_opens_a_socket() {
        for method in [Method::POST, Method::HEAD, Method::OPTIONS, Method::CONNECT] {
            assert_eq!(check(&method, Version::HTTP_11, &good()), Err(Refusal::NotGet));
        }
        assert_eq!(Refusal::NotGet.status(), 405);
        assert_eq!(Refusal::NotGet.headers(), [("allow", "GET")]);
    }
}
