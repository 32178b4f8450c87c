//! README and docs/configuration.md are correct: the table is the program's, and the tour runs as it is written.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::binary::{Server, clear_environment, run_within, serve_in};
use crate::support::browser::Browser;
use crate::support::port::ReservedPort;

/// A debug build crawls slowly on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(180);
const README: &str = include_str!("../../README.md");

#[test]
fn the_configuration_table_is_the_programs() {
    let page = include_str!("../../docs/configuration.md");

    let table = lotline::config::markdown_table();

    assert!(page.contains(&table), "docs/configuration.md is old: paste what `lotline config table` prints");
}

/// The blocks of this language in README's tour, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let (_, tour) = README.split_once("## Five minutes").unwrap();
    let (tour, _) = tour.split_once("\n## ").unwrap();
    let begin = format!("```{language}\n");
    tour.split(&begin).skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// A folder that looks like a checkout with a built program.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let built = folder.path().join("target/debug");
    std::fs::create_dir_all(&built).unwrap();
    symlink(env!("CARGO_BIN_EXE_lotline"), built.join("lotline")).unwrap();
    std::fs::write(folder.path().join("README.md"), README).unwrap();
    folder
}

/// All blocks as one script, with free ports. Only the block for "another terminal" runs in the background.
fn script(serve: u16, site: u16) -> String {
    let mut script = String::from(
        "set -eu\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\ncargo() { [ \"$*\" = build ]; }\n",
    );
    for block in blocks("sh") {
        match block.contains("/sse/events?") {
            // The stream's first event must have arrived before its other events are caused.
            true => script.push_str(&format!(
                "( {} ) > followed 2>&1 &\nuntil grep -q connection_established followed; do sleep 0.1; done\n",
                block.trim_end().trim_end_matches('&')
            )),
            false => script.push_str(block),
        }
    }
    // The job's last event may not have arrived yet.
    for word in ["job_completed", "system_notification"] {
        script.push_str(&format!("until grep -q {word} followed; do sleep 0.1; done\n"));
    }
    script.replace("8001", &serve.to_string()).replace("8002", &site.to_string())
}

fn bash(folder: &Path, script: &str, port: u16) -> Command {
    let mut command = Command::new("bash");
    clear_environment(&mut command);
    command.arg("-c").arg(script).current_dir(folder).stdin(Stdio::null());
    command.env("LOTLINE__SERVER__BIND", format!("127.0.0.1:{port}"));
    command.env("LOTLINE__AUTH__PASSWORD_MEMORY_KIB", "64").env("LOTLINE__AUTH__PASSWORD_ITERATIONS", "1");
    command
}

#[test]
fn the_tour_runs_as_it_is_written() {
    let (folder, serve, site) = (checkout(), ReservedPort::take(), ReservedPort::take());
    let (serve, site) = (serve.number(), site.number());

    let ended = run_within(&mut bash(folder.path(), &script(serve, site), serve), TIMEOUT);

    let followed = std::fs::read_to_string(folder.path().join("followed")).unwrap();
    assert_eq!(ended.status, Some(0), "{ended:?} {followed}");
    for word in
        ["Broadcast sent successfully", "\"accepted\":1", "message_id", "upload_id", "event: complete"]
    {
        assert!(ended.stdout.contains(word), "{word} in {ended:?}");
    }
    assert!(ended.stderr.contains(&format!("24 homes on http://127.0.0.1:{site}/")), "{ended:?}");
    for word in ["system_notification", "property_created", "job_progress", "job_completed", "Elm Street"] {
        assert!(followed.contains(word), "{word} in {followed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_pasted_into_a_browser_connects() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve_in(folder.path());
    command.env("LOTLINE__BOOTSTRAP__TENANT", "acme").env("LOTLINE__BOOTSTRAP__USERNAME", "ann");
    let server = Server::start(command.env("LOTLINE__BOOTSTRAP__PASSWORD", "a long password"));
    let browser = Browser::start();
    let mut page = browser.opens(&format!("http://{}/", server.address)).await;
    page.runs("window.heard = []; console.log = (message) => heard.push(message)").await;

    let [snippet] = blocks("js")[..] else { panic!("one snippet is for a browser") };
    page.is_typed(snippet).await;

    page.until(
        "heard.some((message) => message.type === 'connection_established' && message.username === 'ann')",
    )
    .await;
}
