//! Callers: the extractor in a handler's signature *is* the permission that the handler needs. A handler cannot run
//! without the check, and the API document states it.

use std::marker::PhantomData;
use std::sync::Arc;

use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaOAuthFlow, MetaOAuthFlows, MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::body::BodyReservation;
use super::client_ip::request_origin;
use super::problem::oauth::REALM;
use super::rate_limits::count_caller;
use super::request_data::identity;
use super::validation::refuse_before_body;
use crate::auth::permission::Permission;
use crate::auth::principal::{OperatorPrincipal, Principal};
use crate::domain::idempotency::{IdempotencyKey, IdempotentOperation};
use crate::domain::identity::authenticate::{Authenticated, Credential};
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::op::{Op, Origin, forbidden};
use crate::protocol::problem::{Code, Problem};
use crate::session::ConnectionRegistry;

/// A permission as a type.
pub trait RequiredPermission: Send + Sync + 'static {
    const PERMISSION: Permission;
    /// The permission as a requirement of an operation: the API document is built from it (`document/access.rs`).
    const REQUIREMENT: &'static str;
}

macro_rules! permission_types {
    ($($name:ident)*) => {$(
        #[doc = concat!("The permission `", stringify!($name), "`.")]
        pub struct $name;

        impl RequiredPermission for $name {
            const PERMISSION: Permission = Permission::$name;
            const REQUIREMENT: &'static str = concat!("permission:", stringify!($name));
        }
    )*};
}

permission_types! {
    ManageOwnAccount ReadOwnUser MintTicket ReadEvents ReadStatus ReadJobs ReadProperties ReadNotifications ReadRooms ShowViewing
    ReadDirectory ReadSpiders StartJobs CancelOwnJobs Chat JoinRooms Upload ShowPresence CancelAnyJob ManageUsers
    ManageKeys ManageSpiders ManageRooms Broadcast ReadAudit ManageConnections ReadStats ReadAdminNotices RunJobs
    WriteProperties WriteLogs ManageTenants BroadcastAll ReadNodeStatus
}

/// A verified caller of a tenant with the permission `R`.
pub struct Caller<R> {
    pub op: Op,
    pub authenticated: Authenticated,
    right: PhantomData<R>,
}

/// A verified platform account with the permission `R`.
pub struct OperatorCaller<R> {
    pub operator: OperatorPrincipal,
    pub authenticated: Authenticated,
    pub origin: Origin,
    right: PhantomData<R>,
}

/// A caller that manages its own account: a user of a tenant, or an operator.
pub struct AccountCaller {
    pub authenticated: Authenticated,
    pub origin: Origin,
}

/// The same for operations that may be anonymous, because the body contains the proof.
pub struct OptionalAccountCaller(pub Option<AccountCaller>);

/// A caller that may send broadcasts: to its tenant, or as an operator to all tenants.
pub enum BroadcastCaller {
    Tenant(Op),
    Platform(PlatformOp),
}

impl BroadcastCaller {
    /// The same with the caller's idempotency key.
    #[must_use]
    pub fn with_idempotency_key(self, presented: Option<IdempotencyKey>) -> Self {
        match self {
            Self::Tenant(op) => Self::Tenant(op.with_idempotency_key(presented)),
            Self::Platform(op) => Self::Platform(op.with_idempotency_key(presented)),
        }
    }

    pub fn idempotency(&self) -> Option<&IdempotentOperation> {
        match self {
            Self::Tenant(op) => op.idempotency(),
            Self::Platform(op) => op.idempotency(),
        }
    }
}

/// A caller that may see live statistics: of its tenant, or as an operator of the node.
pub enum StatsCaller {
    Tenant(Box<Op>),
    Platform,
}

/// Names in the API document: password sign-in, and a token or API key.
const SIGN_IN: &str = "sign_in";
const BEARER: &str = "bearer";

/// The security requirement that every extractor of a caller adds to the API document.
macro_rules! secured {
    ($($right:ty),+) => {
        const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

        type ParamType = ();
        type ParamRawType = ();

        fn register(registry: &mut Registry) {
            register_schemes(registry);
        }

        fn security_schemes() -> Vec<&'static str> {
            vec![SIGN_IN, BEARER, $(<$right as RequiredPermission>::REQUIREMENT),+]
        }
    };
}

impl<'a, R: RequiredPermission> ApiExtractor<'a> for Caller<R> {
    secured!(R);

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let authenticated = authorize(request, R::PERMISSION).await?;
        let services = &identity(request)?.services;
        let op = Op::of_caller(services, authenticated.principal.clone(), request_origin(request))?;
        Ok(Self { op, authenticated, right: PhantomData })
    }
}

impl<'a, R: RequiredPermission> ApiExtractor<'a> for OperatorCaller<R> {
    secured!(R);

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let authenticated = authorize(request, R::PERMISSION).await?;
        let Principal::Operator(operator) = authenticated.principal.clone() else {
            return Err(forbidden(R::PERMISSION).into());
        };
        Ok(Self { operator, authenticated, origin: request_origin(request), right: PhantomData })
    }
}

