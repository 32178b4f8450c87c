//! A semaphore that is fair between parties, such as tenants. Each party has a queue of its own, and the queues are
//! served in rotation: a party with a thousand waiters delays the first waiter of another by one permit, not by a
//! thousand.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Identifies the queue of a waiter.
pub trait Party: Copy + Eq + Hash {}

impl<P: Copy + Eq + Hash> Party for P {}

/// Limits the permits in use, the permits of one party and the waiters of one party; further waiters are refused.
#[derive(Clone)]
pub struct FairSemaphore<P: Party> {
    inner: Arc<Inner<P>>,
}

struct Inner<P: Party> {
    max_waiting: usize,
    /// Permits that one party may hold at once.
    max_per_party: usize,
    state: Mutex<State<P>>,
}

struct State<P: Party> {
    free: usize,
    /// Permits in use by party; a party without any has no entry.
    held: HashMap<P, usize>,
    queues: HashMap<P, VecDeque<oneshot::Sender<FairPermit<P>>>>,
    /// The parties with waiters, each once, next first.
    rotation: VecDeque<P>,
}

/// A permit; when dropped, it passes to the next waiter.
pub struct FairPermit<P: Party> {
    party: P,
    inner: Option<Arc<Inner<P>>>,
}

/// The party's queue is full.
#[derive(Debug, PartialEq, Eq)]
pub struct QueueFull;

impl<P: Party> FairSemaphore<P> {
    /// One party may hold all permits while no other party waits.
    pub fn new(at_once: usize, most_waiting: usize) -> Self {
        Self::shared(at_once, at_once, most_waiting)
    }

    /// One party holds at most `share` permits, whether or not others wait.
    pub fn shared(at_once: usize, share: usize, most_waiting: usize) -> Self {
        let (held, lines) = (HashMap::new(), HashMap::new());
        let state = State { free: at_once, held, queues: lines, rotation: VecDeque::new() };
        Self {
            inner: Arc::new(Inner {
                max_waiting: most_waiting,
                max_per_party: share,
                state: Mutex::new(state),
            }),
        }
    }

    /// The number of waiters of all parties.
    pub fn waiting_count(&self) -> usize {
        let state = self.inner.state.lock();
        state.queues.values().flatten().filter(|one| !one.is_closed()).count()
    }

    /// Waits for a permit. Cancel-safe: a cancelled waiter leaves the queue, and a permit that was already sent to it
    /// passes to the next waiter.
    pub async fn acquire(&self, party: P) -> Result<FairPermit<P>, QueueFull> {
        self.enqueue(party)?.permit().await
    }

    /// A place in the party's queue, kept as long as this value lives: for callers that do other work while they
    /// wait.
    pub fn enqueue(&self, party: P) -> Result<Queued<P>, QueueFull> {
        let mut state = self.inner.state.lock();
        if state.free > 0 && state.has_share_left(party, self.inner.max_per_party) {
            state.free -= 1;
            state.take(party);
            return Ok(Queued::Ready(Some(FairPermit { party, inner: Some(Arc::clone(&self.inner)) })));
        }
        state.enqueue(party, self.inner.max_waiting).map(Queued::Waiting)
    }
}

/// A place in a queue. Dropping it leaves the queue and releases the permit if it was already granted.
pub enum Queued<P: Party> {
    Ready(Option<FairPermit<P>>),
    Waiting(oneshot::Receiver<FairPermit<P>>),
}

impl<P: Party> Queued<P> {
    /// Waits for the permit. Cancel-safe: the place in the queue is kept.
    pub async fn permit(&mut self) -> Result<FairPermit<P>, QueueFull> {
        match self {
            Self::Ready(permit) => permit.take().ok_or(QueueFull),
            // The sender is dropped without a value only when the whole queue is dropped.
            Self::Waiting(call) => call.await.map_err(|_| QueueFull),
        }
    }
}

