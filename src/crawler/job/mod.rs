//! One crawl, from its claim to its end. A single task holds all of its state: requests run concurrently, and all of
//! their results pass here. It may be killed at any line: the frontier in the store has what is needed to resume.

mod crawl;
mod crawl_loop;
mod discovery;
mod flush;
mod found_links;
mod identity;
mod job_client;
mod keep;
mod kept_links;
mod kept_reading;
mod known_cursor;
mod known_memory;
mod known_pages;
mod log_buffer;
mod on_fetched;
mod outcome;
mod pacing;
mod page_outcome;
mod page_visit;
mod page_warnings;
mod probes;
mod removal_plan;
mod report;
mod request;
mod reread;
mod review;
mod schedule;
mod seed_urls;
mod shared_keys;
mod source_coverage;
mod stats;
mod url_queue;
mod visit_memory;
mod visits;
mod write_buffer;

pub(super) use crawl_loop::run;
