//! What a machine does to a server: its disk is full, its database is locked or gone, its clock is moved, clients do not
//! read. Nothing that was acknowledged is lost, refusals say why, and all goes on without help when the trouble is over.

#![expect(clippy::print_stderr, reason = "a measurement says more than its bound")]

mod clock;
mod database_outage;
mod full_disk;
mod locked;
mod postgres_server;
mod secrets;
mod slow_readers;
