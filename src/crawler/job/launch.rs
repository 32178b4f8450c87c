//! Pages come into hand and are asked for, as far as hosts and limits let them.

use chrono::{DateTime, Utc};

use super::desk::Result;
use super::shelf::Stop;
use super::{Crawl, visit};
use crate::crawler::hosts::Leave;
use crate::crawler::politeness::HostKey;
use crate::domain::frontier::{Fate, Visited};
use crate::protocol::job::LogLevel;

/// Pages on their way or being read, of one job. Each may take some times the largest page in memory.
const MAX_FLYING: usize = 8;
/// Fewer ready pages than this, and more are taken from the frontier.
const FEW: usize = 50;
const REFILL: usize = 200;
/// Pages in hand at most; a slow host's pages must not take all memory.
const MAX_IN_HAND: usize = 1_000;

impl Crawl {
    /// Takes pages from the frontier when few are ready.
    pub(super) async fn refill(&mut self) -> Result<()> {
        if !self.more || self.shelf.ready() >= FEW || self.shelf.in_hand() >= MAX_IN_HAND {
            return Ok(());
        }
        // Those in hand still wait there, and may come first in every answer.
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
        Ok(())
    }

    /// Asks for what may be asked for; gives the time at which more may be.
    pub(super) fn launch(&mut self) -> Option<DateTime<Utc>> {
        self.shelf.wake(self.tools.kernel.clock.now());
        let waits = self.shelf.hosts().into_iter().filter_map(|host| self.launch_on(&host));
        waits.min()
    }

    fn launch_on(&mut self, host: &HostKey) -> Option<DateTime<Utc>> {
        let tenant = self.desk.op.scope.tenant_id();
        while self.flying.len() < MAX_FLYING && self.pages_left() > 0 && !self.is_stopped() {
            let next = self.shelf.front(host)?;
            let named = self.tools.fetcher.guard().is_named(&next.url);
            match self.tools.hosts.leave(&next.url, host, named) {
                Leave::Page(permit, robots) => {
                    let stop = self.shelf.take(host)?;
                    self.tally.request();
                    self.flying_pages += 1;
                    let visit = visit::ask_page(
                        self.tools.clone(),
                        tenant,
                        permit,
                        robots,
                        stop,
                        self.allowed.clone(),
                    );
                    self.flying.push(Box::pin(visit));
                }
                Leave::Robots(permit) => {
                    self.tally.add("robotstxt/request_count", 1);
                    let visit = visit::ask_robots(self.tools.clone(), tenant, permit, next.url.clone());
                    self.flying.push(Box::pin(visit));
                }
                Leave::Wait(at) => return at,
                Leave::Forbidden => {
                    self.tally.add("robotstxt/forbidden", 1);
                    self.skip(host, "robots.txt forbids it");
                }
                Leave::Unreadable => self.skip(host, "the host's robots.txt could not be read"),
            }
        }
        None
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
