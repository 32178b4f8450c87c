//! What the crawls of a node share.

use std::sync::Arc;

use super::fetch::Fetcher;
use super::hosts::Hosts;
use super::reader::ReaderPool;
use super::settings::CrawlerSettings;
use super::slots::Slots;
use crate::domain::op::Services;

/// Parts of a second that waits are spread over.
const JITTER_STEPS: u64 = 1_000;

/// What every crawl of a node works with. Clones share it.
#[derive(Clone)]
pub(super) struct CrawlDeps {
    pub(super) services: Services,
    pub(super) settings: Arc<CrawlerSettings>,
    pub(super) fetcher: Fetcher,
    pub(super) hosts: Arc<Hosts>,
    pub(super) slots: Slots,
    pub(super) readers: ReaderPool,
}

impl CrawlDeps {
    /// A number in `0.0..1.0`.
    pub(super) fn jitter(&self) -> f64 {
        self.services.entropy.below(JITTER_STEPS) as f64 / JITTER_STEPS as f64
    }
}
