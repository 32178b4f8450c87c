//! Readers end with the cancelled job or with the server, however the server ends. Replacing the program's file does
//! not affect a running server.

use std::fs;

use rustix::process::Signal;

use super::node::{Node, Person, Reader};
use super::pages::home;
use super::site::Site;
use crate::support::settings::Setting;
use crate::support::wait::eventually;

/// A page may take longer than any of these tests.
const PATIENT: Setting = ("LOTLINE__CRAWLER__READER_SECONDS", "600");

/// A server with one reader, which hangs on a page, and the job that waits for that page.
async fn stuck() -> (Node, Person, Site, Reader, i64) {
    let site = Site::open([("/", home(1)), ("/h/2", home(2))]).await;
    let (node, person) = Node::start(&site.address.to_string(), &[PATIENT]);
    let reader = node.readers().await[0];
    reader.suspend().await;
    let job = node.starts_a_crawl(&person, &[site.url("/"), site.url("/h/2")]).await;
    // The second page is requested while the first one is in the reader.
    site.wait_for_request("/").await;
    site.wait_for_request("/h/2").await;
    (node, person, site, reader, job)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_job_ends_its_reader_and_the_next_page_finds_another() {
    let (node, person, site, reader, job) = stuck().await;

    node.cancels(&person, job).await;
    let cancelled = node.sees_the_end_of(&person, job).await;
    eventually("the reader to end", async || reader.has_ended()).await;
    let next = node.starts_a_crawl(&person, &[site.url("/h/2")]).await;
    let next = node.sees_the_end_of(&person, next).await;

    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!((&next["status"], &next["items_scraped"]), (&"completed".into(), &1.into()), "{next}");
    assert!(node.readers().await.len() == 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_gets_sigterm_exits_in_time_while_a_page_is_read() {
    let (mut node, _, _, reader, _) = stuck().await;

    node.server.signal(Signal::TERM);
    // The configured shutdown time is four seconds.
    let status = tokio::time::timeout(std::time::Duration::from_secs(6), node.server.wait_for_exit()).await;

    assert_eq!(status.expect("an end within the configured time"), Some(0));
    assert!(reader.has_ended());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_outlives_a_server_that_is_killed() {
    let site = Site::open([("/", home(1))]).await;
    let (mut node, person) = Node::start(&site.address.to_string(), &[("LOTLINE__CRAWLER__READERS", "2")]);
    let job = node.starts_a_crawl(&person, &[site.url("/")]).await;
    node.sees_the_end_of(&person, job).await;
    let readers = node.readers().await;

    node.server.signal(Signal::KILL);
    node.server.wait_for_exit().await;

    eventually("the readers to end", async || readers.iter().all(|reader| reader.has_ended())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_upgrade_of_the_file_readers_are_still_of_the_running_version() {
    let site = Site::open([("/", home(1))]).await;
    let programs = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (program, newer) = (programs.path().join("lotline"), programs.path().join("newer"));
    fs::hard_link(env!("CARGO_BIN_EXE_lotline"), &program)
        .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_lotline"), &program).map(drop))
        .unwrap();
    let (node, person) = Node::start_from(Some(&program), &site.address.to_string(), &[]);
    let first = node.readers().await[0];

    fs::write(&newer, "this is no program").unwrap();
    fs::rename(&newer, &program).unwrap();
    first.signal(Signal::KILL);
    let job = node.starts_a_crawl(&person, &[site.url("/")]).await;
    let job = node.sees_the_end_of(&person, job).await;

    let second = node.readers().await[0];
    assert_eq!((&job["status"], &job["items_scraped"]), (&"completed".into(), &1.into()), "{job}");
    assert_ne!(first, second);
    let files = [second, first].map(|reader| fs::read_link(reader.path("exe")).ok());
    assert!(files[0].is_some(), "{files:?}");
}
