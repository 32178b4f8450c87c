//! Delivery of events to readers: to the right ones, in order, without loss or duplicates.

mod audience;
mod carrier_switching;
mod carriers;
mod feeds;
mod gaps;
mod load;
mod mirror;
mod other_nodes;
mod rebuild;
mod replaced_log;
mod replay_fairness;
mod shutdown;
mod slow;
mod storm;
mod streams;
mod trimming;
mod unknown_routing;
