//! Floor 1: the configuration, read and validated whole before anything starts.
