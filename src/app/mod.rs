//! Floor 8: the composition root. `App` owns everything; two of them in one process do not meet but through a database.

pub mod build;
pub mod cli;
mod client_sign_in;
pub mod copies;
pub mod demo;
pub mod documents;
mod file_limits;
mod file_modes;
mod first_steps;
pub mod follow;
pub mod issuers;
pub mod keys;
mod lists;
pub mod main_verb;
mod node_id;
pub mod people;
mod private_file;
mod refused_flags;
pub mod reload;
mod sample_site;
pub mod sentence;
pub mod serve;
pub mod settings;
pub mod shutdown;
mod signals;
pub mod start_error;
mod table;
pub mod tenant;
pub mod timers;
mod token_check;
mod uploads;

pub use build::App;
pub use start_error::StartError;
