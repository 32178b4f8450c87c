//! Another process holds the database's lock, for example an operator with a tool.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::full_disk::assert_refusals;
use crate::load::{Accounts, Node, Run};
use crate::support::app::Backend;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_another_process_has_locked_refuses_with_503_and_loses_nothing() {
    let mut node = Node::prepare(Backend::Sqlite, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Accounts::create(&node);
    node.start(&[]);
    let database = node.folder().join("lotline.db");
    let run = Run::start(node, cast).await;
    run.wait_for_acknowledged(50).await;

    let lock = Lock::take(&database);
    // Reads still succeed.
    let tenant = run.cast.tenants[0].clone();
    let whereabouts = run.node.client();
    whereabouts.get(&tenant.admin, "/api/v1/properties").await.expect_done("a list under the lock");
    run.wait_for_refused(503, 1).await;
    drop(lock);
    run.wait_for_acknowledged(100).await;

    let ended = run.finish().await;
    ended.assert_clean();
    assert_refusals(&ended, &[503]);
    ended.node.remove().await;
}

/// A process that holds the only write lock until it is dropped.
struct Lock(Child);

impl Lock {
    fn take(database: &Path) -> Self {
        let script = "import sqlite3, sys\n\
            held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n\
            held.execute('BEGIN EXCLUSIVE')\n\
            print('locked', flush=True)\n\
            sys.stdin.read()\n";
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(database).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        Self(child)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
