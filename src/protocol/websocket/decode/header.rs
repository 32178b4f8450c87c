//! A frame's header (RFC 6455, 5.2), checked on its own; the decoder checks its role in the message.

use super::super::codes::{CONTROL_PAYLOAD_BYTES, Opcode};
use super::violation::Violation;

/// The longest header: two bytes, eight of length, four of mask.
const LONGEST: usize = 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    pub(super) payload_bytes: u64,
    pub(super) mask: [u8; 4],
}

/// The bytes of a header that has not arrived in full.
#[derive(Debug, Default)]
pub(super) struct PartialHeader {
    bytes: [u8; LONGEST],
    length: u8,
}

impl PartialHeader {
    pub(super) fn is_begun(&self) -> bool {
        self.length > 0
    }

    /// Takes the missing bytes of the header from `input`; `None` means that `input` is used up.
    pub(super) fn read(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Violation> {
        loop {
            let length = usize::from(self.length);
            let needed = match parse(&self.bytes[..length])? {
                Parsed::Header(header) => {
                    self.length = 0;
                    return Ok(Some(header));
                }
                Parsed::Needs(needed) => needed,
            };
            if input.is_empty() {
                return Ok(None);
            }
            let taken = (needed - length).min(input.len());
            let (piece, rest) = std::mem::take(input).split_at_mut(taken);
            self.bytes[length..length + taken].copy_from_slice(piece);
            self.length += taken as u8;
            *input = rest;
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Header(Header),
    /// How many bytes the header has in total, as far as it is known.
    Needs(usize),
}

fn parse(bytes: &[u8]) -> Result<Parsed, Violation> {
    let [first, second, rest @ ..] = bytes else { return Ok(Parsed::Needs(2)) };
    let opcode = judge(*first, *second)?;
    let short = second & 0x7F;
    let length_bytes = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let Some((length, mask)) = rest.split_at_checked(length_bytes) else {
        return Ok(Parsed::Needs(2 + length_bytes + 4));
    };
    let Some(mask) = mask.first_chunk() else { return Ok(Parsed::Needs(2 + length_bytes + 4)) };

    let payload_bytes = payload_bytes(short, length)?;
    Ok(Parsed::Header(Header { fin: first & 0x80 != 0, opcode, payload_bytes, mask: *mask }))
}

/// Every check that the first two bytes allow, so that a peer which speaks another protocol is refused at once.
fn judge(first: u8, second: u8) -> Result<Opcode, Violation> {
    if first & 0x70 != 0 {
        return Err(Violation::ReservedBit);
    }
    let opcode = Opcode::from_bits(first).ok_or(Violation::UnknownOpcode)?;
    if let Opcode::Opens(kind) = opcode
        && kind.is_control()
    {
        if first & 0x80 == 0 {
            return Err(Violation::FragmentedControl);
        }
        if usize::from(second & 0x7F) > CONTROL_PAYLOAD_BYTES {
            return Err(Violation::LongControl);
        }
    }
    if second & 0x80 == 0 {
        return Err(Violation::Unmasked);
    }
    Ok(opcode)
}

fn payload_bytes(short: u8, extended: &[u8]) -> Result<u64, Violation> {
    let written = extended.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match short {
        126 if written < 126 => Err(Violation::WastefulLength),
        127 if written >> 63 == 1 => Err(Violation::NegativeLength),
        127 if written <= u64::from(u16::MAX) => Err(Violation::WastefulLength),
        126 | 127 => Ok(written),
        short => Ok(u64::from(short)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::codes::FrameKind;
    use super::*;

    /// The payload's length, `None` for a header that is not complete.
    fn length_of(bytes: &[u8]) -> Result<Option<u64>, Violation> {
        parse(bytes).map(|parsed| match parsed {
            Parsed::Header(header) => Some(header.payload_bytes),
            Parsed::Needs(_) => None,
        })
    }

    #[test]
    fn a_header_is_read_field_by_field() {
        let header = Header {
            fin: true,
            opcode: Opcode::Opens(FrameKind::Text),
            payload_bytes: 5,
            mask: [1, 2, 3, 4],
        };

        assert_eq!(parse(&[0x81, 0x85, 1, 2, 3, 4]), Ok(Parsed::Header(header)));
    }

    #[test]
    fn a_partial_header_says_how_long_it_will_be() {
        for (bytes, needed) in [
            (&[][..], 2),
            (&[0x81][..], 2),
            (&[0x81, 0x85][..], 6),
            (&[0x81, 0x85, 1, 2, 3][..], 6),
            (&[0x81, 0xFE][..], 8),
            (&[0x81, 0xFE, 1, 2, 3][..], 8),
            (&[0x81, 0xFF, 0][..], 14),
        ] {
            assert_eq!(parse(bytes), Ok(Parsed::Needs(needed)), "{bytes:02x?}");
        }
    }

    #[test]
    fn each_form_of_the_length_is_read_at_its_borders() {
        assert_eq!(length_of(&[0x82, 0x80, 0, 0, 0, 0]), Ok(Some(0)));
        assert_eq!(length_of(&[0x82, 0xFD, 0, 0, 0, 0]), Ok(Some(125)));
        assert_eq!(length_of(&[0x82, 0xFE, 0, 126, 0, 0, 0, 0]), Ok(Some(126)));
        assert_eq!(length_of(&[0x82, 0xFE, 0xFF, 0xFF, 0, 0, 0, 0]), Ok(Some(65_535)));
        assert_eq!(length_of(&[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Ok(Some(65_536)));
        let most = [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
        assert_eq!(length_of(&most), Ok(Some(u64::MAX >> 1)));
    }

    #[test]
    fn a_length_in_a_longer_form_than_needed_is_refused() {
        let wasteful = Err(Violation::WastefulLength);

        assert_eq!(length_of(&[0x82, 0xFE, 0, 125, 0, 0, 0, 0]), wasteful);
        assert_eq!(length_of(&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]), wasteful);
        let negative = [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(length_of(&negative), Err(Violation::NegativeLength));
    }

    #[test]
    fn the_first_two_bytes_are_enough_to_refuse_a_frame() {
        for (bytes, violation) in [
            ([0xC1, 0x80], Violation::ReservedBit),
            ([0xA1, 0x80], Violation::ReservedBit),
            ([0x91, 0x80], Violation::ReservedBit),
            ([0x83, 0x80], Violation::UnknownOpcode),
            ([0x8B, 0x80], Violation::UnknownOpcode),
            ([0x81, 0x05], Violation::Unmasked),
            ([0x09, 0x80], Violation::FragmentedControl),
            ([0x89, 0xFE], Violation::LongControl),
            ([0x88, 0xFF], Violation::LongControl),
        ] {
            assert_eq!(parse(&bytes), Err(violation), "{bytes:02x?}");
        }
    }
}
