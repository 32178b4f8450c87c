//! The codes of problems. A code is never renamed, and its meaning never changes: clients depend on it.

use std::fmt;

use super::close::{CloseCode, Retry};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRow {
    pub name: &'static str,
    pub status: u16,
    pub title: &'static str,
    /// How a WebSocket is closed for it: in session, or at once under `?reject=close`.
    pub close: CloseCode,
    pub retry: Retry,
    /// One sentence for people, served at `/problems/{name}`.
    pub doc: &'static str,
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $title:literal, $close:ident, $retry:ident, $doc:literal;)*) => {
        /// A kind of refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $doc] $variant,)* }

        impl Code {
            /// Every code, by status.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn row(self) -> CodeRow {
                match self {
                    $(Self::$variant => CodeRow {
                        name: $name, status: $status, title: $title,
                        close: CloseCode::$close, retry: Retry::$retry, doc: $doc,
                    },)*
                }
            }
        }
    };
}

codes! {
    BadRequest = "bad_request", 400, "Bad request", BadRequest, Stop,
        "The request is not one that this server understands.";
    InvalidJson = "invalid_json", 400, "Invalid JSON", BadRequest, Stop,
        "The body is not JSON; the detail says at which line and column reading stopped.";
    TwoCredentials = "two_credentials", 400, "Two credentials", BadRequest, Stop,
        "More than one credential was shown; send exactly one token, ticket or key.";
    UnknownType = "unknown_type", 400, "Unknown message type", BadRequest, Stop,
        "The socket does not know messages of this `type`; it stays open.";
    ProtocolError = "protocol_error", 400, "Protocol error", ProtocolError, Stop,
        "A WebSocket frame breaks RFC 6455.";
    InvalidPayload = "invalid_payload", 400, "Invalid payload", InvalidPayload, Stop,
        "A text message is not UTF-8.";
    NotAcceptableProtocol = "not_acceptable_protocol", 400, "Bad protocol", BadProtocol, Stop,
        "None of the offered subprotocols is spoken here; offer `lotline.v1`, or none.";
    Unauthenticated = "unauthenticated", 401, "Unauthenticated", Unauthenticated, NewTokenOnce,
        "A token is missing, or the one that was shown does not hold.";
    TokenExpired = "token_expired", 401, "Token expired", Unauthenticated, NewTokenOnce,
        "The token that a connection lives on has expired; get a new one and connect again.";
    SessionRevoked = "session_revoked", 401, "Session revoked", SessionRevoked, Stop,
        "The sign-in that the token belongs to was ended; sign in again.";
    Forbidden = "forbidden", 403, "Forbidden", Forbidden, Stop,
        "The caller is known and may not do this.";
    WrongUser = "wrong_user", 403, "Wrong user", Forbidden, Stop,
        "The user in the path is not the user of the token.";
    InactiveUser = "inactive_user", 403, "Inactive user", Forbidden, Stop,
        "The user, or their tenant, has been deactivated; an admin can undo that.";
    BadOrigin = "bad_origin", 403, "Bad origin", Forbidden, Stop,
        "Pages of this origin may not use the server; `cors.allowed_origins` lists those that may.";
    NotFound = "not_found", 404, "Not found", Gone, Stop,
        "The thing or route does not exist, or the caller may not see it.";
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed", BadRequest, Stop,
        "The route exists and does not take this method; the header `Allow` lists those that it takes.";
    RequestTimeout = "request_timeout", 408, "Request timeout", Idle, BackOff,
        "The request did not arrive, or was not answered, within the time that is allowed.";
    Idle = "idle", 408, "Idle", Idle, BackOff,
        "The peer answered no ping for two heartbeats.";
    Conflict = "conflict", 409, "Conflict", BadRequest, Stop,
        "The thing is in a state that does not allow this, or the name is taken.";
    LeaseLost = "lease_lost", 409, "Lease lost", BadRequest, Stop,
        "The worker's lease has ended and the job may run elsewhere; drop the work and claim again.";
    IdempotencyInFlight = "idempotency_in_flight", 409, "Request in flight", BadRequest, BackOff,
        "A request with the same `Idempotency-Key` is still being worked on; try again a little later.";
    Gone = "gone", 410, "Gone", Gone, Stop,
        "The thing was here once, and is not any more.";
    PreconditionFailed = "precondition_failed", 412, "Precondition failed", BadRequest, Stop,
        "The thing has changed since the `If-Match` version was read; read it again.";
    PayloadTooLarge = "payload_too_large", 413, "Payload too large", TooBig, Stop,
        "The body or message is larger than the limit that the detail states.";
    UnsupportedMediaType = "unsupported_media_type", 415, "Unsupported media type", UnsupportedData, Stop,
        "The body, or the message, is of a type that is not taken here; the detail says which is.";
    RangeNotSatisfiable = "range_not_satisfiable", 416, "Range not satisfiable", BadRequest, Stop,
        "The asked range of bytes lies outside the content.";
    ValidationFailed = "validation_failed", 422, "Validation failed", BadRequest, Stop,
        "Fields are bad, missing or unknown; `errors` names every one of them.";
    InvalidFilename = "invalid_filename", 422, "Invalid file name", BadRequest, Stop,
        "The name of the file is not one that every system takes; the detail says what is.";
    SizeMismatch = "size_mismatch", 422, "Size mismatch", BadRequest, Stop,
        "The file has more or fewer bytes than was said; nothing of it was kept.";
    ChecksumMismatch = "checksum_mismatch", 422, "Checksum mismatch", BadRequest, Stop,
        "The file does not have the SHA-256 that was said; nothing of it was kept.";
    InvalidSubscription = "invalid_subscription", 422, "Invalid subscription", BadRequest, Stop,
        "There is no feed of this name, or the caller may not read it.";
    IdempotencyConflict = "idempotency_conflict", 422, "Idempotency key reused", BadRequest, Stop,
        "The `Idempotency-Key` was used with another body; choose a new key.";
    UpgradeRequired = "upgrade_required", 426, "Upgrade required", BadRequest, Stop,
        "The route speaks WebSocket version 13; connect with a WebSocket client.";
    RateLimited = "rate_limited", 429, "Rate limited", RateLimited, BackOff,
        "More was sent than the limit allows; wait `Retry-After` seconds.";
    TooManyConnections = "too_many_connections", 429, "Too many connections", TooManyConnections, BackOff,
        "The caller has as many connections as are allowed; close one first.";
    HeadersTooLarge = "headers_too_large", 431, "Header fields too large", BadRequest, Stop,
        "The header of the request is larger than the server reads.";
    Internal = "internal", 500, "Internal error", InternalError, BackOff,
        "The server failed; the log has the cause under the request id.";
    Unavailable = "unavailable", 503, "Unavailable", Overloaded, BackOff,
        "The server cannot take this now; wait `Retry-After` seconds.";
    Restart = "restart", 503, "Restart", Restart, Resume,
        "The node is going down; connect again within the stated time, spread at random, and resume.";
    SlowConsumer = "slow_consumer", 503, "Slow consumer", SlowConsumer, BackOff,
        "The peer read more slowly than events came; connect again and resume from the last position.";
    InsufficientStorage = "insufficient_storage", 507, "Insufficient storage", Overloaded, BackOff,
        "The tenant's quota, or the disk, is full.";
}

