//! Values that must be unique among a tenant's users: the name, its appearance, and the e-mail address.

use crate::base::lookalike::{Skeletons, share_a_script};
use crate::base::normalize::name_key;
use crate::domain::error::Result;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::storage::TenantTx;
use crate::storage::users::{self, UserRow};

/// A field that must be unique in the tenant: its name, and its label.
pub(super) type UniqueField = (&'static str, &'static str);

pub(super) const USERNAME: UniqueField = ("username", "user name");
pub(super) const EMAIL: UniqueField = ("email", "e-mail address");

/// The error for values that other users of the tenant have; it names each of the fields.
pub(super) fn taken(fields: &[UniqueField]) -> Problem {
    let words: Vec<&str> = fields.iter().map(|(_, words)| *words).collect();
    let verb = if words.len() == 1 { "is" } else { "are" };
    let detail = format!("The {} {verb} taken in this tenant.", words.join(" and the "));
    let errors = fields.iter().map(|(name, _)| FieldError::taken(&[*name], "is taken in this tenant"));
    Problem::conflict_of(detail, errors.collect())
}

/// The new values of a user, in their normal form; `None` leaves one as it is.
#[derive(Clone, Copy)]
pub(super) struct UniqueValues<'a> {
    pub username: Option<&'a str>,
    pub email: Option<&'a str>,
}

/// Rejects values that other users have. `own` is the user to change; a user never clashes with itself.
pub(super) async fn refuse_taken(
    tx: &TenantTx,
    own: Option<&UserRow>,
    wanted: UniqueValues<'_>,
) -> Result<()> {
    let alike = match wanted.username {
        Some(username) => users::find_alike(tx, &Skeletons::of(username)).await?,
        None => Vec::new(),
    };
    let others: Vec<&UserRow> = alike.iter().filter(|user| is_other(user, own)).collect();
    let mut fields = Vec::new();
    if let Some(username) = wanted.username
        && (has_namesake(tx, own, username).await? || has_unfolded_namesake(&others, own, username))
    {
        fields.push(USERNAME);
    }
    if let Some(email) = wanted.email
        && users::find_by_email(tx, email).await?.is_some_and(|holder| is_other(&holder, own))
    {
        fields.push(EMAIL);
    }
    if !fields.is_empty() {
        return Err(taken(&fields));
    }
    wanted.username.map_or(Ok(()), |username| refuse_lookalike(&others, username))
}

fn is_other(user: &UserRow, own: Option<&UserRow>) -> bool {
    own.is_none_or(|own| own.id != user.id)
}

async fn has_namesake(tx: &TenantTx, own: Option<&UserRow>, username: &str) -> Result<bool> {
    let namesakes = users::find_namesakes(tx, username).await?;
    Ok(namesakes.iter().any(|user| is_other(user, own)))
}

/// Whether a user still has a key from before names were folded, and would have the key of this name. A user
/// that already has that key may still change the spelling.
fn has_unfolded_namesake(others: &[&UserRow], own: Option<&UserRow>, username: &str) -> bool {
    let key = name_key(username);
    let is_own = own.is_some_and(|own| own.username_key == key);
    !is_own && others.iter().any(|user| name_key(&user.username) == key)
}

/// Rejects a name that looks like another user's, in another script.
fn refuse_lookalike(others: &[&UserRow], username: &str) -> Result<()> {
    if others.iter().all(|user| share_a_script(&user.username, username)) {
        return Ok(());
    }
    let words = "looks like the name of another user, in another script";
    let errors = vec![FieldError::in_body(&[PathSegment::Name("username".to_owned())], "lookalike", words)];
    Err(Problem::conflict_of(format!("The user name {words}."), errors))
}
