//! Files that people send: over the file socket, as a form, in several sittings, within a quota; who may read them, and
//! what becomes of those that nobody finishes.

mod attached;
mod bucket;
mod client;
mod expiry;
mod form;
mod names;
mod quota;
mod reading;
mod resuming;
mod socket;
