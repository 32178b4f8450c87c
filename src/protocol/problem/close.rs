//! The close codes of WebSockets, and what a client should do on each (served at `/close-codes`).

use std::fmt;

use poem_openapi::{Enum, Object};
use serde::Serialize;

/// Whether and how to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same request would be refused again.
    Stop,
    /// Get a new token and retry once.
    NewTokenOnce,
    /// Wait (`retry_after` when it is given, otherwise longer each time), then retry.
    BackOff,
    /// Reconnect and continue from the last position seen.
    Resume,
}

/// One row of the table of close codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRow {
    pub number: u16,
    pub name: &'static str,
    pub retry: Retry,
    /// The text that says what the client should do.
    pub advice: &'static str,
}

/// A row of the table as `GET /close-codes` answers it.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "CloseCode", example)]
pub struct CloseCodeBody {
    pub code: u16,
    pub name: String,
    pub retry: Retry,
    /// What a client should do.
    pub client_should: String,
}

/// The data of the event `problem`, which ends a stream of server-sent events.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct StreamProblem {
    /// The close code that a socket would have got.
    pub close_code: u16,
    /// The stable identifier of the close code.
    pub code: String,
    /// What was wrong, in one sentence.
    pub detail: String,
}

impl StreamProblem {
    pub fn new(code: CloseCode, detail: impl Into<String>) -> Self {
        let row = code.row();
        Self { close_code: row.number, code: row.name.to_owned(), detail: detail.into() }
    }
}

macro_rules! close_codes {
    ($($variant:ident = $number:literal, $name:literal, $retry:ident, $advice:literal;)*) => {
        /// Why a socket was closed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CloseCode { $(#[doc = concat!(stringify!($number), ": ", $advice)] $variant,)* }

        impl CloseCode {
            /// Every code, by number.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn row(self) -> CloseRow {
                match self {
                    $(Self::$variant => CloseRow {
                        number: $number, name: $name, retry: Retry::$retry, advice: $advice,
                    },)*
                }
            }
        }
    };
}

close_codes! {
    Normal = 1000, "normal", Stop, "Stop: the work is done.";
    GoingAway = 1001, "going_away", Resume, "Reconnect and resume.";
    ProtocolError = 1002, "protocol_error", Stop, "Fix the message: it breaks RFC 6455.";
    UnsupportedData = 1003, "unsupported_data", Stop, "Fix the message: this socket takes text only.";
    InvalidPayload = 1007, "invalid_payload", Stop, "Fix the message: text must be UTF-8.";
    TooBig = 1009, "too_big", Stop, "Fix the message: it is larger than the limit.";
    InternalError = 1011, "internal_error", BackOff, "Back off, then reconnect and resume.";
    Restart = 1012, "restart", Resume,
        "Reconnect at a random moment within the `retry_after` seconds that the reason states, and resume.";
    Overloaded = 1013, "overloaded", BackOff, "Back off, then reconnect and resume.";
    BadRequest = 4400, "bad_request", Stop, "Stop: the request must be changed.";
    Unauthenticated = 4401, "unauthenticated", NewTokenOnce,
        "The token is missing, invalid or expired: get a new one and try once more.";
    Forbidden = 4403, "forbidden", Stop, "Stop: this user may not do that.";
    Gone = 4404, "gone", Stop, "Stop: what was asked for is not there.";
    BadProtocol = 4406, "bad_protocol", Stop, "Stop: offer the subprotocol `lotline.v1`, or none.";
    Idle = 4408, "idle", BackOff, "Back off, then reconnect and resume; answer pings in time.";
    TooManyConnections = 4409, "too_many_connections", BackOff,
        "Back off (`retry_after`), close sockets that are not needed, then reconnect and resume.";
    SessionRevoked = 4410, "session_revoked", Stop, "Stop: the user was signed out; sign in again.";
    RateLimited = 4429, "rate_limited", BackOff, "Back off (`retry_after`), then reconnect and resume; send less.";
    SlowConsumer = 4503, "slow_consumer", BackOff, "Back off, then reconnect and resume; read faster.";
}

impl CloseCode {
    pub const fn number(self) -> u16 {
        self.row().number
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> u16 {
        code.number()
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.row().name)
    }
}

impl From<CloseRow> for CloseCodeBody {
    fn from(row: CloseRow) -> Self {
        Self { code: row.number, name: row.name.into(), retry: row.retry, client_should: row.advice.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_holds_each_code_of_the_contract_once() {
        let numbers: Vec<u16> = CloseCode::ALL.iter().map(|code| code.number()).collect();

        let contract = [
            1000, 1001, 1002, 1003, 1007, 1009, 1011, 1012, 1013, 4400, 4401, 4403, 4404, 4406, 4408, 4409,
            4410, 4429, 4503,
        ];
        assert_eq!(numbers, contract);
    }
}
