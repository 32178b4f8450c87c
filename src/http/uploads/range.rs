//! `Range` (RFC 9110 section 14): one range of bytes. A malformed range, and several at once, mean the whole file.

use std::ops::Range;

/// The requested part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedRange {
    Whole,
    Part(Range<u64>),
    /// The range lies outside of the file.
    Unsatisfiable,
}

/// Reads the header for a file of `size` bytes.
pub fn parse_range(header: Option<&str>, size: u64) -> RequestedRange {
    let Some(header) = header else { return RequestedRange::Whole };
    let Some(spec) = header.trim().strip_prefix("bytes=") else { return RequestedRange::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return RequestedRange::Whole };
    match (number(first), number(last)) {
        (Some(first), _)
            if first >= size && (last.is_empty() || number(last).is_some_and(|last| last >= first)) =>
        {
            RequestedRange::Unsatisfiable
        }
        (Some(first), None) if last.is_empty() => RequestedRange::Part(first..size),
        (Some(first), Some(last)) if last >= first => {
            RequestedRange::Part(first..last.saturating_add(1).min(size))
        }
        (None, Some(0)) if first.is_empty() => RequestedRange::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && size == 0 => RequestedRange::Unsatisfiable,
        (None, Some(count)) if first.is_empty() => RequestedRange::Part(size.saturating_sub(count)..size),
        _ => RequestedRange::Whole,
    }
}

/// Digits only; a number beyond 64 bits counts as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        let of_ten = |header| parse_range(Some(header), 10);

        assert_eq!(of_ten("bytes=0-4"), RequestedRange::Part(0..5));
        assert_eq!(of_ten("bytes=5-"), RequestedRange::Part(5..10));
        assert_eq!(of_ten("bytes=5-100"), RequestedRange::Part(5..10));
        assert_eq!(of_ten("bytes=-3"), RequestedRange::Part(7..10));
        assert_eq!(of_ten("bytes=-100"), RequestedRange::Part(0..10));
        assert_eq!(of_ten("bytes=9-9"), RequestedRange::Part(9..10));
        assert_eq!(of_ten("bytes=10-"), RequestedRange::Unsatisfiable);
        assert_eq!(of_ten("bytes=10-20"), RequestedRange::Unsatisfiable);
        assert_eq!(of_ten("bytes=99999999999999999999-"), RequestedRange::Unsatisfiable);
        assert_eq!(of_ten("bytes=-0"), RequestedRange::Unsatisfiable);
        for header in
            ["bytes=4-2", "bytes=20-12", "bytes=a-b", "bytes=-", "bytes=1", "items=0-1", "bytes=0-1,3-4", ""]
        {
            assert_eq!(of_ten(header), RequestedRange::Whole, "{header}");
        }
        assert_eq!(parse_range(Some("bytes=0-"), 0), RequestedRange::Unsatisfiable);
        assert_eq!(parse_range(Some("bytes=-5"), 0), RequestedRange::Unsatisfiable);
        assert_eq!(parse_range(None, 10), RequestedRange::Whole);
    }
}
