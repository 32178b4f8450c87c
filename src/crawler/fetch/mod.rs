//! Fetches one page, politely and within bounds: no cookies but those of the job, no proxy from the environment, no
//! unchecked redirect, no byte above the limit. Knows neither jobs nor robots.txt rules; the caller decides what may be
//! fetched.

mod body;
mod charset;
mod coding;
mod content;
mod cookies;
mod decode;
mod decoders;
mod error;
mod fetcher;
mod link_header;
mod prescan;
mod profile;
mod redirects;
mod retry;
mod sniff;
#[cfg(test)]
mod test_codings;
#[cfg(test)]
mod test_dns;
#[cfg(test)]
pub(crate) mod test_site;
#[cfg(test)]
mod tests;

pub use super::content_kind::ContentKind;
pub use charset::DeclaredCharset;
pub use cookies::CookieJar;
pub(in crate::crawler) use decode::decode;
pub use error::FetchError;
pub use fetcher::{FetchRequest, Fetched, FetchedPage, Fetcher, RedirectFilter, RobotsResponse, Validators};
pub use profile::RequestProfile;
pub use retry::backoff;