impl Code {
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The code with this name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Whether `?reject=close` may turn it into an upgrade and a close. A page of a foreign origin gets no socket at
    /// all, and the others are about a request that cannot be upgraded.
    pub fn closes_on_request(self) -> bool {
        !matches!(self, Self::BadOrigin | Self::UpgradeRequired | Self::MethodNotAllowed)
    }

    /// The most general code of an HTTP status, for a refusal of which nothing else is known.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 => Self::RequestTimeout,
            409 => Self::Conflict,
            410 => Self::Gone,
            412 => Self::PreconditionFailed,
            413 => Self::PayloadTooLarge,
            415 => Self::UnsupportedMediaType,
            416 => Self::RangeNotSatisfiable,
            422 => Self::ValidationFailed,
            426 => Self::UpgradeRequired,
            429 => Self::RateLimited,
            431 => Self::HeadersTooLarge,
            503 => Self::Unavailable,
            507 => Self::InsufficientStorage,
            ..=499 => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_snake_case_and_sorted_by_status() {
        let rows: Vec<CodeRow> = Code::ALL.iter().map(|code| code.row()).collect();

        assert!(
            rows.iter().all(|row| row.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        );
        assert!(rows.is_sorted_by_key(|row| row.status));
        assert!(Code::ALL.iter().all(|code| Code::named(code.name()) == Some(*code)));
    }

    #[test]
    fn statuses_map_to_the_close_codes_of_the_contract() {
        let closes = |code: Code| (code.row().status, code.row().close.number());

        assert_eq!(closes(Code::BadRequest), (400, 4400));
        assert_eq!(closes(Code::TwoCredentials), (400, 4400));
        assert_eq!(closes(Code::Unauthenticated), (401, 4401));
        assert_eq!(closes(Code::WrongUser), (403, 4403));
        assert_eq!(closes(Code::InactiveUser), (403, 4403));
        assert_eq!(closes(Code::NotFound), (404, 4404));
        assert_eq!(closes(Code::TooManyConnections), (429, 4409));
        assert_eq!(closes(Code::RateLimited), (429, 4429));
        assert_eq!(closes(Code::Unavailable), (503, 1013));
        assert!(!Code::BadOrigin.closes_on_request());
    }

    #[test]
    fn the_plainest_code_of_a_status_has_that_status() {
        for code in Code::ALL {
            let status = code.row().status;

            assert_eq!(Code::of_status(status).row().status, status);
        }
        assert_eq!(Code::of_status(502), Code::Internal);
        assert_eq!(Code::of_status(418), Code::BadRequest);
    }
}
