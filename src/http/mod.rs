//! Floor 7: the REST edge.

pub mod problem;
pub mod serve;
