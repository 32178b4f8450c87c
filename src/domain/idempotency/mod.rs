//! A retry never acts twice. A caller shows a key with a request, or an id with a message; the answer is kept under it
//! for a day, written in the transaction of the work. So there is never work without its kept answer nor an answer
//! without its work, over a crash too, and the same sent again is answered with what is kept.
//!
//! How a use case keeps its answer: [`Op::once`](super::op::Op::once) ties the context to what the caller showed
//! ([`Presented`]); `op.begin_once()` in place of `begin` waits for a twin and gives either the change to make or the
//! answer that is kept; `op.commit_once(change, answer)` in place of `commit` writes the answer down. Without a key
//! both are `begin` and `commit`. Refusals are not kept: a corrected retry may use the same key.

mod in_flight;
mod key;
mod operation;
mod subject;
mod sweep;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;

pub use in_flight::InFlight;
pub use key::{IdempotencyKey, SentRequest};
pub use operation::{Begin, IdempotentOperation};
pub use subject::AnswerSubject;
pub use sweep::sweep;

/// How long an answer is kept.
pub const RETENTION: TimeDelta = TimeDelta::hours(24);
/// How long a twin is waited for.
pub const IN_FLIGHT_WAIT: TimeDelta = TimeDelta::seconds(10);
/// Bytes of a kept answer at most. The largest is a batch's: 500 rows, each with at most 2,000 bytes of error, which is
/// below this even with every byte of them escaped.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
