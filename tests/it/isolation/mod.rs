//! The isolation walk: every operation and every channel, as an admin and a key with every scope of another tenant.
//! One tenant's things must look to another exactly as if they had never existed.
#![expect(clippy::panic, reason = "a test that cannot go on should stop and say why")]

mod audit;
pub mod call;
pub mod case;
mod channels;
mod collaboration;
mod documents;
pub mod factories;
mod operations;
mod resources;
mod rooms;
mod upkeep;
pub mod world;
