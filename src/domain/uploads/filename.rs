//! Filenames: only those that every operating system accepts, so that a download can be saved on any of them.

use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};

/// Maximum bytes of a name, as in file systems.
const MAX_BYTES: usize = 255;

const WORDS: &str = "must be the name of a file: 1 to 255 bytes, no path, no control or direction characters, none of \
                     <>:\"/\\|?*, no dot or space at the end, and no name that Windows keeps for a device";

/// Refuses an invalid name. The name itself is not repeated: it may contain anything.
pub fn check(name: &str) -> Result<(), Problem> {
    if is_valid(name) {
        return Ok(());
    }
    let path = [PathSegment::Name("filename".to_owned())];
    let errors = vec![FieldError::in_body(&path, "filename", WORDS)];
    Err(Problem { errors, ..Problem::new(Code::InvalidFilename, format!("The file's name {WORDS}.")) })
}

fn is_valid(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_BYTES
        && !name.starts_with(' ')
        && !name.ends_with([' ', '.'])
        && !name.chars().any(is_forbidden)
        && !is_device(name)
}

fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*'
                // Marks that change the direction of text: gpj.exe reads as exe.jpg.
                | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
                // Zero-width characters: two names would look the same.
                | '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{00AD}'
                // Separators of lines and paragraphs, annotation and tag characters.
                | '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
        )
}

/// Windows reserves these for devices, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered =
        |rest: &str| rest.chars().count() == 1 && rest.chars().all(|digit| "0123456789¹²³".contains(digit));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$")
        || stem.strip_prefix("COM").is_some_and(numbered)
        || stem.strip_prefix("LPT").is_some_and(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_filenames_are_accepted() {
        for name in [
            "a",
            "report.pdf",
            "Grundriss Küche (2).png",
            "平面図.pdf",
            ".gitignore",
            "comic.txt",
            "COM10",
            "a.con",
            "null.txt",
            &"x".repeat(255),
        ] {
            assert!(check(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        let long = "x".repeat(10_000);
        for name in [
            "",
            ".",
            "..",
            "../etc/passwd",
            "a/b",
            "a\\b",
            "a\0b",
            "a\nb",
            "\u{7f}",
            "a\u{85}b",
            " a",
            "a ",
            "a.",
            "CON",
            "con.txt",
            "nul.tar.gz",
            "Aux ",
            "aux .txt",
            "COM1",
            "lpt9.log",
            "com².txt",
            "photo\u{202E}gpj.exe",
            "a\u{200B}b",
            "a\u{2028}b",
            "C:x",
            "x.txt:stream",
            "a|b",
            "a?b",
            "a*b",
            "<b>",
            "\"",
            &long,
            &"ü".repeat(128),
        ] {
            let problem = check(name).unwrap_err();
            assert_eq!((problem.code, problem.errors.len()), (Code::InvalidFilename, 1), "{name:?}");
        }
    }
}
