//! Pages come into hand and are asked for, as far as slots, hosts and limits let them.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::OwnedSemaphorePermit;

use super::desk::Result;
use super::shelf::Stop;
use super::{Crawl, visit};
use crate::crawler::hosts::{Leave, Permit};
use crate::crawler::politeness::HostKey;
use crate::crawler::robots::Robots;
use crate::domain::frontier::{Fate, Taking, Visited};
use crate::protocol::job::LogLevel;

/// Pages on their way or being read, of one job. Each may take some times the largest page in memory.
const MAX_FLYING: usize = 8;
/// Fewer ready pages than this, and more are taken from the frontier.
const FEW: usize = 50;
const REFILL: usize = 200;
/// Pages in hand at most; a slow host's pages must not take all memory.
const MAX_IN_HAND: usize = 1_000;
/// Pages that are noted as taken in one write. If the worker is lost, each of them is tried alone; so few where pages come
/// slowly, and as many as are stored together where they come fast.
const FEWEST_TAKEN: usize = 8;
const MOST_TAKEN: usize = 100;
/// A batch that lasted less is followed by one of twice the size.
const SHORT: TimeDelta = TimeDelta::seconds(1);

/// How many pages the next batch has.
pub(super) struct Batches {
    size: usize,
    last: Option<DateTime<Utc>>,
}

impl Default for Batches {
    fn default() -> Self {
        Self { size: FEWEST_TAKEN, last: None }
    }
}

impl Batches {
    fn next(&mut self, now: DateTime<Utc>) -> usize {
        let soon = self.last.is_some_and(|last| now - last < SHORT);
        self.size = if soon { (self.size * 2).min(MOST_TAKEN) } else { FEWEST_TAKEN };
        self.last = Some(now);
        self.size
    }
}

/// Why nothing more can be asked for at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pause {
    /// When a host may be asked again.
    pub(super) until: Option<DateTime<Utc>>,
    /// A host has other requests on their way, and may be asked when one of them ends.
    pub(super) busy: bool,
}

impl Crawl {
    /// Takes pages from the frontier when few are ready.
    pub(super) async fn refill(&mut self) -> Result<()> {
        if !self.more || self.shelf.ready() >= FEW || self.shelf.in_hand() >= MAX_IN_HAND {
            return Ok(());
        }
        // Those in hand come first in an answer as long as they are not taken.
        let limit = self.shelf.in_hand() + REFILL;
        let places = self.desk.next(limit as u64).await?;
        self.more = places.len() == limit;
        for place in places {
            let id = place.id;
            match Stop::new(place) {
                Some(stop) => self.shelf.put(stop),
                None => tracing::error!(crawl_url.id = id, "a page of the frontier has no URL"),
            }
        }
        self.pause = None;
        Ok(())
    }

    /// Brings the slot in line with what there is to do, and asks for what may be asked for.
    pub(super) fn launch(&mut self) {
        let now = self.tools.kernel.clock.now();
        if self.shelf.wake(now) || self.pause.and_then(|pause| pause.until).is_some_and(|until| until <= now)
        {
            self.pause = None;
        }
        if self.slot.is_held() && self.wants_to_ask() && !self.slot.should_yield() {
            self.launch_all();
        }
        if !self.flying.is_empty() || self.suspect.is_some() || self.must_take {
            return;
        }
        let waits = self.pause.is_some() || !self.wants_to_ask();
        if waits || self.slot.is_held() {
            self.slot.rest();
        }
        if !waits {
            self.slot.want();
        }
    }

    fn wants_to_ask(&self) -> bool {
        self.shelf.ready() > 0 && self.pages_left() > 0 && !self.is_stopped()
    }

    fn launch_all(&mut self) {
        // A suspect is on its way, or about to be: nothing is asked for beside it.
        if self.alone.is_some() || self.suspect.is_some() {
            return;
        }
        let mut pause = Pause::default();
        for host in self.shelf.hosts() {
            self.launch_on(&host, &mut pause);
        }
        self.pause = (pause.busy || pause.until.is_some()).then_some(pause);
    }

