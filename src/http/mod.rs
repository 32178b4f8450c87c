//! Floor 7: the REST edge.
