//! Why a fetch gave no page, and whether it is worth another try.

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::crawler::guard::Refusal;

/// A fetch that gave no page. The text is fit for a job's log: it holds no URL and no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    #[error("the host's name could not be resolved")]
    Dns,
    #[error("no connection to the host")]
    Connect,
    #[error("the TLS handshake failed")]
    Tls,
    #[error("the host took too long")]
    Timeout,
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the host answered {code}")]
    Status { code: u16, retry_after: Option<Duration> },
    /// Its content type, or what is missing.
    #[error("the answer is not a page: {0}")]
    NotAPage(String),
    /// The name in `Content-Encoding`.
    #[error("the body has an unknown coding: {0}")]
    Coding(String),
    #[error("too many redirects")]
    TooManyRedirects,
    #[error("the answer broke off or could not be read")]
    Body,
}

impl FetchError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dns | Self::Connect | Self::Timeout | Self::Body => true,
            Self::Status { code, .. } => matches!(code, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=524),
            Self::Refused(_)
            | Self::Tls
            | Self::TooLarge(_)
            | Self::NotAPage(_)
            | Self::Coding(_)
            | Self::TooManyRedirects => false,
        }
    }

    /// Whether the host says that the page is no longer there: a listing at this URL is removed.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Status { code: 404 | 410, .. })
    }

    /// Whether the host asks for fewer requests.
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Status { code: 429 | 503, .. })
    }

    /// The delay that the host asked for (`Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        if let Some(refusal) = cause::<Refusal>(&error) {
            return Self::Refused(refusal.clone());
        }
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_dns() {
            Self::Dns
        } else if error.is_connect() {
            if is_tls(&error) { Self::Tls } else { Self::Connect }
        } else {
            Self::Body
        }
    }
}

/// The TLS layer reports what is wrong with the peer's bytes as invalid data; a socket never does. The report may be
/// wrapped in a second I/O error, which hides it from the chain of causes.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut next = cause::<io::Error>(error);
    while let Some(io) = next {
        if io.kind() == io::ErrorKind::InvalidData {
            return true;
        }
        next = io.get_ref().and_then(|inner| inner.downcast_ref());
    }
    false
}

/// The first error of this type in the chain of causes.
fn cause<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
