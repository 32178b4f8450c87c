//! Checks that no files of `src` import each other in a ring, and that `http` reads nothing from the store itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Rings that stay, each with its reason. The list may only become shorter.
const EXCEPTIONS: &[(&[&str], &str)] = &[];

#[test]
fn no_files_import_each_other_in_a_ring() {
    let modules = modules();
    let rings = rings(&imports(&modules));

    let unexpected: Vec<_> =
        rings.iter().filter(|ring| !EXCEPTIONS.iter().any(|(of, _)| ring == of)).collect();
    assert!(unexpected.is_empty(), "files that import each other:\n{unexpected:#?}");
    for (ring, reason) in EXCEPTIONS {
        assert!(
            rings.iter().any(|found| found == ring),
            "{ring:?} ({reason}) is no ring any more; remove it"
        );
    }
}

#[test]
fn http_reads_nothing_from_the_store_itself() {
    let modules = modules();
    let imports = imports(&modules);
    let of_http = imports.iter().filter(|(module, _)| module.starts_with("http"));

    let found: Vec<_> = of_http
        .flat_map(|(module, used)| {
            used.iter().filter(|used| used.starts_with("storage")).map(move |used| (module, used))
        })
        .collect();
    assert!(found.is_empty(), "http imports storage: {found:?}");
}

#[test]
fn a_ring_is_found_through_nested_use_trees_and_paths_in_code() {
    let modules = BTreeMap::from(
        [
            ("a", "use crate::b::{c::Thing, other};"),
            ("b", "//! See crate::a."),
            ("b::c", "use super::super::d;\n#[cfg(test)]\nmod tests { use crate::a; }"),
            ("d", "pub(in crate::e) fn f() { crate::a::g(); }"),
            ("e", "use crate::a;"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned())),
    );

    assert_eq!(rings(&imports(&modules)), [["a", "b::c", "d"]]);
}

/// The text of every module by its path, without tests and what is only for tests.
fn modules() -> BTreeMap<String, String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    collect(&root, &root, &mut found);
    found
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if ["tests", "testing", "job_tests"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(root).unwrap().with_extension("");
            let mut parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
            parts.pop_if(|last| *last == "mod");
            found.insert(parts.join("::"), fs::read_to_string(&path).unwrap());
        }
    }
}

/// The modules that each module names, in `use` declarations and in paths.
fn imports(modules: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let comments = Regex::new(r"//[^\n]*").unwrap();
    // Where an item may be seen is no import.
    let visibilities = Regex::new(r"\bpub\(in [^)]*\)").unwrap();
    let declarations = Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))?\s+)?use\s+([^;]+);").unwrap();
    let paths = Regex::new(r"\b(?:crate|super)(?:::\w+)+").unwrap();
    let mut imports = BTreeMap::new();
    for (name, text) in modules {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let text = comments.replace_all(text, "");
        let text = visibilities.replace_all(&text, "pub");
        let mut named = Vec::new();
        for declaration in declarations.captures_iter(&text) {
            expand("", &declaration[1], &mut named);
        }
        named.extend(paths.find_iter(&text).map(|path| path.as_str().to_owned()));
        let used = named.iter().filter_map(|path| resolve(path, name, modules));
        imports.insert(name.as_str(), used.filter(|used| used != name).collect());
    }
    imports
}

/// The paths of a `use` tree.
fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let (mut depth, mut start) = (0, 0);
    let mut parts = Vec::new();
    for (at, character) in tree.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tree[start..]);
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((head, rest)) => {
                let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
                expand(&format!("{prefix}{head}"), inside, found);
            }
            None => found.push(format!("{prefix}{}", part.split_whitespace().next().unwrap())),
        }
    }
}

/// The module that a path leads into: the longest part of it that is a file.
fn resolve<'a>(path: &str, from: &str, modules: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let mut parts: Vec<&str> = path.split("::").collect();
    let mut base: Vec<&str> = from.split("::").collect();
    match parts[0] {
        "crate" => {
            parts.remove(0);
            base.clear();
        }
        "self" => {
            parts.remove(0);
        }
        "super" => {
            while parts.first() == Some(&"super") {
                parts.remove(0);
                base.pop();
            }
        }
        _ => {
            let child = [base.as_slice(), &parts[..1]].concat().join("::");
            if !modules.contains_key(&child) {
                return None;
            }
        }
    }
    let whole = [base, parts].concat();
    (1..=whole.len()).rev().find_map(|length| {
        modules.get_key_value(&whole[..length].join("::")).map(|(module, _)| module.as_str())
    })
}

/// The strongly connected components of more than one module, each sorted.
fn rings<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reachable: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|module| (*module, reachable_from(module, imports))).collect();
    let mut rings = BTreeSet::new();
    for (module, reached) in &reachable {
        let ring: Vec<&str> =
            reached.iter().filter(|other| reachable[*other].contains(module)).copied().collect();
        if ring.len() > 1 {
            rings.insert(ring);
        }
    }
    rings.into_iter().collect()
}

fn reachable_from<'a>(module: &str, imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = imports[module].iter().copied().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(&imports[next]);
        }
    }
    reached
}
