//! The users of a tenant. At least one admin is always left.

mod change;
mod create;
mod last_admin;
mod list;
mod remove;
mod unique;

pub use change::{Precondition, UserPatch, change, validate as judge_patch};
pub use create::{NewUser, create, validate as judge_new};
pub use list::{directory, get, list, me};
pub use remove::remove;
