//! One reader process, seen from the parent: started bare, given one request at a time, ended by its pipe or by
//! force.

use std::io::{self, IoSlice};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::child;
use super::settings::Limits;
use super::wire::{Hello, MAX_RESPONSE_BYTES, RESPONSE_HEADER_BYTES, parse};

/// How long a process may take from its start to its first frame.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// What a pipe may hold, where the system lets it: most pages then go through it in one piece.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1024 * 1024;
/// A hello is some names.
const MAX_HELLO_BYTES: usize = 4 * 1024;
/// Pages that one process reads.
const MAX_PAGES: u32 = 1_000;
/// A page beyond this leaves its reader's memory in pieces, which would count against the next page.
const LARGE_PAGE_BYTES: usize = 1024 * 1024;

/// A reader. Dropping it kills it.
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    pages: u32,
    should_be_replaced: bool,
}

/// Why a reader gave no answer.
#[derive(Debug)]
pub(super) enum NoResponse {
    /// It has ended, or is about to.
    Exited,
    /// It sent what no reader sends.
    Malformed,
}

impl Process {
    /// Starts a reader and waits until it has limited itself.
    pub(super) async fn start(program: &Path, limits: Limits) -> io::Result<(Self, Hello)> {
        let mut command = Command::new(program);
        command
            .arg0("lotline")
            .args(child::arguments(limits))
            .env_clear()
            .current_dir("/")
            // Ctrl-C at the terminal is for the server, which ends its readers itself.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        // A smaller pipe only costs more switches.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&input, PIPE_BYTES);
        let mut process = Self { child, input, output, pages: 0, should_be_replaced: false };
        let hello = timeout(START_TIMEOUT, read_frame(&mut process.output, MAX_HELLO_BYTES)).await?;
        let hello: Hello = hello.map_err(io::Error::from).and_then(|bytes| {
            parse(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        })?;
        if hello.version != env!("CARGO_PKG_VERSION") {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the reader is of another version"));
        }
        Ok((process, hello))
    }

    /// Asks for one page. After a failure the process is to be killed, and so it is when this is dropped half-way.
    pub(super) async fn ask(&mut self, head: &[u8], body: &[u8]) -> Result<Vec<u8>, NoResponse> {
        self.pages += 1;
        self.should_be_replaced |= self.pages >= MAX_PAGES || body.len() > LARGE_PAGE_BYTES;
        // Without its reader at the other end the pipe breaks, whatever of the page is already through.
        write_both(&mut self.input, head, body).await.map_err(|_| NoResponse::Exited)?;
        read_frame(&mut self.output, MAX_RESPONSE_BYTES).await
    }

    /// Whether another process should read the next page.
    pub(super) fn should_be_replaced(&self) -> bool {
        self.should_be_replaced
    }

    /// Whether it has ended while it had nothing to do, such as by the system's killer.
    pub(super) fn has_exited(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) fn kill(&mut self) {
        // Fails only for a process that has ended.
        let _ = self.child.start_kill();
    }

    /// Waits for its end. Cancel-safe.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

impl From<NoResponse> for io::Error {
    fn from(no_answer: NoResponse) -> Self {
        match no_answer {
            NoResponse::Exited => io::ErrorKind::UnexpectedEof.into(),
            NoResponse::Malformed => io::ErrorKind::InvalidData.into(),
        }
    }
}

/// Both parts in one call where they fit, and without joining them first.
async fn write_both(output: &mut (impl AsyncWrite + Unpin), head: &[u8], body: &[u8]) -> io::Result<()> {
    let mut slices = [IoSlice::new(head), IoSlice::new(body)];
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match output.write_vectored(left).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => IoSlice::advance_slices(&mut left, written),
        }
    }
    output.flush().await
}

async fn read_frame(input: &mut (impl AsyncRead + Unpin), most: usize) -> Result<Vec<u8>, NoResponse> {
    let mut length = [0; RESPONSE_HEADER_BYTES];
    input.read_exact(&mut length).await.map_err(|_| NoResponse::Exited)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(NoResponse::Malformed);
    }
    let mut frame = Vec::with_capacity(length);
    let read = input.take(length as u64).read_to_end(&mut frame).await;
    if read.is_ok_and(|read| read == length) { Ok(frame) } else { Err(NoResponse::Exited) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_goes_out_whole_through_a_narrow_pipe() {
        let (mut near, mut far) = tokio::io::duplex(7);
        let (head, body) = (vec![1; 50], vec![2; 100]);
        let mut read = Vec::new();

        let (written, _) = tokio::join!(
            async { write_both(&mut near, &head, &body).await.map(|()| drop(near)) },
            far.read_to_end(&mut read)
        );

        assert!(written.is_ok());
        assert_eq!(read, [head, body].concat());
    }

    #[tokio::test]
    async fn a_frame_that_claims_too_much_or_breaks_off_is_none() {
        let long = (9_u32).to_le_bytes();
        assert!(matches!(read_frame(&mut &long[..], 8).await, Err(NoResponse::Malformed)));
        assert!(matches!(read_frame(&mut &long[..], 9).await, Err(NoResponse::Exited)));
        assert!(matches!(read_frame(&mut &long[..2], 9).await, Err(NoResponse::Exited)));
        assert_eq!(read_frame(&mut &b"\x02\0\0\0hi"[..], 2).await.unwrap(), b"hi");
    }
}
