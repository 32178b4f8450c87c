//! What people do together at this moment and nobody keeps: who is there, who looks at what, who types. A node that starts
//! anew knows nothing of it and hears it again from those who come back.

use std::time::Duration;

use super::presence::Presence;
use super::typing::Typing;
use super::viewing::Viewing;
use crate::cluster::attendance::MemoryAttendance;
use crate::cluster::viewership::MemoryViewership;

/// What the configuration says of it.
#[derive(Clone, Copy, Debug)]
pub struct TogetherSettings {
    /// Whether joining an unknown room makes it.
    pub create_on_join: bool,
    /// How long a connection counts after its end, so that a reload is not seen.
    pub presence_grace: Duration,
}

impl Default for TogetherSettings {
    fn default() -> Self {
        Self { create_on_join: false, presence_grace: Duration::from_secs(10) }
    }
}

pub struct Together {
    pub create_on_join: bool,
    pub presence: Presence,
    pub viewing: Viewing,
    pub typing: Typing,
}

impl Together {
    pub fn new(settings: TogetherSettings) -> Self {
        let TogetherSettings { create_on_join, presence_grace } = settings;
        Self {
            create_on_join,
            presence: Presence::new(Box::<MemoryAttendance>::default(), presence_grace),
            viewing: Viewing::new(Box::<MemoryViewership>::default()),
            typing: Typing::default(),
        }
    }
}

impl Default for Together {
    fn default() -> Self {
        Self::new(TogetherSettings::default())
    }
}
