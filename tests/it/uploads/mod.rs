//! Uploaded files: over the file socket, as a form, resumed, within a quota; their access rights, and the expiry of
//! unfinished ones.

mod attached;
mod bucket;
pub mod client;
mod expiry;
mod form;
mod names;
mod quota;
mod reading;
mod resuming;
mod socket;
