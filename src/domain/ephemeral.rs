//! Non-durable presence, viewing and typing state. A restarted node has none of it and receives it again from
//! clients that reconnect.

use std::time::Duration;

use super::presence::tracker::PresenceTracker;
use super::typing::tracker::TypingTracker;
use super::viewing::tracker::ViewerTracker;
use crate::cluster::presence_store::PresenceStore;
use crate::cluster::viewer_store::ViewerStore;

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
    pub fn new(
        settings: EphemeralSettings,
        presence: Box<dyn PresenceStore>,
        viewers: Box<dyn ViewerStore>,
    ) -> Self {
        let EphemeralSettings { create_on_join, presence_grace } = settings;
        Self {
            create_on_join,
            presence: PresenceTracker::new(presence, presence_grace),
            viewing: ViewerTracker::new(viewers),
            typing: TypingTracker::default(),
        }
    }
}
