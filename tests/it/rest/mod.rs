//! REST as strangers' clients meet it: what a refusal names, what a page's origin may do, which texts are one.

mod all_errors;
mod inactive;
mod keys;
mod lists;
mod origins;
mod refusals;
mod texts;
mod unread;
