//! The program as a process: how it starts, how it refuses to start, what it does when resources run out.

mod backup;
mod bad_start;
mod clients;
mod config_check;
mod connection_limits;
mod data_folder;
mod drain;
mod exhaustion;
mod file_modes;
mod flags;
mod key_commands;
mod keys;
mod lists;
mod refused_tokens;
mod reload;
mod retries;
mod seal_key;
mod subcommands;
mod tenants;
mod uploads;