impl<'a> ApiExtractor<'a> for BroadcastCaller {
    secured!(Broadcast, BroadcastAll);

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let (identity, authenticated) = (identity(request)?, identify(request).await?);
        let is_operator = authenticated.principal.may(Permission::BroadcastAll);
        if !is_operator && !authenticated.principal.may(Permission::Broadcast) {
            return Err(forbidden(Permission::Broadcast).into());
        }
        refuse_before_body(request)?;
        let (services, principal, origin) =
            (&identity.services, authenticated.principal, request_origin(request));
        Ok(if is_operator {
            Self::Platform(PlatformOp::of_operator(services, principal, origin)?)
        } else {
            Self::Tenant(Op::of_caller(services, principal, origin)?)
        })
    }
}

impl<'a> ApiExtractor<'a> for StatsCaller {
    secured!(ReadStats, ReadNodeStatus);

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let (identity, authenticated) = (identity(request)?, identify(request).await?);
        let is_operator = authenticated.principal.may(Permission::ReadNodeStatus);
        if !is_operator && !authenticated.principal.may(Permission::ReadStats) {
            return Err(forbidden(Permission::ReadStats).into());
        }
        refuse_before_body(request)?;
        if is_operator {
            return Ok(Self::Platform);
        }
        let op = Op::of_caller(&identity.services, authenticated.principal, request_origin(request))?;
        Ok(Self::Tenant(Box::new(op)))
    }
}

impl<'a> ApiExtractor<'a> for AccountCaller {
    secured!(ManageOwnAccount);

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let authenticated = authorize(request, Permission::ManageOwnAccount).await?;
        Ok(Self { authenticated, origin: request_origin(request) })
    }
}

impl<'a> ApiExtractor<'a> for OptionalAccountCaller {
    secured!(ManageOwnAccount);

    fn has_security_fallback() -> bool {
        true
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        // An invalid credential is refused; only a missing one means an anonymous caller.
        if !request.headers().contains_key(header::AUTHORIZATION) {
            return Ok(Self(None));
        }
        AccountCaller::from_request(request, body, options).await.map(|account| Self(Some(account)))
    }
}

/// Authenticates, checks the permission, and only then reports bad parameters: others learn nothing of them.
async fn authorize(request: &Request, permission: Permission) -> Result<Authenticated, poem::Error> {
    let authenticated = identify(request).await?;
    if !authenticated.principal.may(permission) {
        return Err(forbidden(permission).into());
    }
    refuse_before_body(request)?;
    Ok(authenticated)
}

/// The authenticated caller, counted against its rate limits.
async fn identify(request: &Request) -> Result<Authenticated, Problem> {
    let authenticated = authenticate(request).await?;
    BodyReservation::set_owner(request, &authenticated.principal)?;
    count_caller(request, &identity(request)?.services, &authenticated.principal).await?;
    Ok(authenticated)
}

/// Authenticates the credential; only a limited number is checked at once.
async fn authenticate(request: &Request) -> Result<Authenticated, Problem> {
    let credential = Credential::Header(bearer(request)?);
    match request.data::<Arc<ConnectionRegistry>>() {
        Some(sessions) => sessions.authenticate(&sessions.admission.requests, credential).await,
        None => identity(request)?.authenticate(credential).await,
    }
}

/// The token in `Authorization: Bearer`.
pub fn bearer(request: &Request) -> Result<&str, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(Problem::authentication_required)?;
    if values.next().is_some() {
        let words = "More than one credential was shown; send exactly one token, ticket or key.";
        return Err(Problem::new(Code::TwoCredentials, words));
    }
    match value.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        // Another scheme: the header contains no token.
        _ => Err(Problem::invalid_token().header("www-authenticate", REALM)),
    }
}

fn register_schemes(registry: &mut Registry) {
    let scheme = |ty, description| MetaSecurityScheme {
        ty,
        description: Some(description),
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    let flow = MetaOAuthFlow {
        authorization_url: None,
        token_url: Some("/api/v1/auth/token"),
        refresh_url: Some("/api/v1/auth/token"),
        scopes: Vec::new(),
    };
    let flows = MetaOAuthFlows {
        implicit: None,
        password: Some(flow),
        client_credentials: None,
        authorization_code: None,
    };
    let sign_in = "User name (`name` or `tenant/name`) and password.";
    registry.create_security_scheme(
        SIGN_IN,
        MetaSecurityScheme { flows: Some(flows), ..scheme("oauth2", sign_in) },
    );
    let bearer = "An access token, or an API key (`llk_…`).";
    registry.create_security_scheme(
        BEARER,
        MetaSecurityScheme { scheme: Some("bearer"), ..scheme("http", bearer) },
    );
}
