//! Tests of the codec as a whole: agreement with another implementation, and invariants under any bytes.

// The path under which `invariants` finds the decoder, here and in the fuzz target.
use super::decode;

pub(super) mod client;
mod invariants;
mod roundtrip;
mod seeds;
