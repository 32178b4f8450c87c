//! The users of the caller's tenant.

mod create;
mod directory;
mod get;
mod list;
mod me;
mod password_link;
mod patch;
mod remove;
mod view;

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use self::create::{Created, NewUserBody};
use self::directory::DirectoryEntry;
use self::password_link::CreatePasswordLinkResponse;
use self::patch::UserPatchBody;
use self::remove::Removed;
pub(super) use self::view::UserView;
use super::body::Body;
use super::caller::{Caller, ManageUsers, ReadDirectory, ReadOwnUser};
use super::etag::{Changed, Tagged};
use super::list::Listed;
use super::tags::Tag;
use crate::domain::identity::Identity;
use crate::protocol::problem::Problem;

pub(super) use self::password_link::{PasswordLinkView, link_view};
pub(super) use self::view::view as user_view;

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
        me::me(&caller.op, if_none_match.0.as_deref()).await
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
        directory::directory(request, &caller.op, limit.0, cursor.0.as_deref()).await
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
        list::list(request, &caller.op, limit.0, cursor.0.as_deref()).await
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
        create::create(identity.0, &caller.op, body.0).await
    }

    /// Read a user
    #[oai(path = "/users/:user_id", method = "get", operation_id = "get_user")]
    async fn get(
        &self,
        caller: Caller<ManageUsers>,
        user_id: Path<i64>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<UserView>, Problem> {
        get::get(&caller.op, user_id.0, if_none_match.0.as_deref()).await
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
        patch::patch(&caller.op, user_id.0, if_match.0.as_deref(), body.0).await
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
        remove::remove(&caller.op, user_id.0, if_match.0.as_deref()).await
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
        password_link::password_link(identity.0, &caller.op, user_id.0).await
    }
}
