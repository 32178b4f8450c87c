//! A tenant as a whole: written into a file, removed, and its rows growing old.

mod ageing;
mod export;
mod list;
mod removal;
mod rows;
