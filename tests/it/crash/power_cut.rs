//! Repeated power cuts: the store is on a disk where `bench/power_cut_disk.py` drops unflushed sectors at random.
//! Needs root, /dev/fuse and a free loop device: `bench/power_cut`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lotline::base::clock::Clock;
use lotline::base::entropy::Entropy;
use serde_json::Value;

use super::rounds;
use crate::history::Kind;
use crate::load::{Accounts, Node, Run};
use crate::support::app::Backend;
use crate::support::binary::clear_environment;
use crate::support::wait::eventually;

const DISK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/power_cut_disk.py");
const SIZE: &str = "512M";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, /dev/fuse and a loop device: bench/power_cut"]
async fn nothing_that_was_acknowledged_is_lost_when_the_power_goes() {
    let rounds = rounds(50);
    let (mut node, cast, disk) = node_on_a_disk().await;
    node.start_as(disk.boots(node.folder()));
    let mut run = Run::start(node, cast).await;

    let mut seen = DiskReport::default();
    for _ in 0..rounds {
        run.wait_for_acknowledged(5 + Entropy.below(60)).await;
        Clock::system().sleep(Duration::from_micros(Entropy.below(50_000))).await;
        seen.add(&disk.cut().await);
        run.node.kill();
        run.node.start_as(disk.boots(run.node.folder()));
    }

    let ended = run.finish().await;
    ended.assert_clean();
    assert!(ended.acknowledged > rounds * 5, "{} writes were acknowledged", ended.acknowledged);
    assert!(seen.unflushed > seen.kept, "no cut took anything away: {seen:?}");
    let (entries, acknowledged, cuts) = (ended.entries(), ended.acknowledged, ended.cuts);
    eprintln!(
        "{rounds} power cuts: {entries} events in the logs, {acknowledged} acknowledged writes, readers cut {cuts} \
         times, {seen:?}, no faults"
    );
    ended.node.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, /dev/fuse and a loop device: bench/power_cut"]
async fn commits_that_do_not_wait_for_the_disk_are_seen_to_be_lost() {
    let rounds = rounds(10);

    let mut lost = Vec::new();
    for _ in 0..rounds {
        let (mut node, cast, disk) = node_on_a_disk().await;
        let mut careless = disk.boots(node.folder());
        careless.env("LOTLINE_FAILPOINT_UNSYNCED", "1");
        node.start_as(careless);
        let mut run = Run::start(node, cast).await;
        run.wait_for_acknowledged(50 + Entropy.below(60)).await;
        disk.cut().await;
        run.node.kill();
        run.node.start_as(disk.boots(run.node.folder()));
        let ended = run.finish().await;
        let faults = ended.history.faults();
        lost.push(faults.iter().filter(|fault| fault.kind == Kind::Lost).count());
        ended.node.remove().await;
    }

    let caught = lost.iter().filter(|count| **count > 0).count();
    eprintln!(
        "synchronous=NORMAL: caught in {caught} of {rounds} power cuts; acknowledged and lost: {lost:?}"
    );
    assert!(lost.iter().all(|count| *count > 0), "a loss was not noticed: {lost:?}");
}

/// A node that is not started, with its accounts made, and a disk with its files.
async fn node_on_a_disk() -> (Node, Accounts, Disk) {
    let node = Node::prepare(Backend::Sqlite, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Accounts::create(&node);
    let disk = Disk::with(node.folder());
    (node, cast, disk)
}

struct Disk {
    folder: tempfile::TempDir,
}

/// What the power cuts destroyed.
#[derive(Debug, Default)]
struct DiskReport {
    flushes: u64,
    /// Sectors that were written and not flushed at the power cut, and those of them that reached the disk.
    unflushed: u64,
    kept: u64,
}

impl Disk {
    /// A disk with the files of `folder`.
    fn with(folder: &Path) -> Self {
        let disk = Self { folder: tempfile::tempdir().unwrap() };
        let image = std::fs::File::create(disk.image()).unwrap();
        drop(image);
        run(Command::new("truncate").args(["--size", SIZE]).arg(disk.image()));
        let options = "lazy_itable_init=0,lazy_journal_init=0";
        let mut format = Command::new("mkfs.ext4");
        run(format.args(["-q", "-F", "-E", options, "-d"]).arg(folder).arg(disk.image()));
        disk
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    /// The server's command with the disk at `folder`, in a namespace of its own.
    fn boots(&self, folder: &Path) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "python3", DISK]).arg(self.image()).arg(folder);
        command.arg(Entropy.below(u64::from(u32::MAX)).to_string());
        command.args([env!("CARGO_BIN_EXE_lotline"), "serve"]);
        clear_environment(&mut command);
        command
    }

    /// Cuts the power and returns what was lost. The server runs on without a disk until it is killed.
    async fn cut(&self) -> Value {
        let received = self.folder.path().join("image.cut");
        let process = std::fs::read_to_string(self.folder.path().join("image.pid")).unwrap();
        let process = rustix::process::Pid::from_raw(process.parse().unwrap()).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::USR1).unwrap();
        eventually("the power to go", async || received.exists()).await;
        let report = std::fs::read_to_string(&received).unwrap();
        std::fs::remove_file(received).unwrap();
        serde_json::from_str(&report).unwrap()
    }
}

impl DiskReport {
    fn add(&mut self, report: &Value) {
        let count = |name: &str| report[name].as_u64().unwrap();
        self.flushes += count("flushes");
        self.unflushed += count("unflushed_sectors");
        self.kept += count("kept_sectors");
    }
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
