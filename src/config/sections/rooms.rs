//! `[rooms]`: how rooms are created, and when a user counts as offline in them.

use std::time::Duration;

use crate::config::reader::ConfigReader;

#[derive(Clone, Debug)]
pub struct RoomSettings {
    pub create_on_join: bool,
    pub presence_grace_seconds: u64,
}

impl RoomSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        Self {
            create_on_join: reader.flag("rooms.create_on_join"),
            presence_grace_seconds: reader.integer("rooms.presence_grace_seconds", 0..=300),
        }
    }

    /// How long a connection counts after its end.
    pub fn presence_grace(&self) -> Duration {
        Duration::from_secs(self.presence_grace_seconds)
    }
}
