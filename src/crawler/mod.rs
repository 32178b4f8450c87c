//! Layer 7: the built-in worker. Most parts know no job and no store: what may be fetched, how, how fast, and what is
//! on a page. `job` runs a crawl with them and reports as an outside worker would; `runner` claims the jobs.

pub mod settings;

pub mod guard;

pub mod content_kind;
pub mod fetch;

pub mod politeness;
pub mod robots;

pub mod budget;
pub mod page;
mod page_url;
mod refresh;

pub mod extract;

pub mod documents;
pub mod links;
mod paging;
mod permutation;
mod traps;
mod url_shape;
mod worth;
mod worth_words;

pub mod reading;

mod host_request;
mod hosts;
mod request_shape;
mod weighted;

pub mod reader;
mod slots;

mod crawl_deps;
mod job;
mod kept_page;
mod preview;

pub mod runner;

#[cfg(feature = "failpoints")]
pub mod hostile;
#[cfg(test)]
mod tests;
