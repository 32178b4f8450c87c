//! A realistic listings site: paged indexes, detail pages in three dialects, caching, refusals, counted hits.

pub mod server;

pub mod hits;

pub mod facts;

mod conditional;
mod html;
mod indexes;
mod listing;
mod respond;
mod website;

#[cfg(test)]
mod tests;
