//! The checks that sockets and streams share, in the order in which their results may be disclosed.

use poem::Request;

use super::context::LiveContext;
use super::parameters::{AllowedParameters, Parameters};
use super::{credential, reject};
use crate::auth::permission::Permission;
use crate::auth::principal::Principal;
use crate::domain::identity::tickets::Channel;
use crate::domain::op::forbidden;
use crate::http::client_ip::request_origin;
use crate::http::rate_limits::count_address;
use crate::protocol::problem::{Code, Problem};
use crate::session::Verified;

/// A request whose caller may open such a connection.
pub(super) struct VerifiedRequest {
    pub(super) parameters: Parameters,
    pub(super) verified: Verified,
}

/// Checks that need no credential: the address's rate limit, the origin, the names of the parameters.
pub(super) async fn check_request(
    live: &LiveContext,
    request: &Request,
    allowed: AllowedParameters,
) -> Result<Parameters, Problem> {
    count_address(request, &live.registry.services).await?;
    if !live.origins.allows(request.headers()) {
        let words = "Pages of this origin may not connect; cors.allowed_origins lists those that may.";
        return Err(Problem::new(Code::BadOrigin, words));
    }
    let parameters = Parameters::read(request, allowed)?;
    reject::check(&parameters)?;
    Ok(parameters)
}

/// Checks credential, user and the user in the path. Nothing is taken yet.
pub(super) async fn check_caller(
    live: &LiveContext,
    request: &Request,
    channel: Channel,
    parameters: Parameters,
) -> Result<VerifiedRequest, Problem> {
    let credential = credential::read(request, &parameters, channel)?;
    let verified = Verified::check(&live.registry, credential, request_origin(request)).await?;
    check_user(request, verified.principal())?;
    if !verified.principal().may(Permission::ReadEvents) {
        return Err(forbidden(Permission::ReadEvents));
    }
    Ok(VerifiedRequest { parameters, verified })
}

/// The path's user must be the token's. An API key has no user.
fn check_user(request: &Request, principal: &Principal) -> Result<(), Problem> {
    let Some(wanted) = request.raw_path_param("user_id") else { return Ok(()) };
    let own = principal.user_id().map(|user| user.to_string());
    if own.as_deref() == Some(wanted) {
        return Ok(());
    }
    Err(Problem::new(Code::WrongUser, "The user in the path is not the user of the token."))
}
