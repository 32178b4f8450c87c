//! Coverage: on how many pages of a source the built-in crawler read each field, a job. A field that is read far less
//! often than before raises an alert: the site has changed, or the crawler no longer understands it.

mod counts;
mod drift;
mod health;
mod keep;

pub use counts::SourceCoverage;
pub use health::health;
pub(in crate::domain) use keep::keep;
