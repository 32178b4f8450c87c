//! Any bytes as JSON-LD, page state or a script: reading never panics and stays within its budget.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lotline::crawler::hostile::invariants;

fuzz_target!(|data: &[u8]| invariants::check_page_data(data));
