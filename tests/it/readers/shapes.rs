//! The table of hostile shapes: CPU time and peak memory of a reader process and of this process, which does all that
//! the server does with a page except fetching it. Compressed pages go through a server.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use lotline::crawler::hostile::{ROBOTS_FILES, Shape, page, pages, via_readers};
use lotline::crawler::reader::{ReadFailure, ReaderPool, ReaderProgram, ReaderSettings};
use lotline::telemetry::metrics::Metrics;

use super::node::{Node, Reader, readers_of};
use super::site::Site;

const MIB: usize = 1024 * 1024;
/// The size of a page of the table, and of the longest robots.txt that is read.
const PAGE: usize = 256 * 1024;
const ROBOTS: usize = 500 * 1024;
/// The reader's memory per byte of a page: its budget, and a debug build's overhead.
const READER_BYTES_PER_BYTE: usize = 150;
/// The memory of this process per byte: the page, the answer, and both as values.
const SERVER_BYTES_PER_BYTE: usize = 24;
const SLACK: usize = 12 * MIB;
/// CPU time of a debug build; an optimized one takes less than a tenth of it.
const MOST_CPU: Duration = Duration::from_secs(8);

/// The cost of one input in one process.
#[derive(Debug)]
struct Cost {
    cpu: Duration,
    grown: usize,
}

/// The state of a process before an input.
struct Before {
    process: Reader,
    cpu: Duration,
    resident: usize,
}

impl Before {
    fn of(process: Reader) -> Self {
        // proc(5): writing 5 resets the peak to the current resident size.
        fs::write(process.path("clear_refs"), "5").unwrap();
        Self { process, cpu: process.cpu(), resident: process.bytes("VmRSS") }
    }

    fn cost(&self) -> Cost {
        let grown = self.process.bytes("VmHWM").saturating_sub(self.resident);
        Cost { cpu: self.process.cpu().saturating_sub(self.cpu), grown }
    }
}

fn pool() -> ReaderPool {
    let settings = ReaderSettings {
        program: ReaderProgram::Path(env!("CARGO_BIN_EXE_lotline").into()),
        readers: NonZeroUsize::new(1),
        page_time: Duration::from_secs(60),
        ..ReaderSettings::default()
    };
    ReaderPool::new(settings, 8 * MIB, Arc::new(Metrics::default()))
}

#[expect(clippy::print_stdout, reason = "a row of the table, for those who run this with --no-capture")]
fn print(row: &str) {
    println!("{row}");
}

/// Parses an input and asserts the cost in reader and server.
async fn measure<T>(name: &str, bytes: usize, read: impl Future<Output = Result<T, ReadFailure>>) {
    let own = std::process::id();
    let reader = readers_of(own).pop().unwrap_or_else(|| panic!("{name}: there is no reader"));
    let (reader_before, server_before) = (Before::of(reader), Before::of(Reader::from(own)));

    let answer = read.await;

    assert!(answer.is_ok(), "{name}: {:?}", answer.err());
    let (reader, server) = (reader_before.cost(), server_before.cost());
    print(&format!("{name}: {bytes} bytes, reader {reader:?}, server {server:?}"));
    assert!(reader.cpu + server.cpu <= MOST_CPU, "{name}: {reader:?} {server:?}");
    assert!(reader.grown <= bytes * READER_BYTES_PER_BYTE + SLACK, "{name}: {reader:?}");
    assert!(server.grown <= bytes * SERVER_BYTES_PER_BYTE + SLACK, "{name}: {server:?}");
}

async fn read_pages(shapes: impl Iterator<Item = Shape>) {
    let readers = pool();
    readers.open().await;
    for shape in shapes {
        let page = page(&shape, PAGE);
        measure(shape.name, page.html.len(), via_readers::read_page(&readers, page)).await;
    }
    readers.close().await;
}

#[tokio::test]
async fn every_hostile_page_costs_reader_and_server_in_proportion_to_its_size() {
    read_pages(pages()).await;
}

#[tokio::test]
async fn every_hostile_robots_file_costs_reader_and_server_in_proportion_to_its_size() {
    let readers = pool();
    readers.open().await;
    for shape in ROBOTS_FILES {
        let text = (shape.make)(ROBOTS);
        measure(shape.name, text.len(), via_readers::read_robots(&readers, text)).await;
    }
    readers.close().await;
}

/// gzip with `members` members, each of them `text` repeated `times` times.
fn gzip(text: &[u8], times: usize, members: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..members {
        let mut encoder = GzEncoder::new(&mut body, Compression::best());
        for _ in 0..times {
            encoder.write_all(text).unwrap();
        }
        encoder.finish().unwrap();
    }
    body
}

/// A header of RFC 1952, then empty blocks of RFC 1951.
fn empty_blocks(bytes: usize) -> Vec<u8> {
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    body.extend([0, 0, 0, 0xff, 0xff].repeat(bytes / 5));
    body
}

/// To the reader an unpacked page is one of the table; here the cost is the server's, which unpacks it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_compressed_page_costs_the_server_no_more_than_the_largest_page() {
    const LARGER: &str = "the body is larger than";
    const UNREADABLE: &str = "could not be read";
    let block = vec![b' '; MIB];
    let shapes = [
        // 256 MiB of blanks in 256 KiB, as one stream and as many.
        ("/one_stream", gzip(&block, 256, 1), Some(LARGER)),
        ("/streams", gzip(&block, 4, 64), Some(LARGER)),
        ("/empty_streams", gzip(b"", 0, 20_000), None),
        // 12 MiB that unpack to nothing.
        ("/empty_blocks", empty_blocks(12 * MIB), Some(LARGER)),
        // Within the size limit of a page, and hostile when parsed.
        ("/tags", gzip(&b"<i></i>".repeat(1024), 700, 1), None),
        ("/beginnings", gzip(&b"<".repeat(1024), 7 * 1024, 1), None),
        ("/cut", gzip(&block, 2, 1)[..1_000].to_vec(), Some(UNREADABLE)),
        ("/twice", gzip(&gzip(&block, 64, 1), 1, 1), None),
    ];
    let site = Site::open(shapes.clone().map(|(path, body, _)| (path, body))).await;
    let settings = [("LOTLINE__CRAWLER__READER_SECONDS", "60"), ("LOTLINE__CRAWLER__RETRIES", "0")];
    let (node, person) = Node::start(&site.address.to_string(), &settings);

    for (path, body, error) in shapes {
        let before = Before::of(Reader::from(node.server.id()));
        let job = node.starts_a_crawl(&person, &[site.url(path)]).await;
        let job = node.sees_the_end_of(&person, job).await;

        let server = before.cost();
        print(&format!("{path}: {} bytes, server {server:?}", body.len()));
        match error {
            Some(words) => {
                assert!(job["error"].as_str().unwrap_or_default().contains(words), "{path}: {job}");
            }
            None => assert_eq!(
                (&job["status"], &job["pages_crawled"]),
                (&"completed".into(), &1.into()),
                "{path}"
            ),
        }
        assert!(server.grown <= 64 * MIB, "{path}: {server:?}");
    }
}
