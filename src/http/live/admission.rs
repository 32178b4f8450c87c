//! The checks that sockets and streams share, in the order in which their results may be disclosed.

use poem::Request;

use super::context::LiveContext;
use super::parameters::{AllowedParameters, Parameters};
use super::{credential, reject};
use crate::auth::permission::Permission;
use crate::domain::identity::authenticate::{Authenticated, Credential};
use crate::domain::identity::tickets::Channel;
use crate::domain::op::{Origin, forbidden};
use crate::http::client_ip::request_origin;
use crate::http::rate_limits::count_address;
use crate::protocol::problem::{Code, Problem};

/// A request that passed all checks.
pub(super) struct AdmittedRequest {
    pub(super) parameters: Parameters,
    /// The ticket that was sent: the session that starts redeems it.
    pub(super) ticket: Option<String>,
    pub(super) admitted: Authenticated,
    pub(super) origin: Origin,
}

/// Checks that need no credential: the address's rate limit, the origin, the names of the parameters.
pub(super) fn check_request(
    live: &LiveContext,
    request: &Request,
    allowed: AllowedParameters,
) -> Result<Parameters, Problem> {
    count_address(request, &live.registry.services)?;
    if !live.origins.allows(request.headers()) {
        let words = "Pages of this origin may not connect; cors.allowed_origins lists those that may.";
        return Err(Problem::new(Code::BadOrigin, words));
    }
    let parameters = Parameters::read(request, allowed)?;
    reject::check(&parameters)?;
    Ok(parameters)
}

/// Checks credential, user and the user in the path. Nothing is acquired yet: no connection guard, no ticket.
pub(super) async fn check_caller(
    live: &LiveContext,
    request: &Request,
    channel: Channel,
    parameters: Parameters,
) -> Result<AdmittedRequest, Problem> {
    let credential = credential::read(request, &parameters, channel)?;
    live.registry.refuse_when_stopping()?;
    // Up to here the request cost no computation or query; from here on, concurrent requests are limited.
    let registry = &live.registry;
    let admitted = registry.authenticate(&registry.admission.connects, credential).await?;
    check_user(request, &admitted)?;
    if !admitted.principal.may(Permission::ReadEvents) {
        return Err(forbidden(Permission::ReadEvents));
    }
    let ticket = match credential {
        Credential::Ticket(ticket, _) => Some(ticket.to_owned()),
        Credential::Header(_) | Credential::Query(_) => None,
    };
    Ok(AdmittedRequest { parameters, ticket, admitted, origin: request_origin(request) })
}

/// The path's user must be the token's. An API key has no user.
fn check_user(request: &Request, admitted: &Authenticated) -> Result<(), Problem> {
    let Some(wanted) = request.raw_path_param("user_id") else { return Ok(()) };
    let own = admitted.principal.user_id().map(|user| user.to_string());
    if own.as_deref() == Some(wanted) {
        return Ok(());
    }
    Err(Problem::new(Code::WrongUser, "The user in the path is not the user of the token."))
}
