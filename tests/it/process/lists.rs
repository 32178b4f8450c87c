//! Lists and removals on the command line, refusals that name the flag, and why a token is refused.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};

use serde_json::{Value, json};

use crate::support::binary::{ProcessOutput, Server, lotline, run, run_with, serve_in};
use crate::support::key_pair::hmac_token;
use crate::support::wait::{DEADLINE, eventually};

const PASSWORD: &str = "correct horse battery staple\n";

fn subcommand(folder: &Path, arguments: &str) -> ProcessOutput {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    run_with(lotline(&arguments).env("LOTLINE__SERVER__DATA_DIR", folder), PASSWORD)
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &str) -> String {
    let ended = subcommand(folder, arguments);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{arguments}: {ended:?}");
    ended.stdout
}

#[track_caller]
fn refused(folder: &Path, arguments: &str) -> String {
    let ended = subcommand(folder, arguments);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{arguments}: {ended:?}");
    ended.stderr
}

/// A folder with one tenant and its admin.
fn with_ann() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    succeeds(folder.path(), "tenant create --slug acme --name Acme");
    succeeds(folder.path(), "user create --tenant acme --username ann --role admin --password-stdin");
    folder
}

#[test]
fn tenants_users_and_keys_are_listed_and_ended() {
    let folder = with_ann();
    let data = folder.path();
    succeeds(data, "user create --tenant acme --username bob --password-stdin");
    let key =
        succeeds(data, "key create --tenant acme --username ann --name scraper --scopes jobs:run,logs:write");

    let tenants = succeeds(data, "tenant list");
    let users = succeeds(data, "user list --tenant acme");
    let keys = succeeds(data, "key list --tenant acme");
    let id = keys.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();

    assert!(tenants.lines().nth(1).unwrap().contains("acme  Acme  active"), "{tenants}");
    let rows: Vec<Vec<&str>> = users.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["id", "username", "role", "state"]);
    assert_eq!(
        (&rows[1][1..], &rows[2][1..]),
        (&["ann", "admin", "active"][..], &["bob", "member", "active"][..])
    );
    assert!(keys.contains("scraper") && keys.contains("jobs:run,logs:write"), "{keys}");
    assert!(!keys.contains(key.trim()), "a key is shown once");

    assert!(succeeds(data, &format!("token check {}", key.trim())).contains(&id));
    assert!(succeeds(data, &format!("key revoke --tenant acme --id {id}")).contains("revoked"));
    assert_eq!(succeeds(data, "key list --tenant acme").lines().count(), 1);
    let again = refused(data, &format!("key revoke --tenant acme --id {id}"));
    assert!(again.starts_with("lotline: --id: acme has no API key"), "{again}");
    assert!(refused(data, &format!("token check {}", key.trim())).contains("was revoked"));

    assert!(
        succeeds(data, "user password-link --tenant acme --username bob").contains("/set-password#token=")
    );
    assert!(succeeds(data, "user deactivate --tenant acme --username bob").contains("bob"));
    assert!(succeeds(data, "user list --tenant acme").contains("deactivated"));
    let last = refused(data, "user deactivate --tenant acme --username ann");
    assert!(last.contains("last admin"), "{last}");
    let shown = succeeds(data, "tenant show --slug acme");
    assert!(shown.contains("2: 1 admins, 0 members, 0 viewers, 1 deactivated"), "{shown}");
    assert!(refused(data, "tenant show --slug none").contains("--slug: there is no tenant `none`"));
}

#[test]
fn a_user_who_was_deactivated_is_let_in_again() {
    let folder = with_ann();
    let data = folder.path();
    succeeds(data, "user create --tenant acme --username bob --password-stdin");
    succeeds(data, "user deactivate --tenant acme --username bob");

    let said = succeeds(data, "user activate --tenant acme --username bob");

    assert!(said.starts_with("user bob (") && said.contains("of acme activated"), "{said}");
    assert!(!succeeds(data, "user list --tenant acme").contains("deactivated"));
}

#[test]
fn operators_are_listed_beside_tenants() {
    let folder = with_ann();
    let data = folder.path();
    succeeds(data, "user create --operator --username root --password-stdin");

    let listed = succeeds(data, "user list --operator");

    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["id", "username", "state"]);
    assert_eq!((rows.len(), &rows[1][1..]), (2, &["root", "active"][..]));
    assert_eq!(subcommand(data, "user list --operator --tenant acme").status, Some(2));
    assert_eq!(subcommand(data, "user list").status, Some(2));
}

