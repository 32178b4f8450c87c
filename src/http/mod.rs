//! Floor 7: the REST edge.

pub mod body;
pub mod explain;
pub mod problem;
pub mod serve;
