//! The type of a file by its first bytes. The declared type is used only where both are text: a page or a script
//! under another name keeps its own type.

/// Bytes that are examined.
pub const HEAD_BYTES: u64 = 8 * 1024;

const BINARY: &str = "application/octet-stream";
const TEXT: &str = "text/plain";

/// Text types that no browser executes.
const PLAIN: [&str; 9] = [
    "text/plain",
    "text/csv",
    "text/markdown",
    "text/tab-separated-values",
    "text/vcard",
    "text/calendar",
    "application/json",
    "application/geo+json",
    "application/x-ndjson",
];

/// The type of a file that begins with `head`; `whole` when that is all of it.
pub fn content_type(head: &[u8], declared: Option<&str>, whole: bool) -> String {
    if let Some(kind) = infer::get(head) {
        return kind.mime_type().to_owned();
    }
    if !is_text(head, whole) {
        return BINARY.to_owned();
    }
    let essence = declared.and_then(|declared| declared.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    if PLAIN.contains(&essence.as_str()) { essence } else { TEXT.to_owned() }
}

/// UTF-8 without control characters other than white space. A head may end within a character.
fn is_text(head: &[u8], whole: bool) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if !whole && error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|one| one.is_control() && !matches!(one, '\n' | '\r' | '\t' | '\u{c}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &[u8], declared: &str) -> String {
        content_type(head, Some(declared), true)
    }

    #[test]
    fn the_content_decides_and_not_the_declared_type() {
        assert_eq!(found(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "text/plain"), "image/png");
        assert_eq!(found(b"%PDF-1.7\n", "image/png"), "application/pdf");
        assert_eq!(found(b"<!DOCTYPE html><script>", "image/png"), "text/html");
        assert_eq!(
            found(b"MZ\x90\0\x03\0\0\0", "image/png"),
            "application/vnd.microsoft.portable-executable"
        );
        assert_eq!(found(b"\0\x01\x02 what is this", "image/png"), BINARY);
        assert_eq!(found(b"alert(1)", "text/javascript"), TEXT);
        assert_eq!(found(b"", "text/csv"), "text/csv");
    }

    #[test]
    fn a_sender_may_say_which_kind_of_text() {
        assert_eq!(found("street,city\nÄ,B".as_bytes(), "text/csv; charset=utf-8"), "text/csv");
        assert_eq!(found(b"{}", "application/json"), "application/json");
        assert_eq!(content_type(b"plain", None, true), TEXT);
        // The head is cut within a character.
        assert_eq!(content_type(&"aü".as_bytes()[..2], None, false), TEXT);
        assert_eq!(content_type(&"aü".as_bytes()[..2], None, true), BINARY);
    }
}
