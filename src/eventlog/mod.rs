//! Floor 4: the committed log, which is the truth. Events enter it in the transaction of the change that caused them
//! and are read back in the order of commit. It knows no reader.

mod append;
mod replay;
mod shared;

pub use append::{Appended, Change, Committed};
pub use replay::{Head, Page, Since, head, judge, read_after, read_head, read_missing};
pub use shared::{SharedReads, Stretch};
