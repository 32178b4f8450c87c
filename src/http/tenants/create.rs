//! `POST /tenants`.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use super::view::{TenantView, view};
use crate::domain::identity::Identity;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants::{self, FirstAdmin, NewTenant};
use crate::http::body::body_rules;
use crate::http::router::BASE;
use crate::http::users::{PasswordLinkView, UserView, link_view, user_view};
use crate::protocol::examples;
use crate::protocol::problem::Problem;

/// A tenant to create.
#[derive(Debug, Object)]
#[oai(rename = "NewTenant", deny_unknown_fields, example)]
pub struct NewTenantBody {
    /// 1 to 63 of `a-z`, `0-9` and `-`; unique and immutable.
    slug: String,
    name: String,
    /// The tenant's first admin.
    admin: Option<FirstAdminBody>,
}

#[derive(Debug, Object)]
#[oai(rename = "FirstAdmin", deny_unknown_fields)]
pub struct FirstAdminBody {
    username: String,
    email: String,
}

/// A tenant that was just created.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct TenantCreated {
    id: i64,
    slug: String,
    name: String,
    is_active: bool,
    created_at: String,
    updated_at: String,
    admin: Option<UserView>,
    /// For the admin; shown only once.
    password_link: Option<PasswordLinkView>,
}

#[derive(Debug, ApiResponse)]
pub enum Created {
    /// The tenant is created.
    #[oai(status = 201)]
    Tenant(Json<TenantCreated>, #[oai(header = "Location")] String, #[oai(header = "Cache-Control")] String),
}

pub(super) async fn create(
    identity: &Identity,
    op: &PlatformOp,
    body: NewTenantBody,
) -> Result<Created, Problem> {
    let (new, admin) = split(body);
    let made = tenants::create(identity, op, &new, admin.as_ref()).await?;
    let (admin, password_link) = made.admin.unzip();
    let tenant = view(made.row)?;
    let location = format!("{BASE}/tenants/{}", tenant.id);
    let made = TenantCreated {
        id: tenant.id,
        slug: tenant.slug,
        name: tenant.name,
        is_active: tenant.is_active,
        created_at: tenant.created_at,
        updated_at: tenant.updated_at,
        admin: admin.map(user_view).transpose()?,
        password_link: password_link.flatten().map(link_view),
    };
    Ok(Created::Tenant(Json(made), location, "no-store".to_owned()))
}

/// The tenant, and its first admin if one is named.
fn split(body: NewTenantBody) -> (NewTenant, Option<FirstAdmin>) {
    let new = NewTenant { slug: body.slug, name: body.name };
    (new, body.admin.map(|admin| FirstAdmin { username: admin.username, email: admin.email }))
}

body_rules! {
    NewTenantBody: |body, _now| {
        let (new, admin) = split(body);
        tenants::validate(&new, admin.as_ref())
    };
}

impl Example for NewTenantBody {
    fn example() -> Self {
        Self {
            slug: "acme-homes".to_owned(),
            name: "Acme Homes".to_owned(),
            admin: Some(FirstAdminBody {
                username: examples::USERNAME.to_owned(),
                email: examples::EMAIL.to_owned(),
            }),
        }
    }
}

impl Example for TenantCreated {
    fn example() -> Self {
        let TenantView { id, slug, name, is_active, created_at, updated_at, .. } = TenantView::example();
        let (admin, password_link) = (Some(UserView::example()), Some(PasswordLinkView::example()));
        Self { id, slug, name, is_active, created_at, updated_at, admin, password_link }
    }
}
