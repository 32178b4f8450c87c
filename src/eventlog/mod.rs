//! Layer 4: the committed log, which is the truth. Events enter it in the transaction of the change that caused them
//! and are read back in the order of commit. It knows no reader.

mod append;
mod log_cache;
mod replay;

pub use append::{Appended, Committed, EventTx};
pub use log_cache::{LogCache, LogSegment};
pub use replay::{
    Head, Page, Since, head, read_after, read_head, read_missing, resolve_filtered_since, resolve_since,
};
