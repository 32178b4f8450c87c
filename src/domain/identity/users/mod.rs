//! The users of a tenant. At least one admin is always left.

mod change;
mod create;
mod list;
mod remove;
mod unique;

pub use change::{Precondition, UserPatch, change, validate as judge_patch};
pub use create::{NewUser, create, validate as judge_new};
pub use list::{directory, get, list, me};
pub use remove::remove;

use crate::base::ids::UserId;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::storage::users::UserRow;

/// Whether `user` is the only one among the active admins.
fn is_last_admin(admins: &[UserRow], user: UserId) -> bool {
    matches!(admins, [only] if only.id == user.0)
}

/// The error for leaving a tenant without an admin; it names the fields of the change that would.
fn last_admin(fields: &[&'static str]) -> Problem {
    let words = "would leave the tenant without an active admin";
    let errors = fields
        .iter()
        .map(|field| FieldError::in_body(&[PathSegment::Name((*field).to_owned())], "last_admin", words));
    let detail = "The last admin of a tenant cannot be removed, deactivated or demoted.";
    Problem::conflict_of(detail, errors.collect())
}

/// A field that must be unique in the tenant: its name, and its label.
type UniqueField = (&'static str, &'static str);

const USERNAME: UniqueField = ("username", "user name");
const EMAIL: UniqueField = ("email", "e-mail address");

/// The error for values that other users of the tenant have; it names each of the fields.
fn taken(fields: &[UniqueField]) -> Problem {
    let words: Vec<&str> = fields.iter().map(|(_, words)| *words).collect();
    let verb = if words.len() == 1 { "is" } else { "are" };
    let detail = format!("The {} {verb} taken in this tenant.", words.join(" and the "));
    let errors = fields.iter().map(|(name, _)| FieldError::taken(&[*name], "is taken in this tenant"));
    Problem::conflict_of(detail, errors.collect())
}
