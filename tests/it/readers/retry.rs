//! While no reader process can be started, a node parses pages on threads.

use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use lotline::crawler::hostile::{page, pages, via_readers};
use lotline::crawler::reader::{ReaderPool, ReaderProgram, ReaderSettings};
use lotline::telemetry::metrics::{Metrics, SandboxLayer};

use super::node::readers_of;
use crate::support::wait::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_replace_threads_when_one_can_be_started() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("reader");
    let settings = ReaderSettings {
        program: ReaderProgram::Path(program.clone()),
        readers: NonZeroUsize::new(1),
        start_retry: Duration::ZERO,
        ..ReaderSettings::default()
    };
    let metrics = Arc::new(Metrics::default());
    let readers = ReaderPool::new(settings, 1024 * 1024, Arc::clone(&metrics));
    let shape = pages().next().unwrap();

    via_readers::read_page(&readers, page(&shape, 1_000)).await.unwrap();
    let at_first = metrics.reader_sandbox.of(SandboxLayer::Process).get();
    symlink(env!("CARGO_BIN_EXE_lotline"), &program).unwrap();
    eventually("a page to be read by a process", async || {
        via_readers::read_page(&readers, page(&shape, 1_000)).await.unwrap();
        metrics.reader_sandbox.of(SandboxLayer::Process).get() == Some(true)
    })
    .await;
    via_readers::read_page(&readers, page(&shape, 1_000)).await.unwrap();

    assert_eq!(at_first, Some(false));
    assert_eq!(readers_of(std::process::id()).len(), 1);
    readers.close().await;
    assert!(readers_of(std::process::id()).is_empty());
}