#[test]
fn lists_are_json_for_programs_with_the_fields_of_rest() {
    let folder = with_ann();
    let data = folder.path();
    succeeds(data, "user create --operator --username root --password-stdin");
    succeeds(data, "key create --tenant acme --username ann --name scraper --scopes jobs:run,logs:write");
    let read = |arguments: &str| -> Value { serde_json::from_str(&succeeds(data, arguments)).unwrap() };

    let tenants = read("tenant list --json");
    let users = read("user list --tenant acme --json");
    let operators = read("user list --operator --json");
    let keys = read("key list --tenant acme --json");

    for list in [&tenants, &users, &operators, &keys] {
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    }
    assert_eq!((&tenants[0]["slug"], &tenants[0]["is_active"]), (&json!("acme"), &json!(true)));
    assert_eq!((&users[0]["username"], &users[0]["has_password"]), (&json!("ann"), &json!(true)));
    assert_eq!((&operators[0]["username"], &operators[0]["is_active"]), (&json!("root"), &json!(true)));
    assert_eq!(keys[0]["made_by"], users[0]["id"]);
    assert_eq!(keys[0]["scopes"], json!(["jobs:run", "logs:write"]));
}

#[test]
fn an_unknown_name_is_reported_with_its_flag() {
    let folder = with_ann();
    let data = folder.path();

    for (arguments, words) in [
        ("user list --tenant nope", "--tenant: there is no tenant `nope`"),
        ("key list --tenant nope", "--tenant: there is no tenant `nope`"),
        ("user create --tenant nope --username bob --password-stdin", "--tenant: there is no tenant `nope`"),
        ("token mint --tenant acme --username bob", "--username: the tenant `acme` has no user `bob`"),
        ("user activate --tenant acme --username bob", "--username: the tenant `acme` has no user `bob`"),
    ] {
        assert_eq!(refused(data, arguments), format!("lotline: {words}\n"));
    }
}

#[test]
fn follow_names_both_ways_to_sign_in() {
    let ended = run(&mut lotline(&["follow"]));

    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--token") && ended.stderr.contains("--username"), "{ended:?}");
}

#[test]
fn a_user_is_renamed_and_the_old_name_is_free() {
    let folder = with_ann();
    let data = folder.path();
    succeeds(data, "user create --tenant acme --username bob --password-stdin");

    let renamed = succeeds(data, "user rename --tenant acme --username BOB --to Robert");
    let taken = refused(data, "user rename --tenant acme --username robert --to ANN");
    let bad = refused(data, "user rename --tenant acme --username robert --to a/b");
    let unknown = refused(data, "user rename --tenant acme --username bob --to rob");
    succeeds(data, "user create --tenant acme --username bob --password-stdin");

    assert!(renamed.contains("of acme renamed to Robert"), "{renamed}");
    assert!(taken.starts_with("lotline: --to is taken"), "{taken}");
    assert!(bad.starts_with("lotline: --to must have"), "{bad}");
    assert!(unknown.contains("--username: the tenant `acme` has no user `bob`"), "{unknown}");
    let users = succeeds(data, "user list --tenant acme");
    let names: Vec<&str> = users.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(names, ["ann", "Robert", "bob"]);
}

#[test]
fn a_refusal_names_the_flag() {
    let folder = with_ann();
    let data = folder.path();

    let tenant = refused(data, "tenant create --slug Acme! --name Acme");
    let user = run_with(
        lotline(&[
            "user",
            "create",
            "--tenant",
            "acme",
            "--username",
            "a b",
            "--email",
            "x",
            "--password-stdin",
        ])
        .env("LOTLINE__SERVER__DATA_DIR", data),
        "short\n",
    );

    assert!(tenant.starts_with("lotline: --slug must have"), "{tenant}");
    for flag in ["--username must", "--email must", "--password-stdin: a password has"] {
        assert!(user.stderr.contains(flag), "{flag} in {user:?}");
    }
    assert!(!user.stderr.contains("/username") && !user.stderr.contains("body"), "{user:?}");
}

