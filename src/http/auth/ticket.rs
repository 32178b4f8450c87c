//! `POST /auth/socket-ticket`.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use super::token::NO_STORE;
use crate::domain::identity::Identity;
use crate::domain::identity::authenticate::Authenticated;
use crate::domain::identity::tickets::TICKET_TTL;
use crate::protocol::problem::Problem;

/// A ticket.
#[derive(Debug, Object)]
#[oai(rename = "Ticket", example)]
pub struct TicketView {
    /// For `?ticket=`.
    ticket: String,
    /// Seconds within which it must be used: 30.
    expires_in: u64,
}

#[derive(Debug, ApiResponse)]
pub enum CreateTicketResponse {
    /// A ticket that opens one socket or stream.
    #[oai(status = 200)]
    Made(Json<TicketView>, #[oai(header = "Cache-Control")] String),
}

pub(super) fn ticket(identity: &Identity, admitted: &Authenticated) -> Result<CreateTicketResponse, Problem> {
    let ticket = identity.tickets.mint(&admitted.principal, admitted.expires_at)?;
    let view = TicketView { ticket: ticket.expose().to_owned(), expires_in: TICKET_TTL.as_secs() };
    Ok(CreateTicketResponse::Made(Json(view), NO_STORE.to_owned()))
}

impl Example for TicketView {
    fn example() -> Self {
        Self { ticket: "llt_V1tYnRdAcJ3vE5gLhW8p7Xq0".to_owned(), expires_in: TICKET_TTL.as_secs() }
    }
}
