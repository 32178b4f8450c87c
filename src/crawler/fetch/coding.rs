//! How a body is packed (RFC 9110 section 8.4.1), and a streaming decoder for a list of codings. Every stage of it is
//! bounded in bytes, so that no layer of a packed body unpacks into more than a page may have.

use std::io::{self, Write};

use reqwest::header::{self, HeaderMap};

use super::decoders::{Brotli, Deflate, Gzip, GzipFile, LimitedBuffer, LimitedStage, Stage, Zstd};
use super::error::FetchError;

/// The codings that are asked for.
pub(super) const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";
/// Codings of one body; honest bodies have one.
const MAX_CODINGS: usize = 4;
/// Bytes of an unknown coding's name in an error.
const MAX_NAME_BYTES: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 1952; several members make one body.
    Gzip,
    /// RFC 1950, and RFC 1951 without its wrapper, which some servers send under the same name.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, with the window of RFC 9659.
    Zstd,
}

/// How a body is packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packing {
    /// In the order in which they were applied.
    codings: Vec<Coding>,
    /// A body that is a gzip file itself is unpacked, too.
    unpacks_files: bool,
}

impl Packing {
    /// What `Content-Encoding` says; empty names and `identity` are no coding. An unknown one is an error that names it.
    pub(super) fn of(headers: &HeaderMap, unpacks_files: bool) -> Result<Self, FetchError> {
        let values = headers.get_all(header::CONTENT_ENCODING).iter();
        let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let mut codings = Vec::new();
        for name in names {
            codings.extend(coding(name.trim_ascii())?);
            if codings.len() > MAX_CODINGS {
                return Err(FetchError::Coding(format!("more than {MAX_CODINGS} at once")));
            }
        }
        Ok(Self { codings, unpacks_files })
    }

    /// Whether the bytes that come are the bytes of the body.
    pub(super) fn is_plain(&self) -> bool {
        self.codings.is_empty() && !self.unpacks_files
    }
}

fn coding(name: &[u8]) -> Result<Option<Coding>, FetchError> {
    let known = match name.to_ascii_lowercase().as_slice() {
        b"" | b"identity" => None,
        b"gzip" | b"x-gzip" => Some(Coding::Gzip),
        b"deflate" => Some(Coding::Deflate),
        b"br" => Some(Coding::Brotli),
        b"zstd" => Some(Coding::Zstd),
        _ => {
            let visible = name.iter().filter(|byte| byte.is_ascii_graphic()).take(MAX_NAME_BYTES);
            return Err(FetchError::Coding(visible.map(|byte| char::from(*byte)).collect()));
        }
    };
    Ok(known)
}

/// Decodes a body while it comes.
pub(super) struct Decoder(Box<dyn Stage>);

impl Decoder {
    /// A decoder that keeps up to `limit` bytes.
    pub(super) fn new(packing: &Packing, limit: usize) -> Result<Self, FetchError> {
        let mut stage: Box<dyn Stage> = Box::new(LimitedBuffer::new(limit));
        if packing.unpacks_files {
            stage = Box::new(GzipFile::new(stage));
        }
        for (index, coding) in packing.codings.iter().enumerate() {
            // The bytes between two layers are bounded as well as the body, or many empty members would cost for ever.
            if index > 0 || packing.unpacks_files {
                stage = Box::new(LimitedStage::new(stage, limit));
            }
            stage = match coding {
                Coding::Gzip => Box::new(Gzip::new(stage)),
                Coding::Deflate => Box::new(Deflate::new(stage)),
                Coding::Brotli => Box::new(Brotli::new(stage)),
                Coding::Zstd => Box::new(Zstd::new(stage).map_err(|_| FetchError::Body)?),
            };
        }
        Ok(Self(stage))
    }

    /// What fits of the chunk. An error when it cannot be decoded.
    pub(super) fn write(&mut self, chunk: &[u8]) -> Result<(), FetchError> {
        if chunk.is_empty() {
            return Ok(());
        }
        // What was decoded is passed on at once, so that a limit that is reached is known.
        let written = self.0.write_all(chunk).and_then(|()| self.0.flush());
        self.unless_full(written)
    }

    /// The packed bytes have ended. An error when they break off.
    pub(super) fn end(&mut self) -> Result<(), FetchError> {
        let ended = self.0.end();
        self.unless_full(ended)
    }

    /// Whether there was more than the limit.
    pub(super) fn is_full(&self) -> bool {
        self.0.body().is_full()
    }

    /// What is decoded so far.
    pub(super) fn body(&self) -> &[u8] {
        self.0.body().bytes()
    }

    pub(super) fn into_body(mut self) -> Vec<u8> {
        self.0.body_mut().take()
    }

