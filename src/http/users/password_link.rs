//! `POST /users/{user_id}/password-link`.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use crate::base::clock::rfc3339;
use crate::base::ids::UserId;
use crate::domain::identity::Identity;
use crate::domain::identity::password_links::{self, PasswordLink};
use crate::domain::op::Op;
use crate::protocol::examples;
use crate::protocol::problem::Problem;

/// A one-time link. It is shown only once.
#[derive(Debug, Object)]
#[oai(rename = "PasswordLink", example)]
pub struct PasswordLinkView {
    url: String,
    expires_at: String,
}

#[derive(Debug, ApiResponse)]
pub enum CreatePasswordLinkResponse {
    /// The link to give to the user.
    #[oai(status = 201)]
    Link(Json<PasswordLinkView>, #[oai(header = "Cache-Control")] String),
}

pub(super) async fn password_link(
    identity: &Identity,
    op: &Op,
    user_id: i64,
) -> Result<CreatePasswordLinkResponse, Problem> {
    let link = password_links::create(identity, op, UserId(user_id)).await?;
    Ok(CreatePasswordLinkResponse::Link(Json(link_view(link)), "no-store".to_owned()))
}

pub(in crate::http) fn link_view(link: PasswordLink) -> PasswordLinkView {
    PasswordLinkView { url: link.url, expires_at: rfc3339(link.expires_at) }
}

impl Example for PasswordLinkView {
    fn example() -> Self {
        Self {
            url: format!("https://api.acme.example/set-password#token={}", "llp_Xq0mB7sKfV1tYnRdAcJ3vE5g"),
            expires_at: examples::after(24 * 60),
        }
    }
}
