//! The main loop of a reader process: limit itself, say so, answer requests one at a time, end with its pipe. It is
//! entered before configuration, tracing and tokio start, and knows nothing but what comes through the pipe.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Read, Stdin};
use std::os::fd::AsFd;
use std::process::ExitCode;

use super::handler;
#[cfg(target_os = "linux")]
use super::sandbox;
use super::settings::Limits;
use super::wire::{Hello, MAX_HEAD_BYTES, MalformedFrame, REQUEST_HEADER_BYTES, frame};
use crate::base::text;

/// The hidden subcommand. It takes its limits as arguments, because a reader has no environment.
pub const SUBCOMMAND: &str = "read-pages-from-stdin";
/// Of a panic's place in the source.
const MAX_LOCATION: usize = 200;

/// What the parent runs: `lotline VERB memory_bytes page_seconds`.
pub(super) fn arguments(limits: Limits) -> [String; 3] {
    [SUBCOMMAND.to_owned(), limits.memory_bytes.to_string(), limits.page_seconds.to_string()]
}

/// Whether this process was started as a reader, and with which limits.
pub fn parse_limits(arguments: impl IntoIterator<Item = OsString>) -> Option<Limits> {
    let arguments: Option<Vec<String>> =
        arguments.into_iter().skip(1).take(4).map(|argument| argument.into_string().ok()).collect();
    match arguments?.as_slice() {
        [verb, memory, seconds] if verb == SUBCOMMAND => {
            Some(Limits { memory_bytes: memory.parse().ok()?, page_seconds: seconds.parse().ok()? })
        }
        _ => None,
    }
}

/// Reads pages until the pipe ends.
pub fn run(limits: Limits) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        PANICKED.set(text::truncate(&location, MAX_LOCATION).to_owned());
    }));
    let layers = sandbox::enter(limits);
    match send_hello(layers).and_then(|()| serve_requests(limits)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Elsewhere a reader has no sandbox.
#[cfg(not(target_os = "linux"))]
mod sandbox {
    use crate::crawler::reader::settings::Limits;

    pub(super) fn enter(_: Limits) -> Vec<&'static str> {
        Vec::new()
    }

    pub(super) fn begin_page(_: Limits) {}
}

thread_local! {
    /// Where the last panic was.
    static PANICKED: RefCell<String> = const { RefCell::new(String::new()) };
}

fn send_hello(layers: Vec<&'static str>) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let layers = layers.into_iter().map(str::to_owned).collect();
    write_all(&frame(&Hello { version, layers }).map_err(invalid)?)
}

fn serve_requests(limits: Limits) -> io::Result<()> {
    let input = io::stdin();
    while let Some(lengths) = read_lengths(&input)? {
        sandbox::begin_page(limits);
        let (head, body) = (read_part(&input, lengths.head)?, read_part(&input, lengths.body)?);
        write_all(&handler::respond(&head, body, None, || PANICKED.take()).map_err(invalid)?)?;
    }
    Ok(())
}

struct Lengths {
    head: usize,
    body: usize,
}

/// The lengths of the next request; `None` at the end of the pipe.
fn read_lengths(mut input: &Stdin) -> io::Result<Option<Lengths>> {
    let mut bytes = [0; REQUEST_HEADER_BYTES];
    if input.read(&mut bytes[..1])? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut bytes[1..])?;
    let [a, b, c, d, e, f, g, h] = bytes;
    let lengths = [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])];
    let [head, body] = lengths.map(|length| length as usize);
    if head > MAX_HEAD_BYTES { Err(invalid(MalformedFrame)) } else { Ok(Some(Lengths { head, body })) }
}

fn read_part(input: &Stdin, bytes: usize) -> io::Result<Vec<u8>> {
    // With its whole room at once, so that the bytes go from the pipe to their place without a copy between.
    let mut part = Vec::with_capacity(bytes);
    if input.take(bytes as u64).read_to_end(&mut part)? < bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(part)
}

/// Not through `Stdout`, which looks for lines in what it writes.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let output = io::stdout();
    while !bytes.is_empty() {
        match rustix::io::write(output.as_fd(), bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn invalid(error: MalformedFrame) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Limits> {
        parse_limits(line.split(' ').map(OsString::from))
    }

    #[test]
    fn only_the_hidden_subcommand_with_its_limits_starts_a_reader() {
        let limits = Limits { memory_bytes: 1_024, page_seconds: 3 };
        let line = format!("lotline {}", arguments(limits).join(" "));

        assert_eq!(parse(&line), Some(limits));
        for other in ["lotline", "lotline serve", "lotline read-pages-from-stdin", "lotline serve 1 2"] {
            assert_eq!(parse(other), None, "{other}");
        }
        assert_eq!(parse(&format!("{line} more")), None);
        assert_eq!(parse("lotline read-pages-from-stdin much 3"), None);
    }
}
