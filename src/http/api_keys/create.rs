//! `POST /api-keys`.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

use super::view::{KeyView, ScopeView, view};
use crate::auth::key_scope::KeyScope;
use crate::base::timestamp::Timestamp;
use crate::domain::identity::Identity;
use crate::domain::identity::api_keys::{self, NewKey};
use crate::domain::op::Op;
use crate::http::body::body_rules;
use crate::protocol::examples;
use crate::protocol::problem::Problem;

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

/// A new API key with its secret, which is shown only once.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct ApiKeyCreated {
    id: Uuid,
    /// `llk_…`, for `Authorization: Bearer`.
    key: String,
    name: String,
    scopes: Vec<ScopeView>,
    made_by: i64,
    created_at: String,
    expires_at: Option<String>,
}

#[derive(Debug, ApiResponse)]
pub enum CreateApiKeyResponse {
    /// The key is created. Keep its secret.
    #[oai(status = 201)]
    Key(Json<ApiKeyCreated>, #[oai(header = "Cache-Control")] String),
}

pub(super) async fn create(
    identity: &Identity,
    op: &Op,
    body: NewKeyBody,
) -> Result<CreateApiKeyResponse, Problem> {
    let made = api_keys::create(identity, op, &body.into()).await?;
    let key = made.text.expose().to_owned();
    let view = view(made.row)?;
    let made = ApiKeyCreated {
        id: view.id,
        key,
        name: view.name,
        scopes: view.scopes,
        made_by: view.made_by,
        created_at: view.created_at,
        expires_at: view.expires_at,
    };
    Ok(CreateApiKeyResponse::Key(Json(made), "no-store".to_owned()))
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

body_rules! {
    NewKeyBody: |body, now| api_keys::validate(&body.into(), now);
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

impl Example for ApiKeyCreated {
    fn example() -> Self {
        let KeyView { id, name, scopes, made_by, created_at, expires_at, .. } = KeyView::example();
        let key = format!("llk_{}_{}", id.simple(), "9r2Xq0mB7sKfV1tYnRdAcJ3vE5gLhW8p");
        Self { id, key, name, scopes, made_by, created_at, expires_at }
    }
}
