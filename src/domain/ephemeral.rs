//! Non-durable presence, viewing and typing state. A restarted node has none of it and receives it again from
//! clients that reconnect.

use std::time::Duration;

use super::presence::PresenceTracker;
use super::typing::TypingTracker;
use super::viewing::ViewerTracker;
use crate::cluster::presence_store::MemoryPresenceStore;
use crate::cluster::viewer_store::MemoryViewerStore;

/// Settings of the ephemeral state.
#[derive(Clone, Copy, Debug)]
pub struct EphemeralSettings {
    /// Whether joining an unknown room creates it.
    pub create_on_join: bool,
    /// How long a connection counts as present after its end, so that a page reload is not visible.
    pub presence_grace: Duration,
}

impl Default for EphemeralSettings {
    fn default() -> Self {
        Self { create_on_join: false, presence_grace: Duration::from_secs(10) }
    }
}

pub struct EphemeralState {
    pub create_on_join: bool,
    pub presence: PresenceTracker,
    pub viewing: ViewerTracker,
    pub typing: TypingTracker,
}

impl EphemeralState {
    pub fn new(settings: EphemeralSettings) -> Self {
        let EphemeralSettings { create_on_join, presence_grace } = settings;
        Self {
            create_on_join,
            presence: PresenceTracker::new(Box::<MemoryPresenceStore>::default(), presence_grace),
            viewing: ViewerTracker::new(Box::<MemoryViewerStore>::default()),
            typing: TypingTracker::default(),
        }
    }
}

impl Default for EphemeralState {
    fn default() -> Self {
        Self::new(EphemeralSettings::default())
    }
}
