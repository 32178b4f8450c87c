//! Names: retired identifiers don't come back, documentation comments are plain, and what `docs/` names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// Types and values of an earlier vocabulary. Each has a standard term in `docs/glossary.md`.
const RETIRED: &[&str] = &[
    "Attendance",
    "Begun",
    "Deed",
    "Desk",
    "Here",
    "Holder",
    "Journal",
    "Kernel",
    "Lately",
    "Ledger",
    "Likeness",
    "Lineage",
    "LineFull",
    "Manners",
    "Newcomer",
    "Presented",
    "Pulse",
    "Seat",
    "Seats",
    "Shelf",
    "Sight",
    "Spot",
    "SystemDoor",
    "Tally",
    "Telling",
    "TenantDoor",
    "Together",
    "Turns",
    "Twins",
    "Viewership",
    "Whereabouts",
    "Wish",
    "desk",
    "shelf",
];

const FOLDERS: &[&str] = &["src", "tests/it", "bench/src", "migrations/src", "examples"];

static COMMENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"//[^\n]*").unwrap());
static TEXT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap());
static IDENTIFIER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z_][A-Za-z0-9_]*").unwrap());
static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[`(]([a-z][a-z0-9_:]*)[`)]").unwrap());
static FUNCTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"fn (\w+)").unwrap());
static MODULE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"mod (\w+)\s*\{").unwrap());

#[test]
fn no_retired_identifier_is_used() {
    let own = root().join("tests/it/names.rs");
    let mut found = Vec::new();
    for file in sources().into_iter().filter(|file| *file != own) {
        let text = fs::read_to_string(&file).unwrap();
        let without_texts = TEXT.replace_all(&text, "\"\"");
        let code = COMMENT.replace_all(&without_texts, "");
        let used: BTreeSet<&str> = IDENTIFIER.find_iter(&code).map(|one| one.as_str()).collect();
        found.extend(
            RETIRED
                .iter()
                .filter(|name| used.contains(*name))
                .map(|name| format!("{}: {name}", file.display())),
        );
    }

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn documentation_comments_say_who_is_meant() {
    let vague = Regex::new(r"(?i)^\s*//[/!].*\b(somebody|nobody|anybody|whoever)\b").unwrap();
    let mut found = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().enumerate().filter(|(_, line)| vague.is_match(line));
        found.extend(lines.map(|(index, line)| format!("{}:{}: {line}", file.display(), index + 1)));
    }

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_test_and_module_that_the_docs_name_exists() {
    let (modules, functions) = names();
    let mut missing = Vec::new();
    for file in markdown() {
        let text = fs::read_to_string(&file).unwrap();
        for name in QUOTED.captures_iter(&text).map(|found| found[1].trim_end_matches("::").to_owned()) {
            let exists = match name.rsplit_once("::") {
                Some((module, last)) => {
                    is_module(&modules, &name) || is_module(&modules, module) && functions.contains(last)
                }
                // Only names of tests have so many words.
                None if name.matches('_').count() >= 5 && !name.starts_with("lotline_") => {
                    functions.contains(&name) || name.starts_with("m20")
                }
                None => true,
            };
            if !exists {
                missing.push(format!("{}: {name}", file.display()));
            }
        }
    }

    assert_eq!(missing, Vec::<String>::new());
}

/// Paths of modules, as `folder::file` without the crate's name, and names of functions.
fn names() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut modules, mut functions) = (BTreeSet::new(), BTreeSet::new());
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let path = module_path(&file);
        modules.extend(MODULE.captures_iter(&text).map(|found| format!("{path}::{}", &found[1])));
        modules.insert(path);
        functions.extend(FUNCTION.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    (modules, functions)
}

fn module_path(file: &Path) -> String {
    let relative = file.strip_prefix(root()).unwrap().with_extension("");
    let relative = relative.to_str().unwrap();
    let folder = FOLDERS.iter().find(|folder| relative.starts_with(**folder)).unwrap();
    let path = relative[folder.len()..].trim_start_matches('/').replace('/', "::");
    path.strip_suffix("::mod").map_or(path.clone(), str::to_owned)
}

/// Whether a module has this path, or a path that ends or begins with it.
fn is_module(modules: &BTreeSet<String>, name: &str) -> bool {
    modules.iter().any(|module| {
        module == name || module.ends_with(&format!("::{name}")) || module.starts_with(&format!("{name}::"))
    })
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    FOLDERS.iter().for_each(|folder| collect(&root().join(folder), "rs", &mut found));
    found
}

fn markdown() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    collect(&root().join("docs"), "md", &mut found);
    found
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
