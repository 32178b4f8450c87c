//! Fetches one page, politely and within bounds: no cookies, no proxy from the environment, no unchecked redirect, no
//! byte above the limit. Knows neither jobs nor robots.txt rules; the caller decides what may be fetched.

mod body;
pub(in crate::crawler) mod charset;
mod error;
mod fetcher;
mod retry;
#[cfg(test)]
mod test_dns;
#[cfg(test)]
pub(crate) mod test_site;
#[cfg(test)]
mod tests;

pub use charset::DeclaredCharset;
pub use error::FetchError;
pub use fetcher::{FetchRequest, Fetched, FetchedPage, Fetcher, RedirectFilter, RobotsResponse, Validators};
pub use retry::backoff;
