//! The viewers of each property, published to those viewers once a second; above a hundred viewers only when the
//! count has changed by a twentieth, so that many arrivals and departures cost each viewer little.

pub mod tracker;

mod flush;
mod read;

pub use flush::flush;
pub use read::{authorize, list, viewers_of};
