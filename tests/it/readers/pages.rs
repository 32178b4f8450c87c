//! Pages: ordinary ones, and hostile ones that were harmful before pages were parsed in separate processes.

/// A home, with a link to the next one.
pub(super) fn home(number: usize) -> Vec<u8> {
    format!(
        r#"<a href="/h/{}">next</a><script type="application/ld+json">{{"@type": "House", "name": "Home {number}",
            "identifier": "H-{number}", "numberOfBedrooms": 3,
            "offers": {{"@type": "Offer", "price": 100000.25, "priceCurrency": "USD"}}}}</script>"#,
        number + 1
    )
    .into_bytes()
}

/// Links to these paths.
pub(super) fn index(paths: &[&str]) -> Vec<u8> {
    paths.iter().map(|path| format!("<a href=\"{path}\">x</a>")).collect::<String>().into_bytes()
}

/// 870 bytes; expanded without a limit they are eight to the sixteenth values.
pub(super) fn copies() -> Vec<u8> {
    let mut page = "<div itemscope itemtype=https://schema.org/House>".to_owned();
    page.push_str(&"<div itemscope itemprop=\"a b c d e f g h\">".repeat(16));
    page.push_str("<i itemprop=x>y</i>");
    page.into_bytes()
}

/// One tag with this many attributes, which a parser compares with each other.
pub(super) fn attributes(count: usize) -> Vec<u8> {
    let attributes: String = (0..count).map(|number| format!(" {number:x}")).collect();
    format!("<p{attributes}>").into_bytes()
}

/// Only the beginnings of tags.
pub(super) fn beginnings(bytes: usize) -> Vec<u8> {
    vec![b'<'; bytes]
}
