//! The framing of a body (RFC 9112 section 6). Two parties that read a request must agree on its end: the only
//! transfer coding that is served is `chunked`, once and alone.

use http::{HeaderMap, header};

use crate::protocol::problem::{Code, Problem};

/// Refuses a request with a body that is not framed by `Content-Length` or by `chunked` alone.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let mut given = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Problem::new(
            Code::BadRequest,
            "The only Transfer-Encoding that is served is `chunked`, in one field and without another coding.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn is_served(fields: &[&'static str]) -> bool {
        let values = fields.iter().map(|field| (header::TRANSFER_ENCODING, HeaderValue::from_static(field)));
        check(&values.collect()).is_ok()
    }

    #[test]
    fn chunked_is_served_once_and_alone() {
        assert!([&[] as &[_], &["chunked"], &["Chunked"]].into_iter().all(is_served));
        let refused: [&[_]; 7] = [
            &["identity", "chunked"],
            &["chunked", "chunked"],
            &["gzip, chunked"],
            &["chunked, chunked"],
            &["identity"],
            &["chunked;q=1"],
            &[""],
        ];
        assert!(!refused.into_iter().any(is_served));
    }
}
