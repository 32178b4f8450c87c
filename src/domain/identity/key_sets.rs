//! Keeps the key sets of foreign issuers: fetched only in the background, and once more when a token names an
//! unknown key. A failed fetch changes nothing: known keys stay valid. No caller waits while it holds a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::auth::token::jwks::{IssuerKeys, JwksError, parse_jwks};
use crate::auth::token::key_ring::{Algorithm, VerifyingKey};
use crate::base::clock::Clock;

/// Interval between fetches of a set.
const REFRESH_INTERVAL: Duration = Duration::from_secs(300);
/// Delay after a failure, and the shortest interval for tokens with unknown keys: anyone can make up tokens.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// Timeout of one fetch.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a fetch.
const FETCH_WAIT: Duration = Duration::from_secs(2);
/// Callers that wait for one issuer's keys at once; further ones are refused.
const MAX_WAITING: usize = 64;
/// The largest set that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Where an issuer's keys are fetched from.
pub struct KeySource {
    /// Index among the foreign issuers.
    pub issuer_index: usize,
    /// The issuer's name in our log.
    pub name: Arc<str>,
    pub url: String,
    pub algorithms: Vec<Algorithm>,
    pub keys: IssuerKeys,
}

/// All key sets that are fetched.
pub struct KeySets {
    sets: Vec<KeySet>,
    client: reqwest::Client,
    clock: Clock,
}

struct KeySet {
    source: KeySource,
    state: Mutex<FetchState>,
    /// Wakes the background task when a fetch was requested.
    wake: Notify,
    /// Number of fetches that have ended, successfully or not.
    ended: watch::Sender<u64>,
    /// Bounded: callers beyond it are refused.
    waiting: Arc<Semaphore>,
    failing: AtomicBool,
}

#[derive(Default)]
struct FetchState {
    /// When the last fetch was requested or began, by the steady clock.
    last: Option<DateTime<Utc>>,
    /// One was requested, and has not ended.
    pending: bool,
    /// One was requested, and has not begun.
    requested: bool,
}

/// The result of requesting an issuer's keys.
pub enum KeyFetchStatus {
    /// They are being fetched.
    Pending(KeyFetch),
    /// They were fetched recently, successfully or not: no others than the known keys are available.
    RecentlyFetched,
    /// Too many callers wait for them already.
    TooMany,
}

/// A requested fetch. It continues without those that wait for it.
pub struct KeyFetch {
    ended: watch::Receiver<u64>,
    clock: Clock,
    _waiting: OwnedSemaphorePermit,
}

impl KeyFetch {
    /// Whether the fetch has ended within a short wait.
    pub async fn wait(mut self) -> bool {
        tokio::select! {
            ended = self.ended.changed() => ended.is_ok(),
            () = self.clock.sleep(FETCH_WAIT) => false,
        }
    }
}

/// The client for fetching could not be built.
#[derive(Debug, thiserror::Error)]
#[error("key sets cannot be fetched: {0}")]
pub struct HttpClientError(#[from] reqwest::Error);

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the answer is {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer has more than 64 KiB")]
    TooLarge,
    #[error("{0}")]
    Set(#[from] JwksError),
}

impl KeySets {
    pub fn new(sources: Vec<KeySource>, clock: Clock) -> Result<Self, HttpClientError> {
        // A redirect could lead anywhere: only the configured address is requested. It may be a private one,
        // and no proxy variable of the environment is used.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        let sets = sources.into_iter().map(|source| KeySet {
            source,
            state: Mutex::default(),
            wake: Notify::new(),
            ended: watch::Sender::new(0),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            failing: AtomicBool::new(false),
        });
        Ok(Self { sets: sets.collect(), client, clock })
    }

    /// Requests the keys of the issuer at this index, at most once a minute however many tokens ask. Never waits.
    pub fn request_fetch(&self, issuer_index: usize) -> KeyFetchStatus {
        let Some(set) = self.sets.iter().find(|set| set.source.issuer_index == issuer_index) else {
            return KeyFetchStatus::RecentlyFetched;
        };
        let mut state = set.state.lock();
        let now = self.clock.steady();
        let pause = TimeDelta::from_std(RETRY_INTERVAL).unwrap_or_default();
        if !state.pending && state.last.is_some_and(|last| now - last < pause) {
            return KeyFetchStatus::RecentlyFetched;
        }
        let Ok(waiting) = Arc::clone(&set.waiting).try_acquire_owned() else {
            return KeyFetchStatus::TooMany;
        };
        // Subscribed while the state is locked: the end of this very fetch is still to come.
        let ended = set.ended.subscribe();
        if !state.pending {
            *state = FetchState { last: Some(now), pending: true, requested: true };
            set.wake.notify_one();
        }
        KeyFetchStatus::Pending(KeyFetch { ended, clock: self.clock.clone(), _waiting: waiting })
    }

    /// Fetches all sets at once and then each at its interval or on request, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        futures_util::future::join_all(self.sets.iter().map(|set| self.run_one(set, &stop))).await;
    }

    async fn run_one(&self, set: &KeySet, stop: &CancellationToken) {
        loop {
            set.begin_fetch(self.clock.steady());
            let good = tokio::select! {
                () = stop.cancelled() => return,
                good = self.fetch(set) => good,
            };
            set.finish_fetch();
            tokio::select! {
                () = stop.cancelled() => return,
                () = set.fetch_requested() => {}
                () = self.clock.sleep(if good { REFRESH_INTERVAL } else { RETRY_INTERVAL }) => {}
            }
        }
    }

    /// Whether the fetch succeeded. Only the first failure and the recovery are logged.
    async fn fetch(&self, set: &KeySet) -> bool {
        let issuer = &set.source.name;
        match self.read(set).await {
            Ok(keys) => {
                set.source.keys.replace(keys);
                if set.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(%issuer, "the key set of a token issuer can be fetched again");
                }
                true
            }
            Err(error) => {
                if !set.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%issuer, %error, "the key set of a token issuer could not be fetched; known keys remain");
                }
                false
            }
        }
    }

    async fn read(&self, set: &KeySet) -> Result<Vec<VerifyingKey>, FetchError> {
        let mut answer = self.client.get(&set.source.url).header("accept", "application/json").send().await?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(parse_jwks(&bytes, &set.source.algorithms)?)
    }
}

impl KeySet {
    fn begin_fetch(&self, now: DateTime<Utc>) {
        *self.state.lock() = FetchState { last: Some(now), pending: true, requested: false };
    }

    fn finish_fetch(&self) {
        let mut state = self.state.lock();
        state.pending = false;
        self.ended.send_modify(|count| *count += 1);
    }

    /// Waits until a fetch is requested.
    async fn fetch_requested(&self) {
        // A notification may be left from a fetch that the interval began.
        while !self.state.lock().requested {
            self.wake.notified().await;
        }
    }
}
