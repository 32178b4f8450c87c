//! Any bytes as a page: reading never panics, stays within its budget, and gives what the wire can carry.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lotline::crawler::hostile::invariants;

fuzz_target!(|data: &[u8]| invariants::check_page(data));
