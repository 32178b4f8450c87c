//! One socket, from its client's side: opening, messages, limits, timers.

mod connection_limits;
mod contract;
mod echo;
mod expiry;
mod heartbeat;
mod limits;
mod messages;
mod parameters;
mod pending_subscriptions;
mod revoked_before_admission;
mod subscriptions;
mod unfinished;
mod unread_refusals;
mod upgrade;
