//! The caller's trace (W3C Trace Context, `traceparent`), so that our spans can be correlated with theirs.

use poem::http::HeaderMap;

/// The ids of a valid `traceparent`, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TraceParent<'a> {
    pub(super) trace_id: &'a str,
    pub(super) parent_id: &'a str,
}

impl<'a> TraceParent<'a> {
    /// `None` when there is no header, two of them, or one that breaks the rules: a bad trace is ignored.
    pub(super) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        Self::parse(value.to_str().ok()?)
    }

    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace_id, parent_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Later versions may add parts; version 0 has exactly these four.
        let is_whole = version != "ff" && (version != "00" || parts.next().is_none());
        let is_hex = is_hex(version, 2) && is_hex(trace_id, 32) && is_hex(parent_id, 16) && is_hex(flags, 2);
        let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
        let is_valid = is_whole && is_hex && !is_zero(trace_id) && !is_zero(parent_id);
        is_valid.then_some(Self { trace_id, parent_id })
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    #[test]
    fn a_valid_trace_is_read() {
        let text = format!("00-{TRACE}-{PARENT}-01");

        assert_eq!(TraceParent::parse(&text), Some(TraceParent { trace_id: TRACE, parent_id: PARENT }));
        assert!(TraceParent::parse(&format!("01-{TRACE}-{PARENT}-01-more")).is_some());
    }

    #[test]
    fn a_trace_that_breaks_the_rules_is_ignored() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{PARENT}"),
        ] {
            assert_eq!(TraceParent::parse(&text), None, "{text}");
        }
    }
}
