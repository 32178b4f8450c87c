//! Pages that the built-in crawler has read and keeps, so that they can be read again without a request: the latest body
//! of each URL, the oldest out first when a tenant has more than it may.
//!
//! A body is in the blob store before its row is in the database, and its row is gone before it is. So whatever is cut
//! off leaves bodies without a row, which the sweep removes. A row without its body counts as not kept.

pub mod page;
pub mod settings;

mod body;
mod read;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod waiting;

pub use body::PackedBody;
pub use page::{KeptBody, KeptPage, NewPage};
pub use read::{find, latest, load_body, of_spider};
pub use store::{forget, store};
pub use sweep::{remove_bodies, sweep, sweep_orphans};
pub use waiting::WaitingPermit;
