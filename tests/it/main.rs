//! Every integration test, in one binary: one link, one set of helpers.
