//! Detects secrets in arbitrary text: tokens, our own keys, credentials, and values next to a secret's name. One
//! pass; it rather masks too much than too little.

use std::borrow::Cow;

use super::redact::{MASK, is_secret_name};

/// The minimum length after `eyJ` that is taken for a token.
const TOKEN_BYTES: usize = 16;
/// How far the dot after an unusual header is searched, so that a hostile line costs no more than its length allows.
const HEADER_BYTES: usize = 256;
/// The minimum length after `llk_` and similar prefixes that is taken for a secret.
const SECRET_BYTES: usize = 8;
/// The minimum length of a text after `Bearer` that is taken for a credential rather than for prose.
const CREDENTIAL_BYTES: usize = 16;
/// How far before `=` or `:` a name is searched.
const NAME_BYTES: usize = 32;

/// `text` with everything masked that looks like a secret.
pub fn mask_secrets(text: &str) -> Cow<'_, str> {
    let (mut shown, mut copied, mut at) = (String::new(), 0, 0);
    while at < text.len() {
        let Some(SecretSpan { from, to }) = match_secret(text.as_bytes(), at) else {
            at += 1;
            continue;
        };
        // Both ends are next to ASCII, so they are character boundaries.
        shown.push_str(text.get(copied..from).unwrap_or_default());
        shown.push_str(MASK);
        (copied, at) = (to, to);
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(shown)
}

/// The bytes to mask; never empty, and never before the position of the search.
struct SecretSpan {
    from: usize,
    to: usize,
}

fn match_secret(text: &[u8], at: usize) -> Option<SecretSpan> {
    let rest = text.get(at..)?;
    match rest.first()? {
        b'e' => match_jwt(rest).map(|length| SecretSpan { from: at, to: at + length }),
        b'l' => match_own_secret(rest).map(|length| SecretSpan { from: at + 4, to: at + 4 + length }),
        b'B' | b'b' => {
            match_authorization(rest).map(|(skip, end)| SecretSpan { from: at + skip, to: at + end })
        }
        b'=' | b':' => match_named_value(text, at),
        _ => None,
    }
}

/// A JSON Web Token: base64url of an object begins with `eyJ` (`{"`), or with `ey` and `ew` where whitespace follows
/// the brace. The match includes dots, also percent-encoded ones, so that all three parts are masked.
fn match_jwt(rest: &[u8]) -> Option<usize> {
    let sure = rest.starts_with(b"eyJ");
    if !sure && !rest.starts_with(b"ey") && !rest.starts_with(b"ew") {
        return None;
    }
    if !sure {
        let header = run_length(rest.get(..HEADER_BYTES.min(rest.len()))?, is_base64);
        if header < TOKEN_BYTES || rest.get(header) != Some(&b'.') {
            return None;
        }
    }
    let length = run_length(rest, |byte| is_base64(byte) || byte == b'.' || byte == b'%');
    (length >= TOKEN_BYTES).then_some(length)
}

/// A key, refresh token, ticket or link of our own: `llk_`, `llr_`, `llt_`, `lls_` and the following characters.
fn match_own_secret(rest: &[u8]) -> Option<usize> {
    let marked = matches!(rest, [b'l', b'l', b'k' | b'r' | b't' | b's', b'_', ..]);
    let length = run_length(rest.get(4..)?, is_base64);
    (marked && length >= SECRET_BYTES).then_some(length)
}

/// `Bearer X` or `Basic X`, separated by a blank (also encoded) or, as in our subprotocol, a dot.
fn match_authorization(rest: &[u8]) -> Option<(usize, usize)> {
    let scheme = ["bearer", "basic"].into_iter().find(|scheme| {
        rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    })?;
    let after = rest.get(scheme.len()..)?;
    let gap = if after.starts_with(b"%20") {
        3
    } else {
        run_length(after, |byte| matches!(byte, b' ' | b'+' | b'.'))
    };
    let word = run_length(after.get(gap..)?, |byte| is_base64(byte) || matches!(byte, b'.' | b'~' | b'%'));
    let start = scheme.len() + gap;
    (gap > 0 && word >= CREDENTIAL_BYTES).then_some((start, start + word))
}

