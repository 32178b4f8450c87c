//! Layer 8: the composition root. `App` owns everything; two of them in one process share only the database.

pub mod admin_commands;
pub mod background;
pub mod backup;
pub mod cli;
mod client_sign_in;
pub mod demo;
pub mod dispatch;
pub mod documents;
mod file_limits;
mod file_modes;
mod flag_errors;
pub mod follow;
pub mod issuers;
mod lists;
pub mod message_line;
pub mod node;
mod node_id;
mod private_file;
pub mod reload;
mod sample_site;
pub mod serve;
pub mod shutdown;
mod signals;
pub mod signing_keys;
pub mod start_error;
mod startup_message;
mod table;
pub mod tenant_commands;
mod token_check;
mod uploads;
pub mod wiring;

pub use node::App;
pub use start_error::StartError;
