//! The second layer: the state that a page embeds for its own scripts. Nothing is executed; data is found where it is
//! written as JSON or as a literal.

mod blocks;
mod flight;
mod literal;
mod names;
mod script;

#[cfg(test)]
mod tests;

pub(super) use blocks::{addresses, parsed, read};