impl<P: Party> State<P> {
    fn enqueue(&mut self, party: P, most: usize) -> Result<oneshot::Receiver<FairPermit<P>>, QueueFull> {
        let line = self.queues.entry(party).or_default();
        if line.len() >= most {
            // Cancelled waiters stay queued until their turn; they must not count against the limit.
            line.retain(|one| !one.is_closed());
            if line.len() >= most {
                return Err(QueueFull);
            }
        }
        if line.is_empty() && !self.rotation.contains(&party) {
            self.rotation.push_back(party);
        }
        let (call, waiting) = oneshot::channel();
        line.push_back(call);
        Ok(waiting)
    }

    /// The next waiter, among the parties below their share; the others keep their position in the rotation.
    fn next(&mut self, share: usize) -> Option<(P, oneshot::Sender<FairPermit<P>>)> {
        for _ in 0..self.rotation.len() {
            let party = self.rotation.pop_front()?;
            if !self.has_share_left(party, share) {
                self.rotation.push_back(party);
                continue;
            }
            let Some(line) = self.queues.get_mut(&party) else { continue };
            let call = line.pop_front();
            if line.is_empty() {
                self.queues.remove(&party);
            } else {
                self.rotation.push_back(party);
            }
            if let Some(call) = call {
                return Some((party, call));
            }
        }
        None
    }

    fn has_share_left(&self, party: P, share: usize) -> bool {
        self.held.get(&party).is_none_or(|held| *held < share)
    }

    fn take(&mut self, party: P) {
        *self.held.entry(party).or_default() += 1;
    }

    fn give_back(&mut self, party: P) {
        if let Some(held) = self.held.get_mut(&party) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&party);
            }
        }
    }
}

