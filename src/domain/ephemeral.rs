//! What people do together at this moment and nobody keeps: who is there, who looks at what, who types. A node that starts
//! anew knows nothing of it and hears it again from those who come back.

use std::time::Duration;

use super::presence::PresenceTracker;
use super::typing::TypingTracker;
use super::viewing::ViewerTracker;
use crate::cluster::presence_store::MemoryPresenceStore;
use crate::cluster::viewer_store::MemoryViewerStore;

/// What the configuration says of it.
#[derive(Clone, Copy, Debug)]
pub struct EphemeralSettings {
    /// Whether joining an unknown room makes it.
    pub create_on_join: bool,
    /// How long a connection counts after its end, so that a reload is not seen.
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
