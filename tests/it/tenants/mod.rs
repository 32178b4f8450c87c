//! A tenant as a whole: written into a file, removed, and its rows growing old.

mod export;
mod list;
mod removal;
mod retention;
mod rows;
