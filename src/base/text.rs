//! Text with a stated length, counted in Unicode scalar values, and the short names that tenants and rooms go by.

/// Whether `text` has between `least` and `most` characters and no NUL, which neither database keeps reliably.
pub fn fits(text: &str, least: usize, most: usize) -> bool {
    let count = text.chars().take(most + 1).count();
    (least..=most).contains(&count) && !text.contains('\0')
}

/// Whether an address carries a user name or a password. It is stored, shown and logged, so no secret may stand in it.
pub fn names_credentials(url: &url::Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether `text` is a slug: 1 to `most` of `a-z`, `0-9` and `-`, neither first nor last a dash.
pub fn is_slug(text: &str, most: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= most
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The last bytes of `text`, at most `most`, from a character's border on.
pub fn cut_front(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// Cuts `text` to at most `most` bytes at a character's border.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
