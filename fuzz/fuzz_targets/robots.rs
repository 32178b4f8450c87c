//! Any bytes as a robots.txt: rules are bounded, go from process to process, and match every path without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lotline::crawler::hostile::invariants;

fuzz_target!(|data: &[u8]| invariants::check_robots(data));
