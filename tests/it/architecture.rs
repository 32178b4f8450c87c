//! Checks the layering: a file uses only lower layers and its own folder, and the demo uses the server from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Layers by folder, as in `ARCHITECTURE.md`. Files at the top of `src/` belong to the highest.
const LAYERS: &[(&str, u8)] = &[
    ("base", 0),
    ("config", 1),
    ("protocol", 1),
    ("auth", 2),
    ("telemetry", 2),
    ("blobs", 3),
    ("cluster", 3),
    ("storage", 3),
    ("eventlog", 4),
    ("hub", 4),
    ("domain", 5),
    ("session", 6),
    ("crawler", 7),
    ("http", 7),
    ("app", 8),
];

#[test]
fn a_file_uses_lower_layers_and_its_own_folder_only() {
    let layers: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let mut breaches = Vec::new();
    for file in sources(&root().join("src")) {
        let Some(own) = folder(&file) else { continue };
        let own_layer =
            *layers.get(own.as_str()).unwrap_or_else(|| panic!("src/{own} has no layer; give it one"));
        for used in crate_heads(&read(&file)) {
            let allowed = used == own || layers.get(used.as_str()).is_some_and(|layer| *layer < own_layer);
            if !allowed {
                breaches.push(format!("{} uses crate::{used}", file.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "against the plan:\n{}", breaches.join("\n"));
}

#[test]
fn the_check_sees_a_breach() {
    assert_eq!(crate_heads("use crate::hub::Hub;\nlet x = crate::http::y();"), ["hub", "http"]);
    assert_eq!(crate_heads("use crate::{auth::role, storage};"), ["auth", "storage"]);
}

#[test]
fn only_storage_speaks_to_the_database() {
    let words = ["sea_orm", "sqlx::"];
    for file in sources(&root().join("src")) {
        if folder(&file).is_some_and(|folder| folder != "storage") {
            let text = read(&file);
            let found = words.iter().find(|word| text.contains(*word));
            assert!(found.is_none(), "{} names {}", file.display(), found.unwrap());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in [sources(&root().join("src")), sources(&root().join("demo/src"))].concat() {
        assert!(read(&file).starts_with("//! "), "{} does not begin with a //! line", file.display());
    }
}

#[test]
fn the_demo_uses_the_server_as_a_client() {
    let demo = root().join("demo");
    let manifest: toml::Table = read(&demo.join("Cargo.toml")).parse().unwrap();
    for kind in ["dependencies", "dev-dependencies", "build-dependencies", "target"] {
        let named = manifest.get(kind).is_some_and(|table| format!("{table:?}").contains("lotline"));
        assert!(!named, "demo/Cargo.toml names lotline in its {kind}");
    }
    for file in sources(&demo.join("src")) {
        assert!(!read(&file).contains("lotline::"), "{} names the server's library", file.display());
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The top folder of a source file; none for `lib.rs` and `main.rs`.
fn folder(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next()?.as_os_str().to_str()?.to_owned();
    (!first.ends_with(".rs")).then_some(first)
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

/// The first path segment after every `crate::` in code.
fn crate_heads(text: &str) -> Vec<String> {
    let mut heads = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = &text[line_start..at];
        // Comments may name any module; `in crate::` restricts a visibility and imports nothing.
        if before.trim_start().starts_with("//") || before.trim_end().ends_with("pub(in") {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => heads.extend(group_heads(group)),
            None => heads.push(word(rest)),
        }
    }
    heads
}

/// The heads of `{a::b, c::{d, e}}`; `group` begins after the brace.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut fresh) = (0, true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && depth == 0 && character.is_alphabetic() => {
                heads.push(word(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}
