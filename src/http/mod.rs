//! Floor 7: the REST edge.

pub mod body;
pub mod document;
pub mod explain;
pub mod problem;
pub mod serve;
pub mod swagger;

#[cfg(test)]
mod tests;
