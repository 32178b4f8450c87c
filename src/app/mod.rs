//! Floor 8: the composition root. `App` owns everything; two of them in one process do not meet but through a database.

pub mod build;
pub mod cli;
pub mod copies;
pub mod demo;
pub mod documents;
mod file_limits;
mod file_modes;
pub mod follow;
pub mod issuers;
pub mod keys;
pub mod main_verb;
mod node_id;
pub mod people;
mod private_file;
pub mod reload;
pub mod serve;
pub mod settings;
pub mod shutdown;
mod signals;
pub mod start_error;
pub mod tenant;
pub mod timers;
mod uploads;

pub use build::App;
pub use start_error::StartError;
