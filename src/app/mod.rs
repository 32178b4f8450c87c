//! Layer 8: the composition root. `App` owns everything; two of them in one process share only the database.

pub mod admin_commands;
pub mod background;
pub mod backup;
pub mod cli;
mod client_sign_in;
mod command_identity;
pub mod demo;
pub mod dispatch;
pub mod documents;
mod error_line;
mod file_limits;
mod file_modes;
pub mod follow;
pub mod issuers;
mod lists;
pub mod message_line;
pub mod node;
mod node_id;
pub mod reload;
mod sample_site;
mod seal_key;
pub mod serve;
pub mod shutdown;
mod signals;
pub mod signing_keys;
mod start_checks;
pub mod start_error;
mod startup_message;
pub mod tenant_commands;
mod token_check;
mod uploads;
pub mod wiring;

pub use node::App;
pub use start_error::StartError;