    fn launch_on(&mut self, host: &HostKey, pause: &mut Pause) {
        let tenant = self.desk.op.scope.tenant_id();
        while self.flying.len() < MAX_FLYING && self.pages_left() > 0 && !self.is_stopped() {
            let Some(next) = self.shelf.front(host) else { return };
            let others = self.shelf.ready() > 1 || !self.flying.is_empty();
            if next.place.suspect && others {
                return;
            }
            if !next.place.suspect && !self.shelf.is_taken(next.place.id) {
                self.must_take = true;
                return;
            }
            let named = self.tools.fetcher.guard().is_named(&next.url);
            match self.tools.hosts.leave(&next.url, host, named) {
                Leave::Page(permit, robots) => {
                    let Some(stop) = self.shelf.take(host) else { return };
                    if stop.place.suspect {
                        self.suspect = Some((permit, robots, stop));
                        return;
                    }
                    self.ask_page(permit, robots, stop);
                }
                Leave::Robots(permit) => {
                    self.tally.add("robotstxt/request_count", 1);
                    let visit = visit::ask_robots(self.tools.clone(), tenant, permit, next.url.clone());
                    self.flying.push(Box::pin(visit));
                }
                Leave::Wait(Some(at)) => {
                    pause.until = Some(pause.until.map_or(at, |until| until.min(at)));
                    return;
                }
                Leave::Wait(None) => {
                    pause.busy = true;
                    return;
                }
                Leave::Forbidden => {
                    self.tally.add("robotstxt/forbidden", 1);
                    self.skip(host, "robots.txt forbids it");
                }
                Leave::Unreadable => self.skip(host, "the host's robots.txt could not be read"),
            }
        }
    }

    fn ask_page(&mut self, permit: Permit, robots: Robots, stop: Stop) {
        let tenant = self.desk.op.scope.tenant_id();
        self.tally.request();
        self.flying_pages += 1;
        let visit = visit::ask_page(self.tools.clone(), tenant, permit, robots, stop, self.allowed.clone());
        self.flying.push(Box::pin(visit));
    }

    /// Notes in the frontier which pages are asked for next, with what is to be stored anyway.
    pub(super) async fn take_pages(&mut self) -> Result<()> {
        self.must_take = false;
        let ids = self.shelf.to_take(self.batches.next(self.tools.kernel.clock.now()));
        self.store(Taking::Pages(&ids)).await?;
        self.shelf.note_taken(ids);
        Ok(())
    }

    /// Whether nothing is left but pages that are to be tried alone.
    pub(super) fn is_suspects_turn(&self) -> bool {
        let nothing_else = self.flying.is_empty() && self.suspect.is_none() && self.haul.is_empty();
        let may_go_on = !self.is_stopped() && self.pages_left() > 0;
        self.suspects && nothing_else && self.shelf.is_empty() && !self.more && may_go_on
    }

    /// Takes the next page that is to be tried alone.
    pub(super) async fn next_suspect(&mut self) -> Result<()> {
        match self.desk.next_suspect().await?.map(Stop::new) {
            Some(Some(stop)) => self.shelf.put(stop),
            Some(None) => {
                tracing::error!("a page of the frontier has no URL");
                self.suspects = false;
            }
            None => self.suspects = false,
        }
        self.pause = None;
        Ok(())
    }

    /// Asks for the suspect whose host is ready, now that no other is being tried on this node. That it is tried is noted
    /// first: if the worker is lost now, this page is the cause.
    pub(super) async fn try_suspect(&mut self, alone: OwnedSemaphorePermit) -> Result<()> {
        let Some((permit, robots, stop)) = self.suspect.take() else { return Ok(()) };
        self.store(Taking::Suspect(stop.place.id)).await?;
        self.alone = Some(alone);
        self.ask_page(permit, robots, stop);
        Ok(())
    }

    /// Leaves the next page of a host out.
    fn skip(&mut self, host: &HostKey, cause: &str) {
        let Some(stop) = self.shelf.take(host) else { return };
        let words = format!("{}: {cause}", stop.url);
        if stop.place.depth == 0 {
            self.failed(words);
        } else {
            self.note(LogLevel::Debug, words);
        }
        self.haul.touch(self.tools.kernel.clock.now());
        self.haul.visited.push(Visited {
            id: stop.place.id,
            fate: Fate::Skipped,
            attempts: stop.place.attempts,
            items: 0,
            outcome: Some(cause.to_owned()),
        });
    }
}
