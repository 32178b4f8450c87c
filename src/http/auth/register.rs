//! The body of `POST /auth/register`, and the check that registration is on.

use std::net::{IpAddr, Ipv4Addr};

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::domain::identity::register::{Registration, require_open, validate};
use crate::domain::identity::tenants::NewTenant;
use crate::http::body::body_rules;
use crate::http::request_data::identity;
use crate::protocol::examples;

/// Checks that registration is on. Must come before the body among the handler's parameters, which is then not read.
pub struct RegistrationIsOpen;

impl<'a> FromRequest<'a> for RegistrationIsOpen {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        require_open(identity(request)?)?;
        Ok(Self)
    }
}

/// A tenant and its first admin.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct RegisterRequest {
    tenant: TenantRegistration,
    username: String,
    email: String,
    /// 8 to 200 characters.
    password: String,
}

#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct TenantRegistration {
    /// 1 to 63 of `a-z`, `0-9` and `-`.
    slug: String,
    name: String,
}

pub(super) fn registration(body: RegisterRequest, client: IpAddr) -> Registration {
    Registration {
        tenant: NewTenant { slug: body.tenant.slug, name: body.tenant.name },
        username: body.username,
        email: body.email,
        password: body.password,
        client,
    }
}

body_rules! {
    RegisterRequest: |body, _now| validate(&registration(body, IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
}

impl Example for RegisterRequest {
    fn example() -> Self {
        Self {
            tenant: TenantRegistration { slug: "lakeside".to_owned(), name: "Lakeside Homes".to_owned() },
            username: examples::USERNAME.to_owned(),
            email: examples::EMAIL.to_owned(),
            password: examples::PASSWORD.to_owned(),
        }
    }
}