impl<P: Party> Drop for FairPermit<P> {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        let mut back = self.party;
        loop {
            let (party, call) = {
                let mut state = inner.state.lock();
                state.give_back(back);
                match state.next(inner.max_per_party) {
                    Some((party, call)) => {
                        state.take(party);
                        (party, call)
                    }
                    None => {
                        state.free += 1;
                        return;
                    }
                }
            };
            match call.send(FairPermit { party, inner: Some(Arc::clone(&inner)) }) {
                Ok(()) => return,
                // The waiter is gone: take the permit back without dropping it, and try the next.
                Err(mut unheard) => {
                    unheard.inner = None;
                    back = party;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::base::ids::TenantId;

    type Party = Option<TenantId>;
    type FairSemaphore = super::FairSemaphore<Party>;
    type FairPermit = super::FairPermit<Party>;

    const FLOOD: Party = Some(TenantId(1));
    const OTHER: Party = Some(TenantId(2));

    type Waiting = Pin<Box<dyn Future<Output = Result<FairPermit, QueueFull>>>>;

    fn enqueue_waiter(semaphore: &FairSemaphore, party: Party) -> Waiting {
        let semaphore = semaphore.clone();
        let mut waiting: Waiting = Box::pin(async move { semaphore.acquire(party).await });
        assert!(poll(&mut waiting).is_none(), "no one holds the permit");
        waiting
    }

    fn poll(waiting: &mut Waiting) -> Option<Result<FairPermit, QueueFull>> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => Some(permit),
            Poll::Pending => None,
        }
    }

    fn acquire_now(semaphore: &FairSemaphore, party: Party) -> FairPermit {
        let mut waiting = pin!(semaphore.acquire(party));
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(permit)) => permit,
            _ => panic!("no turn is free"),
        }
    }

    #[test]
    fn after_a_flood_of_one_the_other_is_second_at_the_latest() {
        let semaphore = FairSemaphore::new(1, 1_000);
        let held = acquire_now(&semaphore, FLOOD);
        let mut flood: Vec<_> = (0..500).map(|_| enqueue_waiter(&semaphore, FLOOD)).collect();
        let mut other = enqueue_waiter(&semaphore, OTHER);

        drop(held);
        let first = poll(&mut flood[0]).unwrap().unwrap();
        assert!(poll(&mut other).is_none());
        drop(first);

        let second = poll(&mut other);
        assert!(matches!(second, Some(Ok(_))));
        assert!(poll(&mut flood[1]).is_none());
    }

    #[test]
    fn each_queue_keeps_its_order_and_queues_are_served_in_rotation() {
        let semaphore = FairSemaphore::new(1, 10);
        let mut held = acquire_now(&semaphore, None);
        let mut waiting = [FLOOD, FLOOD, OTHER, OTHER].map(|party| enqueue_waiter(&semaphore, party));
        let mut order = Vec::new();

        for _ in 0..4 {
            drop(held);
            let called = (0..4).find_map(|index| {
                let done = order.contains(&index);
                if done { None } else { poll(&mut waiting[index]).map(|permit| (index, permit)) }
            });
            let (index, permit) = called.unwrap();
            order.push(index);
            held = permit.unwrap();
        }

        assert_eq!(order, [0, 2, 1, 3]);
    }

    #[test]
    fn a_cancelled_waiter_blocks_no_other() {
        let semaphore = FairSemaphore::new(1, 10);
        let held = acquire_now(&semaphore, FLOOD);
        let gone = enqueue_waiter(&semaphore, FLOOD);
        let called_then_gone = enqueue_waiter(&semaphore, OTHER);
        let mut last = enqueue_waiter(&semaphore, FLOOD);

        drop(gone);
        drop(held);
        drop(called_then_gone);

        drop(poll(&mut last).unwrap().unwrap());
        drop(acquire_now(&semaphore, OTHER));
    }

    #[test]
    fn a_full_queue_refuses_its_own_party_only_and_cancelled_waiters_do_not_count() {
        let semaphore = FairSemaphore::new(1, 2);
        let _held = acquire_now(&semaphore, FLOOD);
        let first = enqueue_waiter(&semaphore, FLOOD);
        let _second = enqueue_waiter(&semaphore, FLOOD);
        let refused = |party| {
            let mut waiting: Waiting = Box::pin({
                let semaphore = semaphore.clone();
                async move { semaphore.acquire(party).await }
            });
            matches!(poll(&mut waiting), Some(Err(QueueFull)))
        };

        assert!(refused(FLOOD));
        assert!(!refused(OTHER));
        drop(first);
        assert!(!refused(FLOOD));
    }

    #[test]
    fn several_permits_are_held_at_once_up_to_the_limit() {
        let semaphore = FairSemaphore::new(2, 10);

        let (one, two) = (acquire_now(&semaphore, FLOOD), acquire_now(&semaphore, FLOOD));
        let mut third = enqueue_waiter(&semaphore, OTHER);
        drop((one, two));

        assert!(poll(&mut third).is_some());
    }

    #[test]
    fn one_party_holds_its_share_and_what_it_leaves_is_for_others_at_once() {
        let semaphore = FairSemaphore::shared(2, 1, 10);
        let first = acquire_now(&semaphore, FLOOD);
        let mut second = enqueue_waiter(&semaphore, FLOOD);
        let mut third = enqueue_waiter(&semaphore, FLOOD);

        let other = acquire_now(&semaphore, OTHER);
        drop(other);
        assert!(poll(&mut second).is_none(), "the other's turn is free, and not for the flood");
        drop(first);
        let held = poll(&mut second).unwrap().unwrap();
        assert!(poll(&mut third).is_none());
        drop(acquire_now(&semaphore, OTHER));
        drop(held);

        assert!(poll(&mut third).is_some());
    }

    #[test]
    fn a_cancelled_waiter_returns_the_share_of_its_party() {
        let semaphore = FairSemaphore::shared(2, 1, 10);
        let first = acquire_now(&semaphore, FLOOD);
        let gone = enqueue_waiter(&semaphore, FLOOD);

        drop(first);
        drop(gone);

        drop(acquire_now(&semaphore, FLOOD));
        drop((acquire_now(&semaphore, FLOOD), acquire_now(&semaphore, OTHER)));
    }
}
