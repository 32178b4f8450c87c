//! Why a handshake is refused, as an HTTP answer.

use http::StatusCode;
use thiserror::Error;

/// Why a handshake is refused; `Display` is the text for the caller and says what would be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("a WebSocket is opened with GET")]
    NotGet,
    #[error(
        "this address speaks WebSocket: send `Connection: Upgrade` and `Upgrade: websocket` over HTTP/1.1"
    )]
    NoUpgrade,
    #[error("`Upgrade` must name `websocket`")]
    NotWebSocket,
    #[error("`Connection` must name `Upgrade`")]
    NotConnectionUpgrade,
    #[error("`Sec-WebSocket-Version` must be given once, as 13")]
    WrongVersion,
    #[error("`Sec-WebSocket-Key` must be given once, as the base64 form of 16 bytes")]
    BadKey,
    #[error("`Sec-WebSocket-Protocol` must be a list of tokens")]
    BadSubprotocol,
    #[error("at most one `lotline.bearer.` subprotocol may be offered")]
    TwoBearerTokens,
    #[error("a handshake has no body: leave out `Content-Length` and `Transfer-Encoding`")]
    HasBody,
}

impl Refusal {
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotGet => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoUpgrade | Self::WrongVersion => StatusCode::UPGRADE_REQUIRED,
            Self::NotWebSocket
            | Self::NotConnectionUpgrade
            | Self::BadKey
            | Self::BadSubprotocol
            | Self::TwoBearerTokens
            | Self::HasBody => StatusCode::BAD_REQUEST,
        }
    }

    /// The headers that the answer must carry: a 405 names the method, a 426 the protocol and its version.
    pub const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::NotGet => &[("allow", "GET")],
            Self::NoUpgrade | Self::WrongVersion => {
                &[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")]
            }
            Self::NotWebSocket
            | Self::NotConnectionUpgrade
            | Self::BadKey
            | Self::BadSubprotocol
            | Self::TwoBearerTokens
            | Self::HasBody => &[],
        }
    }
}
