//! REST for foreign clients: what a refusal names, which origins are allowed, which texts count as equal.

mod all_errors;
mod inactive;
mod keys;
mod lists;
mod origins;
mod refusals;
mod texts;
mod unread;
