//! The wall clock jumps hours forward and back under a running server, as when a wrong clock is corrected.

use std::path::{Path, PathBuf};

use super::full_disk::assert_refusals;
use crate::load::{Accounts, Node, Run};
use crate::support::app::Backend;
use crate::support::binary::lotline;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_clock_that_is_moved_forth_and_back_loses_nothing() {
    let mut node = Node::prepare(Backend::Sqlite, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Accounts::create(&node);
    let offset = node.folder().join("offset");
    moves(&offset, "+0");
    let mut command = lotline(&["serve"]);
    command
        .env("LD_PRELOAD", libfaketime())
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    node.start_as(command);
    let run = Run::start(node, cast).await;
    run.wait_for_acknowledged(50).await;

    for jump in ["+3h", "+0", "+1h", "+0"] {
        moves(&offset, jump);
        run.wait_for_acknowledged(150).await;
    }

    let ended = run.finish().await;
    ended.assert_clean();
    // Sockets stay open: a clock jump must not end a socket with a valid token.
    assert_eq!(ended.cuts, 0);
    assert_refusals(&ended, &[]);
    ended.node.remove().await;
}

/// Writes the offset atomically: the server may read it at any moment.
fn moves(file: &Path, offset: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{offset}\n")).unwrap();
    std::fs::rename(new, file).unwrap();
}

fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    found.expect("libfaketime is not installed; run scripts/install")
}
