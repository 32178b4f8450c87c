//! What the routes of one's own account answer with.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use crate::domain::identity::tickets::TICKET_TTL;
use crate::protocol::examples;

#[derive(Debug, ApiResponse)]
pub enum LogOutResponse {
    /// The sign-in has ended.
    #[oai(status = 204)]
    Done,
}

#[derive(Debug, ApiResponse)]
pub enum EndSessionResponse {
    /// It has ended, with its connections.
    #[oai(status = 204)]
    Done,
}

/// A ticket.
#[derive(Debug, Object)]
#[oai(rename = "Ticket", example)]
pub struct TicketView {
    /// For `?ticket=`.
    pub(super) ticket: String,
    /// Seconds within which it must be used: 30.
    pub(super) expires_in: u64,
}

#[derive(Debug, ApiResponse)]
pub enum CreateTicketResponse {
    /// A ticket that opens one socket or stream.
    #[oai(status = 200)]
    Made(Json<TicketView>, #[oai(header = "Cache-Control")] String),
}

/// A refreshed stream.
#[derive(Debug, Object)]
#[oai(example)]
pub struct StreamRefreshed {
    /// When it ends unless it is refreshed again. RFC 3339.
    pub(super) expires_at: String,
}

#[derive(Debug, ApiResponse)]
pub enum RefreshStreamResponse {
    /// The stream continues; it also sends a `token_refreshed` event.
    #[oai(status = 200)]
    Done(Json<StreamRefreshed>),
}

impl Example for TicketView {
    fn example() -> Self {
        Self { ticket: "llt_V1tYnRdAcJ3vE5gLhW8p7Xq0".to_owned(), expires_in: TICKET_TTL.as_secs() }
    }
}

impl Example for StreamRefreshed {
    fn example() -> Self {
        Self { expires_at: examples::after(15) }
    }
}
