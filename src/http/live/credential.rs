//! The four ways to send a credential: `?token=`, `?ticket=`, `Authorization: Bearer`, subprotocol. Only one at once.

use poem::Request;
use poem::http::header;

use super::parameters::Parameters;
use crate::domain::identity::authenticate::Credential;
use crate::domain::identity::tickets::Channel;
use crate::http::caller::bearer;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::websocket::subprotocol;

/// The request's credential.
pub(super) fn read<'r>(
    request: &'r Request,
    parameters: &'r Parameters,
    channel: Channel,
) -> Result<Credential<'r>, Problem> {
    let in_query = parameters.get("token").map(Credential::Query);
    let ticket = parameters.get("ticket").map(|ticket| Credential::Ticket(ticket, channel));
    let in_header =
        request.headers().contains_key(header::AUTHORIZATION).then(|| bearer(request)).transpose()?;
    let in_header = in_header.map(Credential::Header);
    // A browser's subprotocol offer is not a header that a program sets: API keys are refused there too.
    let offered = subprotocol::bearer_token(request.headers()).map_err(|_| two_credentials())?;
    let has_pair = offered.is_none() || offers_lotline(request);
    let offered = offered.map(Credential::Query);
    let mut shown = [in_query, ticket, in_header, offered].into_iter().flatten();
    match (shown.next(), shown.next()) {
        (None, _) => Err(Problem::authentication_required()),
        (Some(_), None) if channel == Channel::Socket && !has_pair => Err(missing_subprotocol()),
        (Some(credential), None) => Ok(credential),
        (Some(_), Some(_)) => Err(two_credentials()),
    }
}

/// Whether the only subprotocol that the answer may name is offered. The handshake refuses a malformed list.
fn offers_lotline(request: &Request) -> bool {
    subprotocol::select(request.headers()).map_or(true, |selected| selected.is_some())
}

/// A browser accepts only a subprotocol that it offered, and the answer never repeats the one that holds the token.
fn missing_subprotocol() -> Problem {
    let words =
        "Offer the subprotocol `lotline.v1` beside `lotline.bearer.TOKEN`: the answer names the first.";
    Problem::new(Code::BadRequest, words)
}

fn two_credentials() -> Problem {
    Problem::new(
        Code::TwoCredentials,
        "More than one credential was shown; send exactly one token, ticket or key.",
    )
}
