//! One socket, as its client sees it: the doors, the messages, the limits, the clock.

mod contract;
mod doors;
mod echo;
mod expiry;
mod heartbeat;
mod late_word;
mod limits;
mod messages;
mod parameters;
mod seats;
mod subscriptions;
mod unfinished;
mod unread_refusals;
mod waiting;