    /// A stage also fails because the one behind it is full, which is no fault of the body.
    fn unless_full(&self, outcome: io::Result<()>) -> Result<(), FetchError> {
        if outcome.is_err() && !self.is_full() { Err(FetchError::Body) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_codings::{
        HELLO, HELLO_BROTLI, SPACES_BROTLI, deflate, gzip, raw_deflate, spaces, zstd,
    };
    use super::*;

    const LIMIT: usize = 64 * 1024;

    fn packing(encodings: &[&'static str]) -> Result<Packing, FetchError> {
        let mut headers = HeaderMap::new();
        for value in encodings {
            headers.append(header::CONTENT_ENCODING, header::HeaderValue::from_static(value));
        }
        Packing::of(&headers, false)
    }

    /// Decodes `body` byte by byte, as a slow peer sends it.
    fn decode(packing: &Packing, body: &[u8]) -> Result<Vec<u8>, FetchError> {
        let mut decoder = Decoder::new(packing, LIMIT)?;
        for byte in body {
            decoder.write(std::slice::from_ref(byte))?;
        }
        decoder.end()?;
        if decoder.is_full() { Err(FetchError::TooLarge(LIMIT)) } else { Ok(decoder.into_body()) }
    }

    fn decode_named(encodings: &[&'static str], body: &[u8]) -> Result<Vec<u8>, FetchError> {
        decode(&packing(encodings)?, body)
    }

    fn packed() -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("gzip", gzip(HELLO)),
            ("deflate", deflate(HELLO)),
            ("deflate", raw_deflate(HELLO)),
            ("br", HELLO_BROTLI.to_vec()),
            ("zstd", zstd(HELLO)),
        ]
    }

    #[test]
    fn every_coding_is_decoded_in_pieces_and_at_once() {
        let aliases = [("X-GZIP", gzip(HELLO)), ("identity", HELLO.to_vec()), ("", HELLO.to_vec())];
        for (name, body) in packed().into_iter().chain(aliases) {
            assert_eq!(decode_named(&[name], &body).unwrap(), HELLO, "{name}");
            let mut whole = Decoder::new(&packing(&[name]).unwrap(), LIMIT).unwrap();
            whole.write(&body).unwrap();
            whole.end().unwrap();
            assert_eq!(whole.into_body(), HELLO, "{name}");
        }
    }

    #[test]
    fn stacked_codings_are_taken_off_in_reverse_order() {
        let body = gzip(&zstd(HELLO_BROTLI));

        assert_eq!(decode_named(&["br, zstd", "identity, gzip"], &body).unwrap(), HELLO);
        assert_eq!(decode_named(&["gzip, zstd, br"], &body), Err(FetchError::Body));
    }

    #[test]
    fn an_unknown_coding_is_named() {
        assert_eq!(packing(&["gzip, Compress"]), Err(FetchError::Coding("Compress".to_owned())));
        assert_eq!(
            FetchError::Coding("compress".to_owned()).to_string(),
            "the body has an unknown coding: compress"
        );
        assert!(packing(&["gzip, gzip, gzip, gzip"]).is_ok());
        assert!(packing(&["gzip, gzip, gzip, gzip, gzip"]).is_err());
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error_and_an_empty_one_is_none() {
        for (name, body) in packed() {
            let cut = &body[..body.len() - 1];
            assert_eq!(decode_named(&[name], cut), Err(FetchError::Body), "{name}");
            assert_eq!(decode_named(&[name], b"neither of them"), Err(FetchError::Body), "{name}");
            assert_eq!(decode_named(&[name], b"").unwrap(), b"", "{name}");
        }
    }

    #[test]
    fn what_unpacks_into_too_much_stops_at_the_limit() {
        for (name, body) in [
            ("gzip", gzip(&spaces())),
            ("deflate", deflate(&spaces())),
            ("br", SPACES_BROTLI.to_vec()),
            ("zstd", zstd(&spaces())),
        ] {
            let mut decoder = Decoder::new(&packing(&[name]).unwrap(), LIMIT).unwrap();
            decoder.write(&body).unwrap();
            assert!(body.len() < LIMIT && decoder.is_full(), "{name}");
            assert_eq!(decoder.body().len(), LIMIT, "{name}");
        }
    }

    #[test]
    fn the_limit_holds_between_two_codings() {
        // Many members of one byte each: 160 KiB between the codings, 8,000 bytes in the end.
        let body = zstd(&gzip(b"x").repeat(8_000));

        assert!(body.len() < LIMIT);
        assert_eq!(decode_named(&["gzip, zstd"], &body), Err(FetchError::TooLarge(LIMIT)));
    }

    #[test]
    fn the_limit_holds_between_a_coding_and_a_file() {
        let members = gzip(b"").repeat(8_000);
        for (name, body) in
            [("zstd", zstd(&members)), ("gzip", gzip(&members)), ("deflate", deflate(&members))]
        {
            let files = Packing { unpacks_files: true, ..packing(&[name]).unwrap() };

            assert!(body.len() < LIMIT, "{name}");
            assert_eq!(decode(&files, &body), Err(FetchError::TooLarge(LIMIT)), "{name}");
        }
    }

    #[test]
    fn a_window_that_no_browser_accepts_is_refused() {
        // A frame header with a window of 128 MiB (RFC 8878 section 3.1.1.1.2), and an empty last block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00];

        assert_eq!(decode_named(&["zstd"], &frame), Err(FetchError::Body));
    }

    #[test]
    fn a_gzip_file_is_unpacked_and_other_bodies_pass() {
        let files = Packing { codings: Vec::new(), unpacks_files: true };

        for (body, unpacked) in [
            (gzip(HELLO), HELLO),
            (HELLO.to_vec(), HELLO),
            (b"\x1f\x8b".to_vec(), b"\x1f\x8b"),
            (Vec::new(), b""),
        ] {
            assert_eq!(decode(&files, &body).unwrap(), unpacked);
        }
        assert_eq!(decode(&files, &gzip(HELLO)[..20]), Err(FetchError::Body));
        assert_eq!(decode(&files, &gzip(&spaces())), Err(FetchError::TooLarge(LIMIT)));
    }
}
