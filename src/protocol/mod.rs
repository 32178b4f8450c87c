//! Floor 1: the wire as types, without any I/O.

pub mod problem;
pub mod property;
pub mod websocket;
