//! The numbers of RFC 6455: opcodes, and the close codes that are allowed in a close frame.

/// The longest payload of a ping, pong or close frame (RFC 6455, 5.5).
pub const CONTROL_PAYLOAD_BYTES: usize = 125;

/// The meaning of a close frame without a payload; this number itself is never sent (RFC 6455, 7.4.1).
pub const NO_STATUS: u16 = 1005;

/// The kind of a message, whatever the number of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl FrameKind {
    /// The opcode of the frame that opens a message of this kind.
    pub const fn opcode(self) -> u8 {
        match self {
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// Whether frames of this kind are allowed between the fragments of another message.
    pub const fn is_control(self) -> bool {
        match self {
            Self::Text | Self::Binary => false,
            Self::Close | Self::Ping | Self::Pong => true,
        }
    }
}

/// The role of a frame in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continues,
    Opens(FrameKind),
}

impl Opcode {
    /// The opcode in the low four bits of a frame's first byte, unless it is one of the reserved ones.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits & 0x0F {
            0x0 => Some(Self::Continues),
            0x1 => Some(Self::Opens(FrameKind::Text)),
            0x2 => Some(Self::Opens(FrameKind::Binary)),
            0x8 => Some(Self::Opens(FrameKind::Close)),
            0x9 => Some(Self::Opens(FrameKind::Ping)),
            0xA => Some(Self::Opens(FrameKind::Pong)),
            _ => None,
        }
    }
}

/// Whether an endpoint may put `code` in a close frame: those of the RFC and its registry (1012 to 1014 came
/// later), libraries' and applications' own. 1004, 1005, 1006 and 1015 are reserved for other uses.
pub const fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_opcode() {
        for kind in [FrameKind::Text, FrameKind::Binary, FrameKind::Close, FrameKind::Ping, FrameKind::Pong] {
            assert_eq!(Opcode::from_bits(kind.opcode()), Some(Opcode::Opens(kind)));
        }
    }

    #[test]
    fn the_ten_reserved_opcodes_are_nothing() {
        let reserved = (0x0..=0xF).filter(|bits| Opcode::from_bits(*bits).is_none()).collect::<Vec<u8>>();

        assert_eq!(reserved, [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF]);
    }

    #[test]
    fn only_codes_with_a_meaning_on_the_wire_are_sendable() {
        let allowed =
            [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4401, 4999];
        let refused = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

        assert_eq!(allowed.into_iter().find(|code| !is_sendable(*code)), None);
        assert_eq!(refused.into_iter().find(|code| is_sendable(*code)), None);
    }
}
