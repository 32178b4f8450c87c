//! The checks that sockets and streams share, in the order in which they may be told.

use poem::Request;

use super::Live;
use super::credential;
use super::parameters::Parameters;
use crate::auth::permission::Permission;
use crate::domain::identity::{Admitted, Credential};
use crate::domain::op::{Origin, forbidden};
use crate::http::problem::RequestId;
use crate::protocol::problem::{Code, Problem};

/// Somebody who may come in.
pub(super) struct Visitor {
    pub(super) parameters: Parameters,
    pub(super) credential: Credential,
    pub(super) admitted: Admitted,
    pub(super) origin: Origin,
}

/// Checks origin, credential, user and the user in the path. Nothing is taken yet: no seat, no ticket.
pub(super) async fn check(live: &Live, request: &Request) -> Result<Visitor, Problem> {
    if !live.origins.admits(request.headers()) {
        let words = "Pages of this origin may not connect; cors.allowed_origins lists those that may.";
        return Err(Problem::new(Code::BadOrigin, words));
    }
    let parameters = Parameters::read(request)?;
    let credential = credential::read(request, &parameters)?;
    let admitted = live.sessions.identity.authenticate(&credential).await?;
    check_user(request, &admitted)?;
    if !admitted.principal.may(Permission::ReadEvents) {
        return Err(forbidden());
    }
    Ok(Visitor { parameters, credential, admitted, origin: origin(request) })
}

/// The path's user must be the token's. A key speaks for no user.
fn check_user(request: &Request, admitted: &Admitted) -> Result<(), Problem> {
    let Some(wanted) = request.raw_path_param("user_id") else { return Ok(()) };
    let own = admitted.principal.user_id().map(|user| user.to_string());
    if own.as_deref() == Some(wanted) {
        return Ok(());
    }
    Err(Problem::new(Code::WrongUser, "The user in the path is not the user of the token."))
}

fn origin(request: &Request) -> Origin {
    let header = |name: &str| request.header(name).map(|value| crate::base::text::cut(value, 300).to_owned());
    Origin {
        request_id: request.data::<RequestId>().map(|id| id.to_string()),
        address: request.remote_addr().as_socket_addr().map(|address| address.ip().to_string()),
        user_agent: header("user-agent"),
    }
}
