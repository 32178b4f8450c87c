//! API keys of the caller's tenant.

mod create;
mod list;
mod revoke;
mod view;

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use uuid::Uuid;

use self::create::{CreateApiKeyResponse, NewKeyBody};
use self::revoke::Revoked;
use self::view::KeyView;
use super::body::Body;
use super::caller::{Caller, ManageKeys};
use super::list::Listed;
use super::tags::Tag;
use crate::domain::identity::Identity;
use crate::protocol::problem::Problem;

pub(super) use self::view::view as key_view;

pub struct ApiKeysApi;

#[OpenApi(tag = "Tag::People")]
impl ApiKeysApi {
    /// List the API keys
    ///
    /// Keys that are not revoked, newest first.
    #[oai(path = "/api-keys", method = "get", operation_id = "list_api_keys")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<ManageKeys>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<KeyView>, Problem> {
        list::list(request, &caller.op, limit.0, cursor.0.as_deref()).await
    }

    /// Create an API key
    ///
    /// The answer is the only one that contains the secret. The key depends on the user that creates it: it is
    /// suspended while that user is deactivated, and ends when the user is removed.
    #[oai(path = "/api-keys", method = "post", operation_id = "create_api_key")]
    async fn create(
        &self,
        identity: Data<&Arc<Identity>>,
        caller: Caller<ManageKeys>,
        body: Body<NewKeyBody>,
    ) -> Result<CreateApiKeyResponse, Problem> {
        create::create(identity.0, &caller.op, body.0).await
    }

    /// Revoke an API key
    ///
    /// It ends at once, with its connections.
    #[oai(path = "/api-keys/:key_id", method = "delete", operation_id = "revoke_api_key")]
    async fn revoke(&self, caller: Caller<ManageKeys>, key_id: Path<Uuid>) -> Result<Revoked, Problem> {
        revoke::revoke(&caller.op, key_id.0).await
    }
}
