//! Faults of the machine: the disk is full, the database is locked or down, the clock jumps, clients do not read. No
//! acknowledged write is lost, refusals give a reason, and the server recovers by itself when the fault is over.

#![expect(clippy::print_stderr, reason = "a measurement says more than its bound")]

mod clock;
mod database_outage;
mod full_disk;
mod locked;
mod postgres_server;
mod secrets;
mod slow_readers;
