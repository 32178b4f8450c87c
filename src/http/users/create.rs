//! `POST /users`.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use super::view::{UserView, view};
use crate::domain::identity::Identity;
use crate::domain::identity::users::{self, NewUser};
use crate::domain::op::Op;
use crate::http::body::body_rules;
use crate::http::router::BASE;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::role::Role;

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

#[derive(Debug, ApiResponse)]
pub enum Created {
    /// The user is added.
    #[oai(status = 201)]
    User(Json<UserView>, #[oai(header = "Location")] String),
}

pub(super) async fn create(identity: &Identity, op: &Op, body: NewUserBody) -> Result<Created, Problem> {
    let user = view(users::create(identity, op, body.into()).await?)?;
    let place = format!("{BASE}/users/{}", user.id);
    Ok(Created::User(Json(user), place))
}

impl From<NewUserBody> for NewUser {
    fn from(body: NewUserBody) -> Self {
        let NewUserBody { username, email, password, role, display_name } = body;
        Self { username, email, password, role, display_name }
    }
}

body_rules! {
    NewUserBody: |body, _now| users::judge_new(&body.into());
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
