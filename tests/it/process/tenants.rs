//! `lotline tenant export` and `lotline tenant delete`, with a server running on the same store and without one.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use lotline::base::entropy::Entropy;
use serde_json::{Value, json};

use crate::support::binary::{ProcessOutput, Server, clear_environment, lotline, run, serve_in};
use crate::support::wait::{eventually, within};

fn subcommand(folder: &Path, arguments: &[&str]) -> ProcessOutput {
    run(lotline(arguments).env("LOTLINE__SERVER__DATA_DIR", folder))
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let ended = subcommand(folder, arguments);
    assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
    ended.stdout.trim().to_owned()
}

/// A tenant with its admin; gives the admin's token.
fn create_tenant(folder: &Path, slug: &str) -> String {
    succeeds(folder, &["tenant", "create", "--slug", slug, "--name", slug]);
    succeeds(folder, &["user", "create", "--tenant", slug, "--username", "ann", "--role", "admin"]);
    succeeds(folder, &["token", "mint", "--tenant", slug, "--username", "ann"])
}

async fn broadcasts(server: &Server, token: &str, words: &str) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = http.post(format!("http://{}/api/v1/admin/broadcast", server.address)).bearer_auth(token);
    let status = call.json(&json!({ "message": words })).send().await.unwrap().status();
    assert!(status.is_success(), "{status}");
}

async fn status(server: &Server, token: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = http.get(format!("http://{}/api/v1/users/me", server.address)).bearer_auth(token);
    call.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_learns_that_a_tenant_was_removed_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (acme, other) = (create_tenant(data, "acme"), create_tenant(data, "other"));
    let server = Server::start(&mut serve_in(data));
    broadcasts(&server, &acme, "a word that is to be gone").await;
    let url = format!("ws://{}/ws?token={acme}", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();

    let removed = succeeds(data, &["tenant", "delete", "--slug", "acme", "--confirm", "acme"]);
    let code = within("the socket to be closed", async {
        use futures_util::StreamExt;
        loop {
            if let Some(Ok(tokio_tungstenite::tungstenite::Message::Close(frame))) = socket.next().await {
                return frame.map(|frame| u16::from(frame.code));
            }
        }
    })
    .await;

    assert!(removed.starts_with("tenant acme ("), "{removed}");
    assert_eq!(code, Some(4403));
    eventually("its token to open nothing", async || status(&server, &acme).await == 401).await;
    assert_eq!(status(&server, &other).await, 200);
    let again = succeeds(data, &["tenant", "create", "--slug", "acme", "--name", "Acme"]);
    assert!(again.starts_with("tenant acme (3)"), "an id came back: {again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_of_a_removed_tenant_is_not_in_the_file_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (acme, _) = (create_tenant(data, "acme"), create_tenant(data, "other"));
    {
        let server = Server::start(&mut serve_in(data));
        for number in 0..200 {
            broadcasts(&server, &acme, &format!("canary number {number} {}", "of a long line ".repeat(50)))
                .await;
        }
    }
    let count = |data: &Path| {
        let files = std::fs::read_dir(data).unwrap().map(|file| file.unwrap().path());
        let stored = files.filter(|path| path.to_string_lossy().contains("lotline.db"));
        stored.map(|path| occurrences(&std::fs::read(path).unwrap(), b"canary number")).sum::<usize>()
    };
    assert!(count(data) >= 200);

    succeeds(data, &["tenant", "delete", "--slug", "acme", "--confirm", "acme"]);

    assert_eq!(count(data), 0);
}

fn occurrences(bytes: &[u8], word: &[u8]) -> usize {
    bytes.windows(word.len()).filter(|window| *window == word).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_beside_a_server_is_whole_and_for_its_owners_eyes() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = folder.path();
    let acme = create_tenant(data, "acme");
    let server = Server::start(&mut serve_in(data));
    broadcasts(&server, &acme, "in the file").await;
    let file = elsewhere.path().join("acme.ndjson");
    let to = file.to_str().unwrap();

    let said = succeeds(data, &["tenant", "export", "--slug", "acme", "--to", to]);
    let again = subcommand(data, &["tenant", "export", "--slug", "acme", "--to", to]);
    let unknown = subcommand(data, &["tenant", "export", "--slug", "nobody", "--to", to, "--force"]);

    let text = std::fs::read_to_string(&file).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&first["tenant"]["slug"], &last["end"]), (&json!("acme"), &json!(true)));
    assert!(text.contains("in the file") && said.contains(last["sha256"].as_str().unwrap()), "{said}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!((again.status, again.stderr.contains("--force")), (Some(1), true), "{again:?}");
    assert_eq!((unknown.status, unknown.stderr.contains("nobody")), (Some(1), true), "{unknown:?}");
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_cut_leaves_no_file_of_its_name() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = folder.path();
    let acme = create_tenant(data, "acme");
    {
        let server = Server::start(&mut serve_in(data));
        // Text that does not compress, larger than the process may write.
        for _ in 0..150 {
            let noise: String = Entropy.bytes::<1500>().iter().map(|byte| format!("{byte:02x}")).collect();
            broadcasts(&server, &acme, &noise).await;
        }
    }
    let file = elsewhere.path().join("acme.ndjson");
    // A signal ends a process that writes more than 512 KiB to one file.
    let script = format!("ulimit -f 512; exec \"{}\" \"$@\"", env!("CARGO_BIN_EXE_lotline"));
    let mut command = Command::new("bash");
    command.args(["-c", &script, "bash", "tenant", "export", "--slug", "acme", "--to"]).arg(&file);
    clear_environment(&mut command);
    command.env("LOTLINE__SERVER__DATA_DIR", data).stdin(Stdio::null()).stderr(Stdio::null());
    let cut = command.stdout(Stdio::null()).status().unwrap();

    assert!(!file.exists());
    assert!(cut.signal().is_some() || cut.code() == Some(1), "{cut:?}");
    succeeds(data, &["tenant", "export", "--slug", "acme", "--to", file.to_str().unwrap()]);
    assert!(std::fs::metadata(&file).unwrap().len() > 512 * 1024);
}

#[test]
fn a_typing_error_removes_nothing_and_a_read_only_subcommand_creates_no_store() {
    let (folder, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = folder.path();
    create_tenant(data, "acme");

    let slip = subcommand(data, &["tenant", "delete", "--slug", "acme", "--confirm", "acne"]);
    let unknown = subcommand(data, &["tenant", "delete", "--slug", "acne", "--confirm", "acne"]);
    let nowhere = subcommand(empty.path(), &["tenant", "delete", "--slug", "acme", "--confirm", "acme"]);

    for (refused, words) in [
        (slip, "--confirm"),
        (unknown, "--slug: there is no tenant `acne`"),
        (nowhere, "there is no database"),
    ] {
        assert_eq!((refused.status, refused.stderr.contains(words)), (Some(1), true), "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
    succeeds(data, &["user", "create", "--tenant", "acme", "--username", "bob"]);
}
