//! Token changes: the effect on a live connection when its token, its sign-in or its user's role changes.

mod in_flight;
mod issuers;
mod keys;
mod missed;
mod revocation;
mod roles;
mod streams;
mod tickets;
mod token_transport;