/// The value of `name=value`, of `"name": "value"` at any depth of quoting, or of a header `name: value`, where the
/// name is a secret's.
fn match_named_value(text: &[u8], at: usize) -> Option<SecretSpan> {
    let name = name_before(text, at)?;
    if !is_secret_name(name) {
        return None;
    }
    let rest = text.get(at + 1..)?;
    let blanks = run_length(rest, |byte| byte == b' ');
    let value = rest.get(blanks..)?;
    let slashes = run_length(value, |byte| byte == b'\\');
    let quoted = value.get(slashes) == Some(&b'"');
    let header = ["authorization", "cookie", "set-cookie"].iter().any(|kind| name.eq_ignore_ascii_case(kind));
    let equals = text.get(at) == Some(&b'=');
    let (skip, length) = if quoted {
        (slashes + 1, quoted_length(value.get(slashes + 1..)?, slashes))
    } else if header {
        // The rest of the value's line: a scheme, a blank, the credential.
        (0, bare_length(value, |byte| !matches!(byte, b'"' | b'\n' | b'\r')))
    } else if equals && blanks == 0 {
        (0, bare_length(value, |byte| !byte.is_ascii_whitespace() && !b"&\"'<>),;#]}".contains(&byte)))
    } else {
        return None;
    };
    let from = at + 1 + blanks + skip;
    let known = text.get(from..from + length)? == MASK.as_bytes();
    (length > 0 && !known).then_some(SecretSpan { from, to: from + length })
}

/// The name that ends at `end`, without the quotes around it.
fn name_before(text: &[u8], end: usize) -> Option<&str> {
    let before = text.get(end.saturating_sub(NAME_BYTES)..end)?;
    let closing = before.iter().rev().take_while(|byte| matches!(byte, b'"' | b'\\' | b'\'')).count();
    let before = before.get(..before.len() - closing)?;
    let word =
        before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)).count();
    std::str::from_utf8(before.get(before.len() - word..)?).ok()
}

/// The length up to the quote that closes a value which was opened with `slashes` before its quote. A quote within
/// the value has more slashes before it; at depth zero it has an odd number.
fn quoted_length(value: &[u8], slashes: usize) -> usize {
    let mut before = 0;
    for (at, byte) in value.iter().enumerate() {
        match byte {
            b'\\' => before += 1,
            b'"' if before <= slashes || (slashes == 0 && before % 2 == 0) => {
                return at - before.min(slashes);
            }
            _ => before = 0,
        }
    }
    value.len()
}

/// The length of an unquoted value. It ends at an escaped quote or newline too: then it is inside of a quoted text,
/// and the syntax of that must be preserved.
fn bare_length(value: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    let mut length = 0;
    while let Some(byte) = value.get(length).filter(|byte| belongs(**byte)) {
        match (byte, value.get(length + 1)) {
            (b'\\', Some(b'"' | b'n' | b'r')) => break,
            (b'\\', Some(b'\\')) => length += 2,
            _ => length += 1,
        }
    }
    length
}

fn run_length(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| belongs(**byte)).count()
}

