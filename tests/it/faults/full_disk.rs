//! A full disk: a small file system in memory, in a mount namespace that the server is started in and that ends with
//! it.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::load::{Accounts, Node, Run, RunResult};
use crate::support::app::Backend;
use crate::support::binary::clear_environment;

/// Enough for the database at the beginning of the test.
const DISK: &str = "size=24m";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_with_507_and_loses_nothing() {
    let mut node = Node::prepare(Backend::Sqlite, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Accounts::create(&node);
    node.start_as(on_a_small_disk(node.folder()));
    // The folder's path inside the server's namespace.
    let folder = format!("/proc/{}/root{}", node.server().id(), node.folder().display());
    let run = Run::start(node, cast).await;
    run.wait_for_acknowledged(50).await;

    let ballast = fill(Path::new(&folder));
    run.wait_for_refused(507, 20).await;
    std::fs::remove_file(ballast).unwrap();
    run.wait_for_acknowledged(100).await;

    let ended = run.finish().await;
    ended.assert_clean();
    let full = ended.refused.iter().find(|(refusal, _)| refusal.status == 507).unwrap().0;
    assert_eq!(full.code, "insufficient_storage");
    assert_eq!(full.detail, "The server has no room to store this; nothing was changed.");
    assert_refusals(&ended, &[507, 503]);
    ended.node.remove().await;
}

/// Asserts that only explained refusals occurred, each with a detail; `lease_lost` is always explained.
#[track_caller]
pub fn assert_refusals(ended: &RunResult, statuses: &[u16]) {
    for refusal in ended.refused.keys() {
        let is_lost_lease = refusal.code == "lease_lost";
        assert!(statuses.contains(&refusal.status) || is_lost_lease, "{:#?}", ended.refused);
        assert!(!refusal.detail.is_empty(), "{refusal:?}");
        assert!(refusal.status != 503 || refusal.has_retry_after, "{refusal:?}");
    }
}

/// The server's command, in a namespace where `folder` is a file system of its own with the files of `folder`.
fn on_a_small_disk(folder: &Path) -> Command {
    let root = rustix::process::geteuid().is_root();
    let script = r#"
        set -e
        kept=$(mktemp -d)
        cp -a "$2/." "$kept"
        mount -t tmpfs -o "$1" lotline "$2"
        cp -a "$kept/." "$2"
        rm -rf "$kept"
        exec "$0" serve"#;
    let mut command = Command::new("unshare");
    if !root {
        // A user other than root becomes root in a user namespace, where the kernel allows those.
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_lotline"), DISK]).arg(folder);
    clear_environment(&mut command);
    command
}

/// Writes a file that fills the disk.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("ballast");
    let mut file = File::create(&path).unwrap();
    for bytes in [64 * 1024, 512] {
        loop {
            match file.write(&vec![7; bytes]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
    path
}
