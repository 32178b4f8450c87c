//! The stages of a decoder. Each takes bytes, decodes them and writes what comes out to the next one; the last keeps
//! the body. Bytes of untrusted hosts pass here: no stage holds more than its window and one buffer.

use std::io::{self, Write};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::DParameter;

/// Bytes that a stage decodes at a time.
const OUTPUT_BYTES: usize = 32 * 1024;
/// Windows of 8 MiB (RFC 9659 section 3).
const ZSTD_WINDOW_LOG: u32 = 23;
/// How a gzip file with deflated data begins (RFC 1952 section 2.3.1).
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// One stage.
pub(super) trait Stage: Write + Send {
    /// The input has ended. An error when it breaks off.
    fn end(&mut self) -> io::Result<()>;
    /// What the last stage keeps.
    fn body(&self) -> &LimitedBuffer;
    fn body_mut(&mut self) -> &mut LimitedBuffer;
}

/// The last stage: keeps up to `limit` bytes, and fails at the first one beyond.
#[derive(Default)]
pub(super) struct LimitedBuffer {
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl LimitedBuffer {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, is_full: false }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there was more than fits.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

impl Write for LimitedBuffer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let fits = data.len().min(self.limit - self.bytes.len());
        self.is_full |= fits < data.len();
        if fits == 0 && !data.is_empty() {
            return Err(io::Error::other("the body is larger than its limit"));
        }
        self.bytes.extend_from_slice(&data[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stage for LimitedBuffer {
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn body(&self) -> &LimitedBuffer {
        self
    }

    fn body_mut(&mut self) -> &mut LimitedBuffer {
        self
    }
}

/// Passes up to `left` bytes on, and counts what is beyond as a body that is too large.
pub(super) struct LimitedStage {
    next: Box<dyn Stage>,
    left: usize,
}

impl LimitedStage {
    pub(super) fn new(next: Box<dyn Stage>, limit: usize) -> Self {
        Self { next, left: limit }
    }
}

impl Write for LimitedStage {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() > self.left {
            self.next.body_mut().is_full = true;
            return Err(io::Error::other("a layer of the body is larger than its limit"));
        }
        self.left -= data.len();
        self.next.write_all(data)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

impl Stage for LimitedStage {
    fn end(&mut self) -> io::Result<()> {
        self.next.end()
    }

    fn body(&self) -> &LimitedBuffer {
        self.next.body()
    }

    fn body_mut(&mut self) -> &mut LimitedBuffer {
        self.next.body_mut()
    }
}

pub(super) struct Gzip {
    inner: MultiGzDecoder<Box<dyn Stage>>,
    is_empty: bool,
}

impl Gzip {
    pub(super) fn new(next: Box<dyn Stage>) -> Self {
        Self { inner: MultiGzDecoder::new(next), is_empty: true }
    }
}

impl Write for Gzip {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.is_empty &= data.is_empty();
        self.inner.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Stage for Gzip {
    fn end(&mut self) -> io::Result<()> {
        if !self.is_empty {
            self.inner.try_finish()?;
        }
        self.inner.get_mut().end()
    }

    fn body(&self) -> &LimitedBuffer {
        self.inner.get_ref().body()
    }

    fn body_mut(&mut self) -> &mut LimitedBuffer {
        self.inner.get_mut().body_mut()
    }
}

/// With or without the zlib wrapper, which the first two bytes tell.
pub(super) struct Deflate {
    next: Box<dyn Stage>,
    /// The bytes before that is known.
    start: Vec<u8>,
    state: Option<Decompress>,
    output: Vec<u8>,
    has_ended: bool,
}

impl Deflate {
    pub(super) fn new(next: Box<dyn Stage>) -> Self {
        Self { next, start: Vec::new(), state: None, output: vec![0; OUTPUT_BYTES], has_ended: false }
    }

    fn inflate(&mut self, mut input: &[u8]) -> io::Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        // What comes behind the end is ignored, as browsers do.
        while !self.has_ended {
            let (read_before, written_before) = (state.total_in(), state.total_out());
            let status = state.decompress(input, &mut self.output, FlushDecompress::None)?;
            let read = (state.total_in() - read_before) as usize;
            let written = (state.total_out() - written_before) as usize;
            self.next.write_all(&self.output[..written])?;
            input = &input[read..];
            self.has_ended = status == Status::StreamEnd;
            if input.is_empty() && written < self.output.len() {
                break;
            }
            if read == 0 && written == 0 && !self.has_ended {
                return Err(invalid());
            }
        }
        Ok(())
    }
}

impl Write for Deflate {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.state.is_some() {
            self.inflate(data)?;
            return Ok(data.len());
        }
        self.start.extend_from_slice(data);
        if let Some([first, second]) = self.start.first_chunk::<2>().copied() {
            self.state = Some(Decompress::new(is_zlib_header(first, second)));
            let start = std::mem::take(&mut self.start);
            self.inflate(&start)?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

impl Stage for Deflate {
    fn end(&mut self) -> io::Result<()> {
        let is_empty = self.state.is_none() && self.start.is_empty();
        if !is_empty && !self.has_ended {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.next.end()
    }

    fn body(&self) -> &LimitedBuffer {
        self.next.body()
    }

    fn body_mut(&mut self) -> &mut LimitedBuffer {
        self.next.body_mut()
    }
}

/// RFC 1950 section 2.2: the method is 8, and both bytes together are a multiple of 31.
fn is_zlib_header(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

pub(super) struct Brotli {
    next: Box<dyn Stage>,
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    output: Vec<u8>,
    written: usize,
    is_empty: bool,
    has_ended: bool,
}

impl Brotli {
    pub(super) fn new(next: Box<dyn Stage>) -> Self {
        let alloc = StandardAlloc::default;
        // Without the large windows of Brotli's own extension. The window grows with what is decoded.
        let state = Box::new(BrotliState::new_strict(alloc(), alloc(), alloc()));
        Self { next, state, output: vec![0; OUTPUT_BYTES], written: 0, is_empty: true, has_ended: false }
    }
}

impl Write for Brotli {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.is_empty &= data.is_empty();
        let (mut available, mut at) = (data.len(), 0);
        // What comes behind the end is ignored, as browsers do.
        while !self.has_ended {
            let (mut room, mut written) = (self.output.len(), 0);
            let result = BrotliDecompressStream(
                &mut available,
                &mut at,
                data,
                &mut room,
                &mut written,
                &mut self.output,
                &mut self.written,
                &mut self.state,
            );
            self.next.write_all(&self.output[..written])?;
            match result {
                BrotliResult::ResultSuccess => self.has_ended = true,
                BrotliResult::NeedsMoreInput => break,
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure => return Err(invalid()),
            }
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

impl Stage for Brotli {
    fn end(&mut self) -> io::Result<()> {
        if !self.is_empty && !self.has_ended {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.next.end()
    }

    fn body(&self) -> &LimitedBuffer {
        self.next.body()
    }

    fn body_mut(&mut self) -> &mut LimitedBuffer {
        self.next.body_mut()
    }
}

pub(super) struct Zstd {
    inner: zstd::stream::write::Decoder<'static, Box<dyn Stage>>,
    is_empty: bool,
    /// Something was written since the last flush. A flush without any counts as no progress, and a few of them are an
    /// error of the library.
    has_news: bool,
}

impl Zstd {
    pub(super) fn new(next: Box<dyn Stage>) -> io::Result<Self> {
        let mut decoder = zstd::stream::raw::Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
        let inner = zstd::stream::write::Decoder::with_decoder(next, decoder);
        Ok(Self { inner, is_empty: true, has_news: false })
    }
}

impl Write for Zstd {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.is_empty &= data.is_empty();
        self.has_news |= !data.is_empty();
        self.inner.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.has_news) { self.inner.flush() } else { Ok(()) }
    }
}

impl Stage for Zstd {
    fn end(&mut self) -> io::Result<()> {
        if !self.is_empty {
            self.inner.do_finish()?;
        }
        self.inner.get_mut().end()
    }

    fn body(&self) -> &LimitedBuffer {
        self.inner.get_ref().body()
    }

    fn body_mut(&mut self) -> &mut LimitedBuffer {
        self.inner.get_mut().body_mut()
    }
}

/// Unpacks a body that is a gzip file itself, such as `sitemap.xml.gz`, and passes any other one on.
pub(super) struct GzipFile {
    next: Box<dyn Stage>,
    /// The bytes before it is known; `None` afterwards.
    start: Option<Vec<u8>>,
}

impl GzipFile {
    pub(super) fn new(next: Box<dyn Stage>) -> Self {
        Self { next, start: Some(Vec::new()) }
    }

    fn decide(&mut self, start: &[u8]) -> io::Result<()> {
        self.start = None;
        if start.starts_with(&GZIP_MAGIC) {
            let next = std::mem::replace(&mut self.next, Box::new(LimitedBuffer::default()));
            self.next = Box::new(Gzip::new(next));
        }
        self.next.write_all(start)
    }
}

impl Write for GzipFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match &mut self.start {
            None => self.next.write_all(data)?,
            Some(start) => {
                start.extend_from_slice(data);
                if start.len() >= GZIP_MAGIC.len() {
                    let start = std::mem::take(start);
                    self.decide(&start)?;
                }
            }
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.start.is_none() { self.next.flush() } else { Ok(()) }
    }
}

impl Stage for GzipFile {
    fn end(&mut self) -> io::Result<()> {
        if let Some(start) = self.start.take() {
            self.decide(&start)?;
        }
        self.next.end()
    }

    fn body(&self) -> &LimitedBuffer {
        self.next.body()
    }

    fn body_mut(&mut self) -> &mut LimitedBuffer {
        self.next.body_mut()
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
