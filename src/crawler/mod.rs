//! Layer 7: the built-in worker. Most parts know no job and no store: what may be fetched, how, how fast, and what is
//! on a page. `job` runs a crawl with them and reports as an outside worker would; `runner` claims the jobs.

pub mod settings;

pub mod guard;

pub mod fetch;

pub mod politeness;
pub mod robots;

pub mod budget;
pub mod page;
mod page_url;

pub mod extract;
pub mod links;

pub mod reading;

mod hosts;
mod weighted;

pub mod reader;
mod slots;

mod crawl_deps;
mod job;

pub mod runner;

#[cfg(feature = "failpoints")]
pub mod hostile;
#[cfg(test)]
mod tests;
