//! A tenant as a whole: its export, its removal, and the retention of its rows.

mod export;
mod list;
mod removal;
mod retention;
mod rows;
