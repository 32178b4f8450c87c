//! The people of a tenant. One admin at least is always left.

mod change;
mod create;
mod list;
mod remove;

pub use change::{Precondition, UserPatch, change};
pub use create::{NewUser, create};
pub use list::{directory, get, list, me};
pub use remove::remove;

use crate::base::ids::UserId;
use crate::protocol::problem::{Code, Problem};
use crate::storage::users::UserRow;

/// Whether `user` is the only one among the active admins.
fn is_last(admins: &[UserRow], user: UserId) -> bool {
    matches!(admins, [only] if only.id == user.0)
}

fn last_admin() -> Problem {
    Problem::new(Code::Conflict, "The last admin of a tenant cannot be removed, deactivated or demoted.")
}

fn taken(what: &str) -> Problem {
    Problem::new(Code::Conflict, format!("The {what} is taken in this tenant."))
}
