//! Floor 7: the built-in worker. Here are the parts that know no job and no store: what may be fetched, how it is
//! fetched, how fast, and what a page says.

pub mod settings;

pub mod guard;

pub mod fetch;

pub mod politeness;
pub mod robots;

pub mod page;

pub mod extract;
pub mod links;

pub mod reading;
