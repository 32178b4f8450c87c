//! The users of the caller's tenant.

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::base::BASE;
use super::body::{Body, body_rules};
use super::caller::{Caller, ManageUsers, ReadDirectory, ReadOwnUser};
use super::etag::{Changed, Tagged, changed, require_match, tagged};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::base::ids::UserId;
use crate::domain::identity::users::{self, NewUser, UserPatch};
use crate::domain::identity::{Identity, password_links};
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::role::Role;
use crate::protocol::user::{DirectoryEntry, PasswordLinkView, UserView};

pub struct UsersApi;

#[OpenApi(tag = "Tag::People")]
impl UsersApi {
    /// Read one's own user
    #[oai(path = "/users/me", method = "get", operation_id = "get_me")]
    async fn me(
        &self,
        caller: Caller<ReadOwnUser>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<UserView>, Problem> {
        Ok(tagged(users::me(&caller.op).await?, if_none_match.0.as_deref()))
    }

    /// List the users that one can write to
    ///
    /// The tenant's active users, by display name.
    #[oai(path = "/users/directory", method = "get", operation_id = "list_directory")]
    async fn directory(
        &self,
        request: &Request,
        caller: Caller<ReadDirectory>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<DirectoryEntry>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, users::directory(&caller.op, page).await?))
    }

    /// List the tenant's users
    #[oai(path = "/users", method = "get", operation_id = "list_users")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<ManageUsers>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<UserView>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, users::list(&caller.op, page).await?))
    }

    /// Add a user
    ///
    /// Without a password the user sets one through a one-time link.
    #[oai(path = "/users", method = "post", operation_id = "create_user")]
    async fn create(
        &self,
        identity: Data<&Arc<Identity>>,
        caller: Caller<ManageUsers>,
        body: Body<NewUserBody>,
    ) -> Result<Created, Problem> {
        let user = users::create(identity.0, &caller.op, body.0.into()).await?;
        let location = format!("{BASE}/users/{}", user.id);
        Ok(Created::User(Json(user), location))
    }

    /// Read a user
    #[oai(path = "/users/:user_id", method = "get", operation_id = "get_user")]
    async fn get(
        &self,
        caller: Caller<ManageUsers>,
        user_id: Path<i64>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<UserView>, Problem> {
        Ok(tagged(users::get(&caller.op, UserId(user_id.0)).await?, if_none_match.0.as_deref()))
    }

    /// Change a user
    ///
    /// Name, role and activity take effect at once, for open connections too. The last admin stays one.
    #[oai(path = "/users/:user_id", method = "patch", operation_id = "update_user")]
    async fn patch(
        &self,
        caller: Caller<ManageUsers>,
        user_id: Path<i64>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<UserPatchBody>,
    ) -> Result<Changed<UserView>, Problem> {
        let patch = body.0.into();
        let unchanged = |user: &_| require_match(user, if_match.0.as_deref());
        Ok(changed(users::change(&caller.op, UserId(user_id.0), &patch, &unchanged).await?))
    }

    /// Remove a user
    ///
    /// Their sign-ins and API keys end. What they created stays, without their name.
    #[oai(path = "/users/:user_id", method = "delete", operation_id = "delete_user")]
    async fn remove(
        &self,
        caller: Caller<ManageUsers>,
        user_id: Path<i64>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Removed, Problem> {
        let unchanged = |user: &_| require_match(user, if_match.0.as_deref());
        users::remove(&caller.op, UserId(user_id.0), &unchanged).await?;
        Ok(Removed::Done)
    }

    /// Create a one-time link to set a password
    ///
    /// Give it to the user. It works once, within a day, and invalidates older ones.
    #[oai(path = "/users/:user_id/password-link", method = "post", operation_id = "create_password_link")]
    async fn password_link(
        &self,
        identity: Data<&Arc<Identity>>,
        caller: Caller<ManageUsers>,
        user_id: Path<i64>,
    ) -> Result<CreatePasswordLinkResponse, Problem> {
        let link = password_links::create(identity.0, &caller.op, UserId(user_id.0)).await?;
        Ok(CreatePasswordLinkResponse::Link(Json(link.into()), "no-store".to_owned()))
    }
}

/// A user to add.
#[derive(Debug, Object)]
#[oai(rename = "NewUser", deny_unknown_fields, example)]
pub struct NewUserBody {
    /// 1 to 64 letters, digits and `. _ - @ +`; unique in the tenant, case-insensitively.
    username: String,
    /// Unique in the tenant, case-insensitively.
    email: String,
    /// 8 to 200 characters.
    password: Option<String>,
    role: Role,
    display_name: Option<String>,
}

impl From<NewUserBody> for NewUser {
    fn from(body: NewUserBody) -> Self {
        let NewUserBody { username, email, password, role, display_name } = body;
        Self { username, email, password, role, display_name }
    }
}

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

/// Absent: unchanged; `null`: emptied; a text: set.
fn patch_value(field: MaybeUndefined<String>) -> Option<Option<String>> {
    match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(text) => Some(Some(text)),
    }
}

body_rules! {
    NewUserBody: |body, _now| users::judge_new(&body.into());
    UserPatchBody, emptied by null: ["display_name", "avatar_url"]: |body, _now| users::judge_patch(&body.into());
}

#[derive(Debug, ApiResponse)]
pub enum Created {
    /// The user is added.
    #[oai(status = 201)]
    User(Json<UserView>, #[oai(header = "Location")] String),
}

#[derive(Debug, ApiResponse)]
pub enum Removed {
    /// The user is removed.
    #[oai(status = 204)]
    Done,
}

#[derive(Debug, ApiResponse)]
pub enum CreatePasswordLinkResponse {
    /// The link to give to the user.
    #[oai(status = 201)]
    Link(Json<PasswordLinkView>, #[oai(header = "Cache-Control")] String),
}

impl Example for NewUserBody {
    fn example() -> Self {
        Self {
            username: "bob".to_owned(),
            email: "bob@acme.example".to_owned(),
            password: Some(examples::PASSWORD.to_owned()),
            role: Role::Member,
            display_name: Some("Bob".to_owned()),
        }
    }
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
