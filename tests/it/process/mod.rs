//! The program as a process: how it starts, how it refuses to, what it does when the machine has nothing left.

mod bad_start;
mod clients;
mod copies;
mod drain;
mod exhaustion;
mod full;
mod keys;
mod lists;
mod private;
mod refused_tokens;
mod reload;
mod retries;
mod tenants;
mod uploads;
mod verbs;
