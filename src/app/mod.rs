//! Floor 8: the composition root.

pub mod demo;
