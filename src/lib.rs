//! Lotline: an authenticated multi-tenant real-time API for companies that crawl property listings.
//! The layers, lowest first; a file uses lower layers and its own folder only (`tests/it/architecture.rs`).

pub mod base;

pub mod config;
pub mod protocol;

pub mod auth;
pub mod telemetry;

pub mod blobs;
pub mod cluster;
pub mod storage;

pub mod eventlog;
pub mod hub;

pub mod domain;

pub mod session;

pub mod crawler;
pub mod http;

pub mod app;
