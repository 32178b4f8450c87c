//! The sections of the API document.

use poem_openapi::Tags;

#[derive(Tags)]
pub enum Tag {
    /// Signing in, tokens and sessions.
    Auth,
    /// Users, API keys, tenants and the audit log.
    People,
    /// Spiders and crawl jobs.
    Jobs,
    /// What a worker reports.
    Workers,
    /// Listings.
    Properties,
    /// Broadcasts and notifications.
    Messages,
    /// Files.
    Uploads,
    /// The log by request.
    Events,
    /// Figures and connections.
    Operations,
}
