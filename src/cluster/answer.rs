//! An answer of a shared store: there at once from memory, or to be waited for from another machine. The first costs
//! neither an allocation nor a turn of the scheduler.

use futures_util::future::{BoxFuture, Either, Ready, ready};

pub type Answer<'a, T> = Either<Ready<T>, BoxFuture<'a, T>>;

/// An answer that is there.
pub(super) fn answer<'a, T>(value: T) -> Answer<'a, T> {
    Either::Left(ready(value))
}
