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
    /// Reports of workers.
    Workers,
    /// Listings.
    Properties,
    /// Broadcasts and notifications.
    Messages,
    /// Files.
    Uploads,
    /// The event log over REST.
    Events,
    /// Statistics and connections.
    Operations,
}
