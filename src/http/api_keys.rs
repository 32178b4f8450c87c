//! API keys of the caller's tenant.

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::body::{Body, body_rules};
use super::caller::{Caller, ManageKeys};
use super::etag::{Changed, changed, require_match};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::auth::key_scope::KeyScope;
use crate::base::ids::KeyId;
use crate::base::timestamp::Timestamp;
use crate::domain::identity::Identity;
use crate::domain::identity::api_keys::{self, KeyPatch, NewKey};
use crate::protocol::api_key::{ApiKeyCreated, KeyView, NullSemantics, ScopeView};
use crate::protocol::examples;
use crate::protocol::problem::Problem;

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
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, api_keys::list(&caller.op, page).await?))
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
        let made = api_keys::create(identity.0, &caller.op, &body.0.into()).await?.into_view()?;
        Ok(CreateApiKeyResponse::Key(Json(made), "no-store".to_owned()))
    }

    /// Change an API key
    ///
    /// It takes effect with the key's next request.
    #[oai(path = "/api-keys/:key_id", method = "patch", operation_id = "update_api_key")]
    async fn patch(
        &self,
        caller: Caller<ManageKeys>,
        key_id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<KeyPatchBody>,
    ) -> Result<Changed<KeyView>, Problem> {
        let unchanged = |key: &_| require_match(key, if_match.0.as_deref());
        Ok(changed(api_keys::change(&caller.op, KeyId(key_id.0), body.0.into(), &unchanged).await?))
    }

    /// Revoke an API key
    ///
    /// It ends at once, with its connections.
    #[oai(path = "/api-keys/:key_id", method = "delete", operation_id = "revoke_api_key")]
    async fn revoke(&self, caller: Caller<ManageKeys>, key_id: Path<Uuid>) -> Result<Revoked, Problem> {
        api_keys::revoke(&caller.op, KeyId(key_id.0)).await?;
        Ok(Revoked::Done)
    }
}

/// An API key to create.
#[derive(Debug, Object)]
#[oai(rename = "NewApiKey", deny_unknown_fields, example)]
pub struct NewKeyBody {
    /// The display name: 1 to 200 characters.
    name: String,
    /// The scopes; at least one.
    #[oai(validator(min_items = 1, max_items = 4))]
    scopes: Vec<ScopeView>,
    /// When it expires; never when absent.
    expires_at: Option<Timestamp>,
}

impl From<NewKeyBody> for NewKey {
    fn from(body: NewKeyBody) -> Self {
        Self {
            name: body.name,
            scopes: body.scopes.into_iter().map(KeyScope::from).collect(),
            expires_at: body.expires_at.map(Timestamp::utc),
        }
    }
}

/// The fields to change; absent ones stay unchanged.
#[derive(Debug, Object)]
#[oai(rename = "ApiKeyPatch", deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct KeyPatchBody {
    null_semantics: Option<NullSemantics>,
}

impl From<KeyPatchBody> for KeyPatch {
    fn from(body: KeyPatchBody) -> Self {
        Self { null_semantics: body.null_semantics }
    }
}

body_rules! {
    NewKeyBody: |body, now| api_keys::validate(&body.into(), now);
    KeyPatchBody, emptied by null: []: |_body, _now| Vec::new();
}

#[derive(Debug, ApiResponse)]
pub enum CreateApiKeyResponse {
    /// The key is created. Keep its secret.
    #[oai(status = 201)]
    Key(Json<ApiKeyCreated>, #[oai(header = "Cache-Control")] String),
}

#[derive(Debug, ApiResponse)]
pub enum Revoked {
    /// The key has ended.
    #[oai(status = 204)]
    Done,
}

impl Example for NewKeyBody {
    fn example() -> Self {
        Self {
            name: "crawler in the cellar".to_owned(),
            scopes: vec![ScopeView::JobsRun, ScopeView::PropertiesWrite],
            expires_at: Timestamp::new(examples::far_future()),
        }
    }
}

impl Example for KeyPatchBody {
    fn example() -> Self {
        Self { null_semantics: Some(NullSemantics::Empty) }
    }
}
