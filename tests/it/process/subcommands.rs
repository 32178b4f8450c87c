//! From an empty folder to a signed-in user, with the program alone.

use std::io::Write;
use std::process::Stdio;

use crate::support::binary::{ProcessOutput, Server, lotline, run, serve_in};

/// Runs a subcommand on a folder; it must succeed.
fn subcommand(folder: &std::path::Path, arguments: &[&str]) -> ProcessOutput {
    let ended = run(lotline(arguments).env("LOTLINE__SERVER__DATA_DIR", folder));
    assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
    ended
}

#[tokio::test]
async fn the_first_people_are_made_from_the_command_line_and_can_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    subcommand(data, &["tenant", "create", "--slug", "acme", "--name", "Acme"]);
    let mut user = lotline(&[
        "user",
        "create",
        "--tenant",
        "acme",
        "--username",
        "ann",
        "--role",
        "admin",
        "--password-stdin",
    ]);
    user.env("LOTLINE__SERVER__DATA_DIR", data).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut user = user.spawn().unwrap();
    user.stdin.take().unwrap().write_all(b"correct horse battery staple\n").unwrap();
    assert!(user.wait().unwrap().success());
    let linked = subcommand(data, &["user", "create", "--tenant", "acme", "--username", "bob"]);
    let token = subcommand(data, &["token", "mint", "--tenant", "acme", "--username", "bob"]);
    let scopes =
        ["key", "create", "--tenant", "acme", "--username", "ann", "--name", "w", "--scopes", "events:read"];
    let key = subcommand(data, &scopes);

    let server = Server::start(&mut serve_in(data));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = server.address;
    let url = |path: &str| format!("http://{address}{path}");
    let form = "username=ann&password=correct%20horse%20battery%20staple";
    let signed_in =
        client.post(url("/api/v1/auth/token")).header("content-type", "application/x-www-form-urlencoded");
    let signed_in = signed_in.body(form).send().await.unwrap();
    let me = client.get(url("/api/v1/users/me")).bearer_auth(token.stdout.trim()).send().await.unwrap();
    let events = client
        .get(url("/api/v1/events?subscriptions=job_updates"))
        .bearer_auth(key.stdout.trim())
        .send()
        .await
        .unwrap();
    let healthy = run(&mut lotline(&["healthcheck", "--url", &url("")]));

    assert_eq!(
        (signed_in.status(), me.status(), events.status()),
        (http::StatusCode::OK, http::StatusCode::OK, http::StatusCode::OK)
    );
    assert!(linked.stdout.contains("to set a password, once, until 20"), "{linked:?}");
    assert_eq!((healthy.status, healthy.stdout.as_str()), (Some(0), "ready\n"));
    drop(server);
    assert_eq!(run(&mut lotline(&["healthcheck", "--url", &url("")])).status, Some(1));
}

#[test]
fn the_signing_key_is_made_once_and_for_the_owners_eyes_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("keys/signing.key");

    drop(Server::start(&mut serve_in(folder.path())));
    let first = std::fs::read(&key).unwrap();
    drop(Server::start(&mut serve_in(folder.path())));

    assert_eq!(std::fs::read(&key).unwrap(), first);
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_printed_of_the_configuration_hides_its_secrets() {
    let mut command = lotline(&["config", "print"]);
    command.env("LOTLINE__AUTH__KEYS", "k1:a-secret-of-more-than-thirty-two-bytes");
    command.env("DATABASE_URL", "postgres://ann:hunter2-secret@127.0.0.1/lotline");

    let ended = run(&mut command);

    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("[auth]"), "{ended:?}");
    assert!(!ended.stdout.contains("hunter2") && !ended.stdout.contains("a-secret-of"), "{ended:?}");
}
