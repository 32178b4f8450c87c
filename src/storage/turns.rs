//! Turns at something that few may use at once. Whoever waits stands in the line of their tenant, and the lines are
//! served in rotation: a tenant with a thousand waiting delays another's first by one turn, not by a thousand.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::base::ids::TenantId;

/// Whose line it is; `None` is the system's own.
type Party = Option<TenantId>;

/// So many may use it at once, and so many of one party may wait; one more is refused.
#[derive(Clone)]
pub(crate) struct Turns {
    inner: Arc<Inner>,
}

struct Inner {
    most_waiting: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    lines: HashMap<Party, VecDeque<oneshot::Sender<Turn>>>,
    /// The parties that have somebody waiting, each once, next first.
    rotation: VecDeque<Party>,
}

/// A turn that is held; dropping it hands it on.
pub(crate) struct Turn {
    inner: Option<Arc<Inner>>,
}

/// The party's line is full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LineFull;

impl Turns {
    pub(crate) fn new(at_once: usize, most_waiting: usize) -> Self {
        let state = State { free: at_once, lines: HashMap::new(), rotation: VecDeque::new() };
        Self { inner: Arc::new(Inner { most_waiting, state: Mutex::new(state) }) }
    }

    /// How many wait, of all parties.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.inner.state.lock();
        state.lines.values().flatten().filter(|one| !one.is_closed()).count()
    }

    /// Waits for a turn. Cancel-safe: who goes away loses their place, and a turn that was on its way to them goes on to
    /// the next.
    pub(crate) async fn wait(&self, party: Party) -> Result<Turn, LineFull> {
        let waiting = {
            let mut state = self.inner.state.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn { inner: Some(Arc::clone(&self.inner)) });
            }
            state.queue(party, self.inner.most_waiting)?
        };
        // The sender is dropped only without having sent when the whole queue goes down.
        waiting.await.map_err(|_| LineFull)
    }
}

impl State {
    fn queue(&mut self, party: Party, most: usize) -> Result<oneshot::Receiver<Turn>, LineFull> {
        let line = self.lines.entry(party).or_default();
        if line.len() >= most {
            // Those who went away still stand in line until they are called; they must not keep others out.
            line.retain(|one| !one.is_closed());
            if line.len() >= most {
                return Err(LineFull);
            }
        }
        if line.is_empty() && !self.rotation.contains(&party) {
            self.rotation.push_back(party);
        }
        let (call, waiting) = oneshot::channel();
        line.push_back(call);
        Ok(waiting)
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(party) = self.rotation.pop_front() {
            let Some(line) = self.lines.get_mut(&party) else { continue };
            let call = line.pop_front();
            if line.is_empty() {
                self.lines.remove(&party);
            } else {
                self.rotation.push_back(party);
            }
            if call.is_some() {
                return call;
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        loop {
            let call = {
                let mut state = inner.state.lock();
                match state.next() {
                    Some(call) => call,
                    None => {
                        state.free += 1;
                        return;
                    }
                }
            };
            match call.send(Turn { inner: Some(Arc::clone(&inner)) }) {
                Ok(()) => return,
                // They went away: take the turn back without dropping it, and call the next.
                Err(mut back) => back.inner = None,
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

    const FLOOD: Party = Some(TenantId(1));
    const OTHER: Party = Some(TenantId(2));

    type Waiting = Pin<Box<dyn Future<Output = Result<Turn, LineFull>>>>;

    fn line_up(turns: &Turns, party: Party) -> Waiting {
        let turns = turns.clone();
        let mut waiting: Waiting = Box::pin(async move { turns.wait(party).await });
        assert!(poll(&mut waiting).is_none(), "nobody holds the turn");
        waiting
    }

    fn poll(waiting: &mut Waiting) -> Option<Result<Turn, LineFull>> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    fn now(turns: &Turns, party: Party) -> Turn {
        let mut waiting = pin!(turns.wait(party));
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(turn)) => turn,
            _ => panic!("no turn is free"),
        }
    }

    #[test]
    fn after_a_flood_of_one_the_other_is_second_at_the_latest() {
        let turns = Turns::new(1, 1_000);
        let held = now(&turns, FLOOD);
        let mut flood: Vec<_> = (0..500).map(|_| line_up(&turns, FLOOD)).collect();
        let mut other = line_up(&turns, OTHER);

        drop(held);
        let first = poll(&mut flood[0]).unwrap().unwrap();
        assert!(poll(&mut other).is_none());
        drop(first);

        let second = poll(&mut other);
        assert!(matches!(second, Some(Ok(_))));
        assert!(poll(&mut flood[1]).is_none());
    }

    #[test]
    fn each_line_keeps_its_order_and_lines_take_turns() {
        let turns = Turns::new(1, 10);
        let mut held = now(&turns, None);
        let mut waiting = [FLOOD, FLOOD, OTHER, OTHER].map(|party| line_up(&turns, party));
        let mut order = Vec::new();

        for _ in 0..4 {
            drop(held);
            let called = (0..4).find_map(|index| {
                let done = order.contains(&index);
                if done { None } else { poll(&mut waiting[index]).map(|turn| (index, turn)) }
            });
            let (index, turn) = called.unwrap();
            order.push(index);
            held = turn.unwrap();
        }

        assert_eq!(order, [0, 2, 1, 3]);
    }

    #[test]
    fn who_goes_away_holds_nobody_up() {
        let turns = Turns::new(1, 10);
        let held = now(&turns, FLOOD);
        let gone = line_up(&turns, FLOOD);
        let called_then_gone = line_up(&turns, OTHER);
        let mut last = line_up(&turns, FLOOD);

        drop(gone);
        drop(held);
        drop(called_then_gone);

        drop(poll(&mut last).unwrap().unwrap());
        drop(now(&turns, OTHER));
    }

    #[test]
    fn a_full_line_refuses_its_own_party_only_and_those_gone_do_not_fill_it() {
        let turns = Turns::new(1, 2);
        let _held = now(&turns, FLOOD);
        let first = line_up(&turns, FLOOD);
        let _second = line_up(&turns, FLOOD);
        let refused = |party| {
            let mut waiting: Waiting = Box::pin({
                let turns = turns.clone();
                async move { turns.wait(party).await }
            });
            matches!(poll(&mut waiting), Some(Err(LineFull)))
        };

        assert!(refused(FLOOD));
        assert!(!refused(OTHER));
        drop(first);
        assert!(!refused(FLOOD));
    }

    #[test]
    fn several_may_have_a_turn_at_once_where_there_is_room() {
        let turns = Turns::new(2, 10);

        let (one, two) = (now(&turns, FLOOD), now(&turns, FLOOD));
        let mut third = line_up(&turns, OTHER);
        drop((one, two));

        assert!(poll(&mut third).is_some());
    }
}
