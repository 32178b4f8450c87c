//! Everything a client can do wrong on an open socket, with the close code that answers it.

use thiserror::Error;

/// Why a stream of bytes is not valid WebSocket; its `Display` is the close frame's reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    #[error("a reserved bit is set, but no extension was agreed")]
    ReservedBit,
    #[error("unknown opcode")]
    UnknownOpcode,
    #[error("a client's frames must be masked")]
    Unmasked,
    #[error("a control frame must not be fragmented")]
    FragmentedControl,
    #[error("a control frame carries at most 125 bytes")]
    LongControl,
    #[error("a length must be written in its shortest form")]
    WastefulLength,
    #[error("the highest bit of a length must be 0")]
    NegativeLength,
    #[error("a continuation frame without a message to continue")]
    StrayContinuation,
    #[error("a new message before the last one was finished")]
    InterruptedMessage,
    #[error("a close frame carries no byte, or a code of two")]
    HalfCloseCode,
    #[error("this close code may not be sent")]
    ForbiddenCloseCode,
    #[error("a close reason must be UTF-8")]
    CloseReasonNotUtf8,
    #[error("a text message must be UTF-8")]
    TextNotUtf8,
    #[error("the message is too big")]
    TooBig,
    #[error("the message has too many fragments")]
    TooManyFragments,
}

impl Violation {
    /// The code of the close frame that ends the connection (RFC 6455, 7.4.1).
    pub const fn close_code(self) -> u16 {
        match self {
            Self::ReservedBit
            | Self::UnknownOpcode
            | Self::Unmasked
            | Self::FragmentedControl
            | Self::LongControl
            | Self::WastefulLength
            | Self::NegativeLength
            | Self::StrayContinuation
            | Self::InterruptedMessage
            | Self::HalfCloseCode
            | Self::ForbiddenCloseCode => 1002,
            Self::CloseReasonNotUtf8 | Self::TextNotUtf8 => 1007,
            Self::TooBig | Self::TooManyFragments => 1009,
        }
    }
}
