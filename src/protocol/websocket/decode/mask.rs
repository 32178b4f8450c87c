//! The XOR mask of a client's payload (RFC 6455, 5.3), removed in place.

/// Removes `mask` from `payload`; the first byte of both must be aligned.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);

    // Chunks of eight bytes let the compiler use its vector registers, for aligned and unaligned slices alike.
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// The mask for the byte that follows `bytes` of payload.
pub(super) fn rotated(mut mask: [u8; 4], bytes: usize) -> [u8; 4] {
    mask.rotate_left(bytes % 4);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    #[test]
    fn the_example_of_the_rfc_reads_hello() {
        let mut payload = [0x7F, 0x9F, 0x4D, 0x51, 0x58];

        unmask(&mut payload, MASK);

        assert_eq!(&payload, b"Hello");
    }

    #[test]
    fn every_length_and_every_cut_agrees_with_the_plain_rule() {
        for length in 0..70_usize {
            let masked = (0..length).map(|at| (at * 7) as u8).collect::<Vec<_>>();
            let plain = masked.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]).collect::<Vec<_>>();
            for cut in 0..=length {
                let mut halves = masked.clone();
                let (first, second) = halves.split_at_mut(cut);

                unmask(first, MASK);
                unmask(second, rotated(MASK, cut));

                assert_eq!(halves, plain, "length {length}, cut at {cut}");
            }
        }
    }
}
