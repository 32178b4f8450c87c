//! Floor 7: the REST edge.

pub mod body;
pub mod caller;
pub mod client;
pub mod cors;
pub mod document;
pub mod explain;
pub mod list;
pub mod live;
pub mod origin;
pub mod problem;
pub mod serve;
pub mod swagger;

#[cfg(test)]
mod tests;
