//! Our own accept loop around a poem endpoint: HTTP/1.1, every wait bounded, connections counted, a clean drain. It
//! knows bytes, time and connections; never a route, a caller or a tenant.

mod accept;
mod connection;
mod connection_state;
mod framing;
mod head_refusal;
mod host;
mod listener;
mod pool;
mod registry;
mod request_body;
mod server;
mod settings;
#[cfg(test)]
mod tests;
mod time_limit;
mod tracked_stream;
mod upgrade;

pub use connection::LiveResponse;
pub use listener::{BindError, Listener};
pub use request_body::BodyProgress;
pub use server::{Drained, serve};
pub use settings::ServeSettings;
pub use time_limit::TimeLimit;
pub use upgrade::{Upgrade, UpgradeError, UpgradePermit, Upgraded};
