//! A retry never acts twice. A caller sends a key with a request; the answer is
//! stored under it for a day, in the transaction of the work. So there is never work without its stored
//! answer nor an answer without its work, even after a crash, and a repeated request gets the stored answer.
//!
//! Use: [`Op::with_idempotency_key`](super::op::Op::with_idempotency_key) attaches the caller's
//! [`IdempotencyKey`]; `op.begin_idempotent()` in place of `begin` waits for a concurrent request with the
//! same key and returns the change to make or the stored answer; `op.commit_idempotent(change, answer)` in
//! place of `commit` stores the answer. Without a key both are `begin` and `commit`. Errors are not stored,
//! so that a corrected retry may use the key.

pub(in crate::domain) mod in_flight;
pub(in crate::domain) mod key;
pub(in crate::domain) mod operation;
pub(in crate::domain) mod subject;
mod sweep;
#[cfg(test)]
mod tests;

pub use key::{IdempotencyKey, SentRequest};
pub use operation::{Begin, IdempotentOperation};
pub use subject::AnswerSubject;
pub use sweep::sweep;
