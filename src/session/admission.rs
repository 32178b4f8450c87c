//! How many may begin at once. When everybody comes back together, a node serves those that it can and sends the rest
//! away for almost nothing: no signature is verified and no row is read for them. Who is in already is not concerned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::protocol::problem::{Code, Problem};

/// How long somebody waits for a place at most; a client that waited longer would have given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest that anybody is told to stay away, in seconds.
const LONGEST_AWAY: u64 = 30;

/// How many may begin at once.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionSettings {
    /// Credentials of sockets and streams that are looked at at once; as many again of requests.
    pub connects: usize,
    /// Connections at once between their admission and the first events of theirs that are read.
    pub joins: usize,
    /// Those who wait for each of these at most; further ones are refused.
    pub waiting: usize,
}

/// The gates of a node.
pub struct Admission {
    /// Sockets and streams that show their credential.
    pub connects: Gate,
    /// Requests that do. A storm of sockets does not keep workers and people from theirs.
    pub requests: Gate,
    /// Connections that begin to follow their log.
    pub joins: Gate,
}

/// Lets so many through at once, makes a few wait, and refuses the rest.
pub struct Gate {
    name: &'static str,
    places: Arc<Semaphore>,
    count: usize,
    waiting: AtomicUsize,
    most_waiting: usize,
    refused: AtomicU64,
    /// The refusals of this second and of the one before it: how large the storm is.
    lately: Mutex<Lately>,
    clock: Clock,
    entropy: Entropy,
}

#[derive(Default)]
struct Lately {
    second: i64,
    now: u64,
    before: u64,
}

/// A place behind a gate; dropping it lets the next one in.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    pub(super) fn new(settings: AdmissionSettings, clock: &Clock, entropy: Entropy) -> Self {
        let gate = |name, places| Gate::new(name, places, settings.waiting, clock.clone(), entropy);
        Self {
            connects: gate("connects", settings.connects),
            requests: gate("requests", settings.connects),
            joins: gate("joins", settings.joins),
        }
    }
}

impl Gate {
    fn new(name: &'static str, count: usize, most_waiting: usize, clock: Clock, entropy: Entropy) -> Self {
        Self {
            name,
            // Bounded: `most_waiting` may wait; whoever comes then is refused at once.
            places: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))),
            count,
            waiting: AtomicUsize::new(0),
            most_waiting,
            refused: AtomicU64::new(0),
            lately: Mutex::default(),
            clock,
            entropy,
        }
    }

    /// A place, at once or after a short wait in the order of arrival; otherwise when to come again.
    pub async fn enter(&self) -> Result<Place, Problem> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Place { _permit: permit });
        }
        let Some(_in_line) = InLine::of(self) else { return Err(self.refuse()) };
        tokio::select! {
            permit = Arc::clone(&self.places).acquire_owned() => match permit {
                Ok(permit) => Ok(Place { _permit: permit }),
                Err(_) => Err(self.refuse()),
            },
            () = self.clock.sleep(PATIENCE) => Err(self.refuse()),
        }
    }

    /// How many were refused since the start, for the metrics.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn refuse(&self) -> Problem {
        self.refused.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("lotline_admission_refused_total", "gate" => self.name).increment(1);
        let words = "Too many connect at this moment; come again in a while.";
        Problem::new(Code::Unavailable, words).retry_after(self.away())
    }

    /// Seconds to stay away: by chance within a span that grows with those who wait and those who were sent away, so
    /// that they do not come back together.
    fn away(&self) -> u32 {
        let backlog = self.waiting.load(Ordering::Relaxed) as u64 + self.count_refusal();
        let span = (1 + backlog / (self.count as u64).max(1)).min(LONGEST_AWAY);
        u32::try_from(1 + self.entropy.below(span)).unwrap_or(1)
    }

    fn count_refusal(&self) -> u64 {
        let second = self.clock.now().timestamp();
        let mut lately = self.lately.lock();
        if lately.second != second {
            let before = if lately.second + 1 == second { lately.now } else { 0 };
            *lately = Lately { second, now: 0, before };
        }
        lately.now += 1;
        lately.now + lately.before
    }
}

/// Somebody who waits; dropped when the wait ends, also by the client's going away.
struct InLine<'a>(&'a Gate);

impl<'a> InLine<'a> {
    fn of(gate: &'a Gate) -> Option<Self> {
        let joins = |waiting| (waiting < gate.most_waiting).then_some(waiting + 1);
        gate.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, joins).ok()?;
        Some(Self(gate))
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use futures_util::poll;
    use std::pin::pin;

    use super::*;

    fn gate(places: usize, waiting: usize) -> Gate {
        let clock = Clock::manual(DateTime::from_timestamp(1_764_000_000, 0).unwrap());
        Gate::new("test", places, waiting, clock, Entropy)
    }

    #[tokio::test]
    async fn as_many_as_there_are_places_come_in_at_once_a_few_wait_and_the_rest_is_refused() {
        let gate = gate(1, 1);
        let first = gate.enter().await.unwrap();
        let mut second = pin!(gate.enter());
        assert!(poll!(&mut second).is_pending());

        let third = gate.enter().await.unwrap_err();
        drop(first);

        assert_eq!((third.code, gate.refused()), (Code::Unavailable, 1));
        assert!(third.retry_after.is_some_and(|seconds| seconds >= 1));
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_leaves_no_trace() {
        let gate = gate(1, 1);
        let _first = gate.enter().await.unwrap();
        {
            let mut gone = pin!(gate.enter());
            assert!(poll!(&mut gone).is_pending());
        }

        let mut next = pin!(gate.enter());

        assert!(poll!(&mut next).is_pending(), "the line is free again");
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_clients_do() {
        let gate = gate(1, 1);
        let _first = gate.enter().await.unwrap();
        let mut waiting = pin!(gate.enter());
        assert!(poll!(&mut waiting).is_pending());

        gate.clock.advance(PATIENCE);

        assert_eq!(waiting.await.unwrap_err().code, Code::Unavailable);
    }

    #[tokio::test]
    async fn the_longer_the_line_the_wider_the_return_is_spread() {
        let gate = gate(1, 0);
        let _first = gate.enter().await.unwrap();

        let mut told = Vec::new();
        for _ in 0..500 {
            told.push(gate.enter().await.unwrap_err().retry_after.unwrap());
        }

        assert!(told[0] <= 2, "{told:?}");
        assert!(told.iter().all(|seconds| (1..=30).contains(seconds)), "{told:?}");
        let different: std::collections::HashSet<_> = told.iter().collect();
        assert!(different.len() > 15, "{different:?}");
    }
}
