//! The sections, one file each: the typed values, and how they are read.

mod rules;

pub mod server;

pub mod cluster;
pub mod database;

pub mod auth;
pub mod bootstrap;
pub mod cors;
pub mod issuers;

pub mod crawler;
pub mod eventlog;
pub mod limits;
pub mod rooms;
pub mod telemetry;
pub mod uploads;
