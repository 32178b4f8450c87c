//! `Content-Disposition` (RFC 6266): the file name of a download.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the `attr-char` of RFC 8187.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Always an attachment; names that are not plain ASCII in both forms.
pub fn attachment(filename: &str) -> String {
    let plain = |character: char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\' | '%');
    let fallback: String =
        filename.chars().map(|character| if plain(character) { character } else { '_' }).collect();
    if fallback == filename {
        return format!("attachment; filename=\"{fallback}\"");
    }
    let exact = utf8_percent_encode(filename, ESCAPED);
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ascii_name_is_written_plain_and_another_in_both_forms() {
        assert_eq!(attachment("a b.pdf"), "attachment; filename=\"a b.pdf\"");
        assert_eq!(
            attachment("Grundriß 1.pdf"),
            "attachment; filename=\"Grundri_ 1.pdf\"; filename*=UTF-8''Grundri%C3%9F%201.pdf"
        );
        assert_eq!(attachment("100%.txt"), "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt");
    }
}
