//! The rule that a tenant always has an active admin.

use crate::base::ids::UserId;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::storage::users::UserRow;

/// Whether `user` is the only one among the active admins.
pub(super) fn is_last_admin(admins: &[UserRow], user: UserId) -> bool {
    matches!(admins, [only] if only.id == user.0)
}

/// The error for leaving a tenant without an admin; it names the fields of the change that would.
pub(super) fn last_admin(fields: &[&'static str]) -> Problem {
    let words = "would leave the tenant without an active admin";
    let errors = fields
        .iter()
        .map(|field| FieldError::in_body(&[PathSegment::Name((*field).to_owned())], "last_admin", words));
    let detail = "The last admin of a tenant cannot be removed, deactivated or demoted.";
    Problem::conflict_of(detail, errors.collect())
}
