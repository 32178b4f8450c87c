//! The corpus of the crawler's fuzz targets: written from these tables, committed, and replayed by every test run,
//! together with the findings of fuzz runs that were added to the folders.

use std::fs;
use std::path::PathBuf;

use super::invariants::{check_page, check_page_data, check_robots};
use super::{ROBOTS_FILES, pages};

/// Small enough to be changed in many places by a fuzzer, large enough to show the shape.
const BYTES: usize = 300;

type Seed = (String, Vec<u8>);

fn folder(target: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz", "seeds", target].iter().collect()
}

fn page_reader() -> Vec<Seed> {
    let hostile = pages().map(|shape| (shape.name.to_owned(), (shape.make)(BYTES).into_bytes()));
    let honest = [
        ("honest_detail", &include_bytes!("../../../tests/fixtures/pages/json_ld_detail.html")[..]),
        ("honest_list", &include_bytes!("../../../tests/fixtures/pages/json_ld_list.html")[..]),
        ("honest_state", &include_bytes!("../../../tests/fixtures/pages/initial_state_detail.html")[..]),
        ("honest_microdata", &include_bytes!("../../../tests/fixtures/pages/microdata_list.html")[..]),
    ];
    hostile.chain(honest.map(|(name, page)| (name.to_owned(), page.to_vec()))).collect()
}

/// The first byte picks the form (see `invariants::check_page_data`).
fn page_data() -> Vec<Seed> {
    let home = r##"{"@id":"#a","@type":"House","numberOfBedrooms":2,"address":{"streetAddress":"1 Oak St"},"offers":{"@id":"#b"}}"##;
    let offer = r##"{"@id":"#b","@type":"Offer","price":"$1,000.50","itemOffered":{"@id":"#a"}}"##;
    let state = r#"{"listings":[{"listingId":"X1","price":1000,"beds":2,"address":{"city":"Toledo"}}],"filters":{"price":1}}"#;
    let quoted = serde_json::Value::from(state).to_string();
    [
        ("graph", 0, format!("[{home},{offer}]")),
        ("numbers", 0, r#"{"@type":"House","price":1e400,"floorSize":"½ m²","yearBuilt":-0}"#.to_owned()),
        ("wrapped", 0, format!("<!--//{home};//-->")),
        ("escaped", 0, home.replace('"', "&quot;")),
        ("state", 1, state.to_owned()),
        ("state_in_text", 1, format!("{{\"cache\":{quoted}}}")),
        ("deep", 1, "[".repeat(200)),
        ("assigned", 2, format!("{state};b=JSON.parse({quoted})")),
        ("literal", 2, format!("JSON.parse('{}')", state.replace('"', "\\x22"))),
        ("unfinished", 2, "{\"a={\"a={\"".to_owned()),
        ("rows", 3, format!("5:{state}\n6:[1]\n7:x")),
    ]
    .map(|(name, form, data)| (name.to_owned(), [&[form][..], data.as_bytes()].concat()))
    .to_vec()
}

/// The first line is a path.
fn robots() -> Vec<Seed> {
    let hostile = ROBOTS_FILES.iter().map(|shape| (shape.name, "aaab?c=%2A$", (shape.make)(BYTES)));
    let honest = [
        ("honest", "house/1", "User-agent: *\nDisallow: /admin/\nAllow: /admin/open\nCrawl-delay: 2\n"),
        (
            "honest_ours",
            "~ann/*.php",
            "User-agent: Lotline/1.0\nDisallow: /%7eann/%2A.php$ # why\nSitemap: /x\n",
        ),
        ("honest_windows", "a?b=https://c", "\u{feff}User-agent: *\r\nDisallow: /a?b=https%3A%2F%2Fc\r\n"),
    ];
    let honest = honest.map(|(name, path, file)| (name, path, file.to_owned()));
    let all = hostile.chain(honest);
    all.map(|(name, path, file)| (name.to_owned(), format!("{path}\n{file}").into_bytes())).collect()
}

/// A target's name, its corpus, and the check of each file.
type Target = (&'static str, Vec<Seed>, fn(&[u8]));

fn targets() -> [Target; 3] {
    [
        ("page_reader", page_reader(), check_page),
        ("page_data", page_data(), check_page_data),
        ("robots", robots(), check_robots),
    ]
}

#[test]
fn every_seed_keeps_the_invariants() {
    for (target, seeds, hold) in targets() {
        let mut replayed = 0;
        for entry in fs::read_dir(folder(target)).unwrap() {
            hold(&fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }

        assert!(replayed >= seeds.len(), "{target}: {replayed} files");
    }
}

/// With `LOTLINE_WRITE_SEEDS` set it writes them first.
#[test]
fn the_committed_seeds_are_those_of_the_tables() {
    let write = std::env::var_os("LOTLINE_WRITE_SEEDS").is_some();
    for (target, seeds, _) in targets() {
        for (name, wanted) in seeds {
            let path = folder(target).join(&name);
            if write {
                fs::create_dir_all(folder(target)).unwrap();
                fs::write(&path, &wanted).unwrap();
            }

            let committed = fs::read(path).unwrap_or_default();

            assert!(committed == wanted, "{target}/{name}: run the test with LOTLINE_WRITE_SEEDS=1");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    /// The scan in front of the tokenizer finds the same tags, whatever the markup.
    #[test]
    fn any_markup_keeps_the_invariants(pieces in proptest::collection::vec("[<>/!a='\" \\[\\]&;\\-]{1,6}|<!--|-->|</?(script|style|title|svg|a|p|table|select|template|plaintext|b)|<!\\[CDATA\\[|\\]\\]>|[^<]{1,8}", 0..60)) {
        check_page(pieces.concat().as_bytes());
    }

    #[test]
    fn any_robots_file_keeps_the_invariants(file in "([^\n]{0,20}\n)?((user-agent|allow|disallow|crawl-delay): ?[a-z*$/%0-9\\PC]{0,30}\n){0,20}") {
        check_robots(file.as_bytes());
    }
}