/// Either alphabet of RFC 4648.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLWNhbmFyeQ";
    const SECRETS: [&str; 6] = [
        JWT,
        "llk_0192f0c17a9b7c31a5d2e4f60718293a_c2VjcmV0LWNhbmFyeS0wMTIzNDU2Nzg5",
        "llr_c2VjcmV0LWNhbmFyeS0wMTIzNDU2Nzg5",
        "llt_c2VjcmV0LWNhbmFyeS0wMTIzNDU2Nzg5",
        "lls_c2VjcmV0LWNhbmFyeS0wMTIzNDU2Nzg5",
        "eyAiYWxnIjogIm5vbmUiIH0.eyJzdWIiOiI3IiwiaWF0IjowfQ.",
    ];

    /// Whether a useful part of the secret's payload is left.
    fn leaks(shown: &str, secret: &str) -> bool {
        let payload = secret.get(4..).unwrap_or_default().as_bytes();
        payload.windows(8).any(|part| shown.as_bytes().windows(8).any(|seen| seen == part))
    }

    #[test]
    fn tokens_and_keys_are_masked_in_any_surroundings() {
        let surroundings = [
            ("", ""),
            ("token ", " refused"),
            ("?x=1&y=", "&z=2"),
            ("\"", "\""),
            ("%3D", "%26"),
            ("äöü", "äöü"),
            ("Authorization: Bearer ", ""),
            ("lotline.v1, lotline.bearer.", ", more"),
            ("path/", "/tail"),
        ];
        for secret in SECRETS {
            for (before, after) in surroundings {
                let text = format!("{before}{secret}{after}");
                let shown = mask_secrets(&text);
                assert!(!leaks(&shown, secret), "{text} -> {shown}");
                assert!(
                    shown.starts_with(before.trim_end_matches("Bearer ").trim_end_matches("Authorization: "))
                );
            }
        }
    }

    #[test]
    fn values_beside_a_secret_name_are_masked_whatever_they_look_like() {
        let cases = [
            ("GET /ws?token=hunter2&since=4", "GET /ws?token=***&since=4"),
            ("password=hunter2 user=ann", "password=*** user=ann"),
            (r#"{"password":"hunter2","a":1}"#, r#"{"password":"***","a":1}"#),
            (r#"{"password": "hun\"ter2","a":1}"#, r#"{"password": "***","a":1}"#),
            (r#"{"m":"{\"password\":\"hunter2\",\"a\":1}"}"#, r#"{"m":"{\"password\":\"***\",\"a\":1}"}"#),
            (
                r#"Login { username: "ann", password: "hunter2" }"#,
                r#"Login { username: "ann", password: "***" }"#,
            ),
            ("authorization: Basic YTpi", "authorization: ***"),
            (r#"{"cookie":"sid=hunter2"}"#, r#"{"cookie":"***"}"#),
            ("Bearer 0123456789abcdef0123", "Bearer ***"),
        ];
        for (given, shown) in cases {
            assert_eq!(mask_secrets(given), shown);
            assert_eq!(mask_secrets(shown), shown, "a masked line stays as it is");
        }
    }

    #[test]
    fn a_hostile_line_is_masked_in_linear_time() {
        for part in ["ey", "ew", "token:", "bearer ", "basic.", "llk_", "=", "\"", "\\"] {
            let hostile = part.repeat(65_536 / part.len());
            let shown = mask_secrets(&format!("{hostile} {JWT}")).into_owned();
            assert!(!leaks(&shown, JWT), "{part}");
        }
    }

    proptest! {
        #[test]
        fn no_text_around_a_secret_lets_it_through(before in "\\PC{0,40}", after in "\\PC{0,40}", which in 0..6_usize) {
            let secret = SECRETS[which];
            let text = format!("{before}{secret} {after}");
            prop_assert!(!leaks(&mask_secrets(&text), secret), "{}", text);
        }

        #[test]
        fn a_password_in_json_never_shows(password in "[ -~]{8,40}", depth in 0..3_usize) {
            let password = format!("canary{password}yranac");
            let mut text = serde_json::json!({"username": "ann", "password": password}).to_string();
            for _ in 0..depth {
                text = serde_json::json!({"message": text}).to_string();
            }
            let shown = mask_secrets(&text).into_owned();
            prop_assert!(!shown.contains("canary") && !shown.contains("yranac"), "{}", shown);
        }
    }
}
