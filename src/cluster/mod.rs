//! State that nodes share outside the store. Losing it costs a client a retry, never data. Each trait has an
//! implementation for one node, in memory, and a test body that every implementation runs (`contract`).

mod answer;
pub mod broker;
pub mod connection_counts;
#[cfg(test)]
mod contract;
pub mod memory;
pub mod presence_store;
pub mod rate_counters;
pub mod used_tickets;
pub mod viewer_store;

use std::sync::Arc;

pub use answer::Answer;
use broker::{Broker, MemoryBus};
use connection_counts::{ConnectionCounts, MemoryConnectionCounts};
use presence_store::{MemoryPresenceStore, PresenceStore};
use rate_counters::{MemoryRateCounters, RateCounters};
use viewer_store::{MemoryViewerStore, ViewerStore};

/// What a node shares with others, besides the used tickets.
pub struct SharedState {
    pub broker: Arc<dyn Broker>,
    pub presence: Box<dyn PresenceStore>,
    pub viewers: Box<dyn ViewerStore>,
    pub connections: Arc<dyn ConnectionCounts>,
    pub rates: Arc<dyn RateCounters>,
}

impl SharedState {
    /// For a node without others.
    pub fn of_one_node() -> Self {
        Self {
            broker: Arc::new(MemoryBus::new().join()),
            presence: Box::<MemoryPresenceStore>::default(),
            viewers: Box::<MemoryViewerStore>::default(),
            connections: Arc::<MemoryConnectionCounts>::default(),
            rates: Arc::<MemoryRateCounters>::default(),
        }
    }
}
