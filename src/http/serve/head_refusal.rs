//! Refusals of requests with an unreadable head. hyper answers them by itself, with a bare status line and no body;
//! its answer is recognised by its form and replaced by a problem (RFC 9457) when it is written. This module checks
//! no head and knows no route.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::base::entropy::Entropy;
use crate::http::cors::allow_refusal;
use crate::http::problem::{PROBLEM_JSON, RequestId};
use crate::http::security_headers::FIELDS as SECURITY_FIELDS;
use crate::http::web_origin::OriginPolicy;
use crate::protocol::problem::{Code, Problem};

/// The fields of hyper's own answer; any other field makes it one of ours.
const FIELDS: [&str; 3] = ["connection", "content-length", "date"];

/// Maximum length of it: a status line and those fields.
const LONGEST: usize = 256;

/// What the refusals of unreadable heads are built from.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadRefusalContext {
    pub(super) entropy: Entropy,
    pub(super) origins: Option<OriginPolicy>,
}

/// The fields of an incomplete head that determine a page's origin, for a refusal. They are collected while the head
/// arrives, in any order.
#[derive(Debug, Default)]
pub(super) struct PartialHead {
    /// The beginning of the incomplete line.
    line: Vec<u8>,
    fields: Vec<u8>,
}

impl PartialHead {
    /// A longer line is none of these fields.
    const LINE_BYTES: usize = 1024;
    /// Maximum number of bytes of fields that are kept.
    const BYTES: usize = 4 * 1024;

    pub(super) fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = Self::LINE_BYTES.saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                if origin_field(&line).is_some() && self.fields.len() + line.len() <= Self::BYTES {
                    self.fields.extend(line);
                }
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn fields(&self) -> HeaderMap {
        self.fields.split_inclusive(|byte| *byte == b'\n').filter_map(origin_field).collect()
    }
}

/// A whole line, if it is one of the fields that determine a page's origin.
fn origin_field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let line = line.strip_suffix(b"\n")?;
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    let is_wanted = matches!(name.as_str(), "origin" | "host" | "x-forwarded-proto");
    is_wanted
        .then(|| HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok().map(|value| (name, value)))?
}

/// `written` with hyper's own refusal at its end replaced. `None`: it contains none. Called only while no request is
/// being answered; the rest of an earlier answer has another form.
pub(super) fn with_problem(written: &[u8], start: &PartialHead, with: &HeadRefusalContext) -> Option<Bytes> {
    // Nearly always it is called for the end of an answer's body.
    if !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let tail = written.len().saturating_sub(LONGEST);
    let place = tail + find_last(&written[tail..], b"HTTP/1.1 4")?;
    let head = std::str::from_utf8(&written[place..]).ok()?.strip_suffix("\r\n\r\n")?;
    let (status_line, fields) = head.split_once("\r\n")?;
    let fields: Vec<(&str, &str)> =
        fields.split("\r\n").map(|line| line.split_once(": ")).collect::<Option<_>>()?;
    let is_bare =
        fields.contains(&("content-length", "0")) && fields.iter().all(|(name, _)| FIELDS.contains(name));
    if !is_bare {
        return None;
    }
    let problem = problem(status_line.split(' ').nth(1)?)?;
    let date = fields.iter().find(|(name, _)| *name == "date").map(|(_, date)| *date);
    let mut whole = written[..place].to_vec();
    whole.extend(answer(status_line, date, &problem, &cors(start, with), with.entropy));
    Some(whole.into())
}

fn find_last(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

fn problem(status: &str) -> Option<Problem> {
    match status {
        "431" | "414" => {
            let words = "The request's head is larger than the server takes, or has more than 100 fields.";
            Some(Problem::new(Code::HeadersTooLarge, words))
        }
        "400" => Some(Problem::new(Code::BadRequest, "The request's head is no HTTP/1.1.")),
        _ => None,
    }
}

/// The headers that let the page which sent the head read the refusal.
fn cors(start: &PartialHead, with: &HeadRefusalContext) -> String {
    let mut headers = HeaderMap::new();
    if let Some(origins) = &with.origins {
        allow_refusal(origins, &start.fields(), &mut headers);
    }
    let lines =
        headers.iter().filter_map(|(name, value)| Some(format!("{name}: {}\r\n", value.to_str().ok()?)));
    lines.collect()
}

fn answer(status_line: &str, date: Option<&str>, problem: &Problem, cors: &str, entropy: Entropy) -> Vec<u8> {
    let id = RequestId::make(entropy);
    // Strings and numbers always serialise.
    let body = serde_json::to_vec(&problem.to_body(id.as_str())).unwrap_or_default();
    let date = date.map(|date| format!("date: {date}\r\n")).unwrap_or_default();
    let security: String =
        SECURITY_FIELDS.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{status_line}\r\ncontent-type: {PROBLEM_JSON}\r\ncache-control: no-store\r\n{name}: {id}\r\n\
         {security}{cors}connection: close\r\ncontent-length: {length}\r\n{date}\r\n",
        name = RequestId::HEADER,
        length = body.len(),
    );
    [head.into_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
         date: Wed, 25 Nov 2026 16:00:00 GMT\r\n\r\n";

    fn text(written: &str) -> Option<String> {
        with_problem(written.as_bytes(), &PartialHead::default(), &HeadRefusalContext::default())
            .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn a_bare_refusal_becomes_a_problem_and_keeps_its_status_and_date() {
        let told = text(BARE).unwrap();

        let (head, body) = told.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains("connection: close") && head.ends_with("16:00:00 GMT"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((body["code"].as_str(), body["status"].as_u64()), (Some("headers_too_large"), Some(431)));
        assert!(head.contains(body["request_id"].as_str().unwrap()), "{head}");
    }

    #[test]
    fn a_page_of_an_allowed_origin_may_read_why_its_head_was_refused_and_another_may_not() {
        let origins = Some(OriginPolicy::new(&["https://app.example.com".to_owned()], None, false));
        let with = HeadRefusalContext { entropy: Entropy, origins };
        let told = |origin: &str| {
            let mut start = PartialHead::default();
            start.add(format!("GET /{} HTTP/1.1\r\nHost: x\r\nX: ", "x".repeat(40_000)).as_bytes());
            start.add(b"x\r\nOri");
            start.add(format!("gin: {origin}\r\nX: ").as_bytes());
            String::from_utf8(with_problem(BARE.as_bytes(), &start, &with).unwrap().to_vec()).unwrap()
        };

        assert!(
            told("https://app.example.com")
                .contains("access-control-allow-origin: https://app.example.com\r\n")
        );
        assert!(!told("https://evil.example").contains("access-control-allow-origin"));
    }

    #[test]
    fn the_end_of_an_answer_before_it_is_kept() {
        let told = text(&format!("last words{BARE}")).unwrap();

        assert!(told.starts_with("last wordsHTTP/1.1 431 "), "{told}");
    }

    #[test]
    fn an_answer_with_a_field_of_its_own_or_another_status_is_left_alone() {
        let own = BARE.replace("connection: close", "x-request-id: 1");
        let with_body = BARE.replace("content-length: 0", "content-length: 5");
        let other = BARE.replace("431", "404");

        for written in [own, with_body, other, format!("{BARE}more"), "hello".to_owned()] {
            assert_eq!(text(&written), None, "{written}");
        }
    }
}
