//! `PATCH /users/{user_id}`.

use poem_openapi::Object;
use poem_openapi::types::Example;
use poem_openapi::types::MaybeUndefined;

use super::view::{UserView, view};
use crate::base::ids::UserId;
use crate::domain::identity::users::{self, UserPatch};
use crate::domain::op::Op;
use crate::http::body::body_rules;
use crate::http::etag::{Changed, changed, require_match};
use crate::protocol::problem::Problem;
use crate::protocol::role::Role;

/// The fields to change; absent ones stay unchanged.
#[derive(Debug, Object)]
#[oai(rename = "UserPatch", deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct UserPatchBody {
    /// The new name, by the rules for new users. The user signs in with it; sign-ins, tokens and keys stay valid.
    username: Option<String>,
    role: Option<Role>,
    is_active: Option<bool>,
    email: Option<String>,
    /// `null` empties it.
    display_name: MaybeUndefined<String>,
    /// An http or https URL; `null` empties it.
    avatar_url: MaybeUndefined<String>,
}

pub(super) async fn patch(
    op: &Op,
    user_id: i64,
    if_match: Option<&str>,
    body: UserPatchBody,
) -> Result<Changed<UserView>, Problem> {
    let patch = body.into();
    let unchanged = |row: &_| require_match(&view(Clone::clone(row))?, if_match);
    let user = users::change(op, UserId(user_id), &patch, &unchanged).await?;
    Ok(changed(view(user)?))
}

/// Absent: unchanged; `null`: emptied; a text: set.
fn patch_value(field: MaybeUndefined<String>) -> Option<Option<String>> {
    match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(text) => Some(Some(text)),
    }
}

impl From<UserPatchBody> for UserPatch {
    fn from(body: UserPatchBody) -> Self {
        Self {
            username: body.username,
            role: body.role,
            is_active: body.is_active,
            email: body.email,
            display_name: patch_value(body.display_name),
            avatar_url: patch_value(body.avatar_url),
        }
    }
}

body_rules! {
    UserPatchBody, emptied by null: ["display_name", "avatar_url"]: |body, _now| users::judge_patch(&body.into());
}

impl Example for UserPatchBody {
    fn example() -> Self {
        Self {
            username: None,
            role: Some(Role::Viewer),
            is_active: None,
            email: None,
            display_name: MaybeUndefined::Value("Bobby".to_owned()),
            avatar_url: MaybeUndefined::Null,
        }
    }
}
