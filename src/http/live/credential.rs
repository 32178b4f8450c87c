//! The four ways to carry a credential: `?token=`, `?ticket=`, `Authorization: Bearer`, subprotocol. One at a time.

use poem::Request;
use poem::http::header;

use super::parameters::Parameters;
use crate::auth::secret::CredentialForm;
use crate::domain::identity::Credential;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::websocket::subprotocol;

/// The request's credential.
pub(super) fn read(request: &Request, parameters: &Parameters) -> Result<Credential, Problem> {
    let in_query = parameters.get("token").map(|token| Credential::Bearer(token.to_owned()));
    let ticket = parameters.get("ticket").map(|ticket| Credential::Ticket(ticket.to_owned()));
    let in_header = authorization(request)?;
    let offered = subprotocol::bearer_token(request.headers()).map_err(|_| two_credentials())?;
    let offered = offered.map(|token| Credential::Bearer(token.to_owned()));
    if let Some(Credential::Bearer(token)) = in_query.as_ref().or(offered.as_ref())
        && matches!(CredentialForm::of(token), CredentialForm::ApiKey)
    {
        // An address ends up in logs and histories; a key lives too long for that.
        let words = "An API key is shown in the Authorization header, or exchanged for a ticket.";
        return Err(Problem::new(Code::Unauthenticated, words));
    }
    let mut shown = [in_query, ticket, in_header, offered].into_iter().flatten();
    match (shown.next(), shown.next()) {
        (None, _) => Err(Problem::authentication_required()),
        (Some(credential), None) => Ok(credential),
        (Some(_), Some(_)) => Err(two_credentials()),
    }
}

fn authorization(request: &Request) -> Result<Option<Credential>, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(two_credentials());
    }
    let token = value.to_str().ok().and_then(|text| text.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(Credential::Bearer(token.trim().to_owned())))
        }
        _ => Err(Problem::invalid_token()),
    }
}

fn two_credentials() -> Problem {
    Problem::new(Code::TwoCredentials, "More than one credential was shown; send exactly one token, ticket or key.")
}
