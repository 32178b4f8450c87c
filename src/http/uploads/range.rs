//! `Range` (RFC 9110 section 14): one range of bytes. What is no range, and several at once, ask for the whole.

use std::ops::Range;

/// What of a file is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Range<u64>),
    /// Nothing of it is there.
    Nothing,
}

/// Reads the header for a file of `size` bytes.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(header) = header else { return Wanted::Whole };
    let Some(spec) = header.trim().strip_prefix("bytes=") else { return Wanted::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Some(first), _)
            if first >= size && (last.is_empty() || number(last).is_some_and(|last| last >= first)) =>
        {
            Wanted::Nothing
        }
        (Some(first), None) if last.is_empty() => Wanted::Part(first..size),
        (Some(first), Some(last)) if last >= first => Wanted::Part(first..last.saturating_add(1).min(size)),
        (None, Some(0)) if first.is_empty() => Wanted::Nothing,
        (None, Some(_)) if first.is_empty() && size == 0 => Wanted::Nothing,
        (None, Some(count)) if first.is_empty() => Wanted::Part(size.saturating_sub(count)..size),
        _ => Wanted::Whole,
    }
}

/// Digits only; more than there are bytes in the world is as good as the most.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        let of_ten = |header| wanted(Some(header), 10);

        assert_eq!(of_ten("bytes=0-4"), Wanted::Part(0..5));
        assert_eq!(of_ten("bytes=5-"), Wanted::Part(5..10));
        assert_eq!(of_ten("bytes=5-100"), Wanted::Part(5..10));
        assert_eq!(of_ten("bytes=-3"), Wanted::Part(7..10));
        assert_eq!(of_ten("bytes=-100"), Wanted::Part(0..10));
        assert_eq!(of_ten("bytes=9-9"), Wanted::Part(9..10));
        assert_eq!(of_ten("bytes=10-"), Wanted::Nothing);
        assert_eq!(of_ten("bytes=10-20"), Wanted::Nothing);
        assert_eq!(of_ten("bytes=99999999999999999999-"), Wanted::Nothing);
        assert_eq!(of_ten("bytes=-0"), Wanted::Nothing);
        for header in
            ["bytes=4-2", "bytes=20-12", "bytes=a-b", "bytes=-", "bytes=1", "items=0-1", "bytes=0-1,3-4", ""]
        {
            assert_eq!(of_ten(header), Wanted::Whole, "{header}");
        }
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Nothing);
        assert_eq!(wanted(Some("bytes=-5"), 0), Wanted::Nothing);
        assert_eq!(wanted(None, 10), Wanted::Whole);
    }
}
