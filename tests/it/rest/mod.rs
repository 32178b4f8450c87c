//! REST for foreign clients: what a refusal names, which origins are allowed, which texts count as equal.

mod all_errors;
mod export;
mod inactive;
mod keys;
mod linked_data;
mod lists;
mod origins;
mod refusals;
mod spiders;
mod texts;
mod unread;
