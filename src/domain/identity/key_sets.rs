//! Keeps the key sets of foreign issuers: fetched in the background, and once more when a token names a key that is not
//! among them. A set that cannot be fetched changes nothing: what was known holds on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::auth::token::key_set::{IssuerKeys, KeySetError, parse_key_set};
use crate::auth::token::keys::{Algorithm, VerifyingKey};
use crate::base::clock::Clock;

/// How often a set is fetched by itself.
const EVERY: Duration = Duration::from_secs(300);
/// How soon after a failure, and at most how often for tokens that name unknown keys: tokens are anybody's to make up.
const AGAIN: Duration = Duration::from_secs(60);
/// How long one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest set that is read.
const MOST_BYTES: usize = 64 * 1024;

/// Where an issuer's keys are fetched from.
pub struct KeySource {
    /// Among the foreign issuers.
    pub place: usize,
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
    /// One fetch at a time; when the last one began. Whoever comes meanwhile waits here and uses what it brought.
    last: tokio::sync::Mutex<Option<DateTime<Utc>>>,
    /// Fetches that brought keys.
    fetched: AtomicU64,
    failing: AtomicBool,
}

/// The client for fetching could not be made.
#[derive(Debug, thiserror::Error)]
#[error("key sets cannot be fetched: {0}")]
pub struct NoClient(#[from] reqwest::Error);

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the answer is {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer has more than 64 KiB")]
    TooLarge,
    #[error("{0}")]
    Set(#[from] KeySetError),
}

impl KeySets {
    pub fn new(sources: Vec<KeySource>, clock: Clock) -> Result<Self, NoClient> {
        // A redirect could lead anywhere: the configuration names the one address that is asked.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        let sets = sources.into_iter().map(|source| KeySet {
            source,
            last: tokio::sync::Mutex::new(None),
            fetched: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        });
        Ok(Self { sets: sets.collect(), client, clock })
    }

    /// Whether the keys of the issuer at this place may be others than a moment ago: fetches them, at most once a minute
    /// however many tokens ask for it.
    pub async fn refresh(&self, place: usize) -> bool {
        let Some(set) = self.sets.iter().find(|set| set.source.place == place) else { return false };
        let before = set.fetched.load(Ordering::Acquire);
        let mut last = set.last.lock().await;
        if set.fetched.load(Ordering::Acquire) != before {
            return true;
        }
        let now = self.clock.now();
        let pause = TimeDelta::from_std(AGAIN).unwrap_or_default();
        if last.is_some_and(|last| now - last < pause) {
            return false;
        }
        *last = Some(now);
        self.fetch(set).await
    }

    /// Fetches all sets at once and then by the clock, until `stop`.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        if self.sets.is_empty() {
            return;
        }
        loop {
            let fetched = futures_util::future::join_all(self.sets.iter().map(async |set| {
                let mut last = set.last.lock().await;
                *last = Some(self.clock.now());
                self.fetch(set).await
            }));
            let all = tokio::select! {
                () = stop.cancelled() => return,
                fetched = fetched => fetched.into_iter().all(|good| good),
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(if all { EVERY } else { AGAIN }) => {}
            }
        }
    }

    /// Whether new keys came. A failure is told once, and so is its end.
    async fn fetch(&self, set: &KeySet) -> bool {
        let issuer = &set.source.name;
        match self.read(set).await {
            Ok(keys) => {
                set.source.keys.replace(keys);
                set.fetched.fetch_add(1, Ordering::Release);
                if set.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(%issuer, "the key set of a token issuer can be fetched again");
                }
                true
            }
            Err(error) => {
                if !set.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%issuer, %error, "the key set of a token issuer could not be fetched; known keys hold on");
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
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(FetchError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(parse_key_set(&bytes, &set.source.algorithms)?)
    }
}
