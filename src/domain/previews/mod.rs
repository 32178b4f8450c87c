//! Reading a page without storing anything: for the people who shape a spider, and for what new rules would change.

pub mod page_reader;
pub mod slot;

mod preview;

pub use self::page_reader::{OwnHosts, PageReader, PreviewRequest, ReadFields};
pub use self::preview::{preview, validate};
pub use crate::protocol::preview::Preview;
