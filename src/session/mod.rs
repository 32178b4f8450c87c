//! Layer 6: live connections, on any carrier. A session holds no authority of its own: a scope, subscriptions with
//! positions, timers. It can be stopped at any point, and the client can resume.

pub mod admission;
mod budget;
mod commands;
pub mod connect_request;
pub mod connecting;
pub mod connection;
mod connection_guard;
mod connection_index;
pub mod connection_limits;
pub mod connection_status;
mod control_channel;
mod drain;
pub mod event_page;
pub mod follower;
mod log_join;
pub mod log_stream;
mod node_capacity;
pub mod node_health;
mod node_metrics;
mod presence_guard;
pub mod refresh;
pub mod registry;
pub mod relay;
pub mod remote_messages;
mod revalidation;
pub mod role_change;
mod room_commands;
pub mod settings;
pub mod sse;
mod supervisor;
pub mod suspended_tenants;
mod tenant_counts;
pub mod tenant_stats;
pub mod tenant_stats_stream;
pub mod traffic;
mod unresponsive;
pub mod upload_session;
pub mod ws;

pub use connecting::{Joined, Purpose, Verified};
pub use connection::Connection;
pub use follower::Follower;
pub use registry::ConnectionRegistry;
