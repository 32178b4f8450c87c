//! What the codec owes as a whole: agreement with another implementation, and invariants under any bytes.

// Where `invariants` finds the decoder, here and in the fuzz target.
use super::decode;

pub(super) mod client;
mod invariants;
mod roundtrip;
mod seeds;
