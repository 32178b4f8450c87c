//! Floor 1: the wire as types, without any I/O.

pub mod asyncapi;
pub mod client_message;
pub mod command;
pub mod envelope;
pub mod event;
pub mod examples;
pub mod job;
pub mod log_stream;
pub mod memberships;
pub mod message;
pub mod position;
pub mod problem;
pub mod property;
pub mod property_batch;
pub mod role;
pub mod room;
pub mod routing;
pub mod spider;
pub mod stats;
pub mod subscription;
mod timestamp;
pub mod upload;
pub mod upload_command;
pub mod websocket;
pub mod wire_id;
pub mod worker;
