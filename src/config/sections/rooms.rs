//! `[rooms]`: how rooms come to be.

use crate::config::form::Form;

#[derive(Clone, Debug)]
pub struct RoomSettings {
    pub create_on_join: bool,
}

impl RoomSettings {
    pub(in crate::config) fn read(form: &mut Form) -> Self {
        Self { create_on_join: form.flag("rooms.create_on_join") }
    }
}
