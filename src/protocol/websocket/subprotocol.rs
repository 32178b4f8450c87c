//! The client's offers in `Sec-WebSocket-Protocol`: the protocol itself and, since browsers can set no other header,
//! optionally its bearer token.

use http::HeaderMap;
use http::header::SEC_WEBSOCKET_PROTOCOL;

use super::refusal::Refusal;

/// The one protocol that the server speaks.
pub const LOTLINE_V1: &str = "lotline.v1";

const BEARER_PREFIX: &str = "lotline.bearer.";

/// [`LOTLINE_V1`] if the client offered it. Nothing else is ever selected, least of all the offer that holds a token,
/// which the answer would repeat; a client that requires its own protocol closes by itself.
pub fn select(headers: &HeaderMap) -> Result<Option<&'static str>, Refusal> {
    let mut selected = None;
    for offer in offers(headers) {
        if offer? == LOTLINE_V1 {
            selected = Some(LOTLINE_V1);
        }
    }
    Ok(selected)
}

/// The token that was offered as `lotline.bearer.TOKEN`; it may be empty, and is not checked here.
pub fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut found = None;
    for offer in offers(headers) {
        if let Some(token) = offer?.strip_prefix(BEARER_PREFIX)
            && found.replace(token).is_some()
        {
            return Err(Refusal::TwoBearerTokens);
        }
    }
    Ok(found)
}

/// Every offer of every header line, in order; each must be a token (RFC 9110, 5.6.2).
fn offers(headers: &HeaderMap) -> impl Iterator<Item = Result<&str, Refusal>> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|offer| !offer.is_empty())
        .map(|offer| match str::from_utf8(offer) {
            Ok(text) if text.bytes().all(is_token_byte) => Ok(text),
            _ => Err(Refusal::BadSubprotocol),
        })
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn offering(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn only_our_protocol_is_selected_and_only_when_offered() {
        for (lines, selected) in [
            (&[][..], None),
            (&["lotline.v1"][..], Some("lotline.v1")),
            (&["chat, lotline.v1 ,superchat"][..], Some("lotline.v1")),
            (&["chat", "lotline.bearer.abc", "\tlotline.v1"][..], Some("lotline.v1")),
            (&["lotline.v1, lotline.v1"][..], Some("lotline.v1")),
            (&["lotline.bearer.abc"][..], None),
            (&["graphql-ws, lotline.v2"][..], None),
            (&["LOTLINE.V1"][..], None),
            (&["", ", ,"][..], None),
        ] {
            assert_eq!(select(&offering(lines)), Ok(selected), "{lines:?}");
        }
    }

    #[test]
    fn a_bearer_token_is_found_on_any_line() {
        for (lines, token) in [
            (&["lotline.v1"][..], None),
            (&["lotline.v1, lotline.bearer.aaa.bbb.c-_"][..], Some("aaa.bbb.c-_")),
            (&["lotline.v1", "lotline.bearer.t"][..], Some("t")),
            (&["lotline.bearer."][..], Some("")),
            (&["Lotline.Bearer.t"][..], None),
        ] {
            assert_eq!(bearer_token(&offering(lines)), Ok(token), "{lines:?}");
        }
    }

    #[test]
    fn two_bearer_tokens_are_refused_even_if_they_are_the_same() {
        for lines in
            [&["lotline.bearer.a, lotline.bearer.b"][..], &["lotline.bearer.a", "lotline.bearer.a"][..]]
        {
            assert_eq!(bearer_token(&offering(lines)), Err(Refusal::TwoBearerTokens), "{lines:?}");
        }
    }

    #[test]
    fn an_offer_that_is_no_token_is_refused() {
        for line in ["lotline.v1 lotline.v2", "lotline.v1;q=1", "\"lotline.v1\"", "lotline.bearer.a=", "a/b"]
        {
            assert_eq!(select(&offering(&[line])), Err(Refusal::BadSubprotocol), "{line}");
        }
    }
}