#[test]
fn token_check_says_whose_a_token_is_and_why_it_is_refused() {
    let folder = with_ann();
    let data = folder.path();
    let token = succeeds(data, "token mint --tenant acme --username ann");
    let token = token.trim();
    let elsewhere =
        hmac_token(&json!({ "alg": "HS256" }), &json!({ "iss": "https://x", "sub": "ann" }), b"secret");

    let good = succeeds(data, &format!("token check {token}"));
    let piped = run_with(lotline(&["token", "check", "-"]).env("LOTLINE__SERVER__DATA_DIR", data), token);

    assert!(
        good.starts_with("holds until ") && good.contains("user ann (") && good.contains("admin"),
        "{good}"
    );
    assert_eq!(piped.stdout, good);
    for (token, why) in [
        (format!("{token}x"), "the signature does not match"),
        (
            token.rsplit_once('.').unwrap().0.to_owned() + ".AAAA",
            "the signature does not match (issuer lotline)",
        ),
        (elsewhere, "the issuer is not known"),
        ("nonsense".to_owned(), "not three parts"),
        ("llk_0123".to_owned(), "begins as an API key does"),
    ] {
        let said = refused(data, &format!("token check {token}"));
        assert!(said.starts_with("lotline: refused: ") && said.contains(why), "{why} in {said}");
    }
}

#[test]
fn shell_completions_have_every_subcommand() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(&mut lotline(&["completions", shell]));

        assert_eq!(ended.status, Some(0), "{ended:?}");
        for word in ["password-link", "sample-site", "healthcheck", "--subscriptions"] {
            let word = if shell == "fish" { word.trim_start_matches("--") } else { word };
            assert!(ended.stdout.contains(word), "{word} for {shell}");
        }
    }
}

/// Everything logged, once it contains the text.
async fn broadcasts(server: &Server, word: &str) -> String {
    let mut said = String::new();
    eventually(word, async || {
        server.log_lines().iter().for_each(|line| said = format!("{said}{line}\n"));
        said.contains(word)
    })
    .await;
    said
}

#[tokio::test]
async fn a_new_server_says_where_it_is_and_what_to_do_first() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("my lotline.toml");
    std::fs::write(&config, "[rooms]\ncreate_on_join = true\n").unwrap();
    let mut empty = Server::start(serve_in(folder.path()).arg("--config").arg(&config));
    let url = format!("http://{}", empty.address);
    empty.signal(rustix::process::Signal::INT);
    assert_eq!(empty.wait_for_exit().await, Some(0));
    let said = broadcasts(&empty, "user create").await;
    assert!(said.contains(&format!("{url}/docs")), "{said}");
    assert!(
        said.contains("there is no tenant yet")
            && said.contains(&format!("lotline --config '{}' tenant create --slug", config.display())),
        "{said}"
    );

    succeeds(folder.path(), "tenant create --slug acme --name Acme");
    let mut full = Server::start(&mut serve_in(folder.path()));
    full.signal(rustix::process::Signal::INT);
    assert_eq!(full.wait_for_exit().await, Some(0));
    let said = broadcasts(&full, "/docs/async").await;
    assert!(said.contains("/docs") && !said.contains("no tenant"), "{said}");
    assert!(!said.contains("migration"), "{said}");
}

fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

#[tokio::test]
async fn follow_signs_in_by_name_and_prints_positions_and_messages() {
    let folder = with_ann();
    let server = Server::start(&mut serve_in(folder.path()));
    let url = format!("http://{}", server.address);
    let wrong = run_with(
        &mut lotline(&["follow", "--url", &url, "--username", "acme/ann", "--password-stdin"]),
        "a wrong one\n",
    );
    assert_eq!(wrong.status, Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("cannot sign in as acme/ann"), "{wrong:?}");

    let mut command = lotline(&["follow", "--url", &url, "--username", "acme/ann", "--password-stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    let lines = lines_of(child.stdout.take().unwrap());
    let first = lines.recv_timeout(DEADLINE).unwrap();
    let token = succeeds(folder.path(), "token mint --tenant acme --username ann");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let chat = http.post(format!("{url}/chat/send")).bearer_auth(token.trim());
    assert!(chat.json(&json!({ "text": "hello" })).send().await.unwrap().status().is_success());
    let second = lines.recv_timeout(DEADLINE).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    assert!(first.contains("connected as ann in tenant acme"), "{first}");
    assert!(second.contains("ann in lobby: hello"), "{second}");
    for line in [first, second] {
        assert!(line.split(' ').next().unwrap().contains('-'), "a position: {line}");
    }
}
