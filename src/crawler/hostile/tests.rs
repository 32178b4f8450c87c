//! The table of hostile shapes: what a page costs is in proportion to its size. Asserted are counted steps, which do
//! not depend on the machine, and CPU time with a generous factor.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use super::invariants::{check_reading, check_robots};
use super::rules::costly_rules;
use super::{ROBOTS_FILES, Shape, page, pages, run};
use crate::crawler::budget::Truncation;
use crate::crawler::reading::Reading;
use crate::crawler::robots::{MAX_FILE_BYTES, parse_rules};
use crate::protocol::spider_rules::CompiledRules;

/// Large enough that a reader in the square of its input shows.
const SIZE: usize = 96 * 1024;
/// What doubling may cost beside twice as much: work that does not depend on the size.
const SLACK_STEPS: u64 = 300_000;
const SLACK_CPU: Duration = Duration::from_millis(700);
/// No page of the table takes a tenth of this in an optimised build.
const MOST_CPU: Duration = Duration::from_secs(5);

/// CPU time of this thread so far, in hundredths of a second.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The name in parentheses may hold anything; user and system time are the 14th and 15th field.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = cpu();
    let result = work();
    (result, cpu() - before)
}

fn read(shape: &Shape, bytes: usize) -> (Reading, Duration) {
    let page = page(shape, bytes);
    let (reading, took) = timed(|| super::hostile_page::read(&page, &CompiledRules::default()));
    check_reading(&reading, page.html.len());
    (reading, took)
}

fn assert_costs_in_proportion(shape: &Shape) {
    let (single, single_cpu) = read(shape, SIZE);
    let (double, double_cpu) = read(shape, 2 * SIZE);

    let most_steps = single.cost.steps * 9 / 4 + SLACK_STEPS;
    assert!(double.cost.steps <= most_steps, "{}: {:?} → {:?}", shape.name, single.cost, double.cost);
    let most_cpu = (single_cpu * 4 + SLACK_CPU).min(MOST_CPU);
    assert!(double_cpu <= most_cpu, "{}: {single_cpu:?} → {double_cpu:?}", shape.name);
}

#[test]
fn the_table_is_large_and_names_are_unique() {
    let names: HashSet<_> = pages().map(|shape| shape.name).collect();

    assert_eq!(names.len(), pages().count());
    assert!(names.len() + ROBOTS_FILES.len() >= 40, "{}", names.len());
}

#[test]
fn shapes_have_the_size_that_is_asked_for() {
    for shape in pages().chain(ROBOTS_FILES.iter().copied()) {
        let length = (shape.make)(SIZE).len();

        assert!((SIZE / 4..SIZE * 5).contains(&length), "{}: {length}", shape.name);
    }
}

#[test]
fn hostile_markup_costs_in_proportion_to_its_size() {
    super::markup::SHAPES.iter().for_each(assert_costs_in_proportion);
}

#[test]
fn hostile_data_costs_in_proportion_to_its_size() {
    super::structured::SHAPES.iter().for_each(assert_costs_in_proportion);
}

#[test]
fn costly_rules_on_hostile_pages_cost_no_more_than_a_page_may() {
    let names = [
        "deep",
        "deep_and_back",
        "wide",
        "unknown_elements",
        "lists",
        "one_line",
        "one_attribute",
        "anchors",
        "links",
        "cards",
        "long_classes",
        "label_cells",
        "json_small_objects",
        "references_and_keys",
    ];
    for shape in pages().filter(|shape| names.contains(&shape.name)) {
        let page = page(&shape, SIZE);

        let (reading, took) = timed(|| super::hostile_page::read(&page, costly_rules()));

        check_reading(&reading, page.html.len());
        assert!(took <= MOST_CPU, "{}: {took:?}", shape.name);
    }
}

#[test]
fn hostile_robots_files_cost_in_proportion_to_their_size() {
    let paths =
        [format!("/{}c", "a".repeat(1_900)), format!("/{}", "%2A%24?a=%3A".repeat(150)), "/".to_owned()];
    for shape in ROBOTS_FILES {
        let file = (shape.make)(MAX_FILE_BYTES);
        let (rules, took) = timed(|| parse_rules(file.as_bytes()));
        let ((), matched) = timed(|| {
            for path in &paths {
                rules.allows(path);
            }
        });

        assert!(
            took <= Duration::from_secs(2) && matched <= Duration::from_secs(1),
            "{}: {took:?}",
            shape.name
        );
        assert!(rules.weight() <= 3 * MAX_FILE_BYTES, "{}: {} bytes", shape.name, rules.weight());
        check_robots(file.as_bytes());
    }
}

#[test]
fn the_largest_page_of_each_finding_is_cut_off_in_seconds() {
    const LARGEST: usize = 8 * 1024 * 1024;
    for name in ["attributes_of_one_tag", "less_than", "references_and_keys", "json_small_objects"] {
        let shape = pages().find(|shape| shape.name == name).unwrap();

        let (reading, took) = timed(|| run(&shape, LARGEST));

        assert!(took <= Duration::from_secs(40), "{name}: {took:?}");
        assert!(reading.truncated.is_some(), "{name}: {:?}", reading.cost);
    }
}

#[test]
fn the_page_of_870_bytes_that_crashed_the_process_is_cut_off() {
    let shape = pages().find(|shape| shape.name == "names_and_depth").unwrap();

    let reading = run(&shape, 870);

    assert!(matches!(reading.truncated, Some(Truncation::Memory | Truncation::Work)));
    assert!(reading.cost.bytes < 80 * 1024 * 1024, "{:?}", reading.cost);
}
