//! REST as strangers' clients meet it: what a refusal names, what a page's origin may do, which texts are one.

mod inactive;
mod keys;
mod lists;
mod one_pass;
mod origins;
mod refusals;
mod texts;
mod unread;
