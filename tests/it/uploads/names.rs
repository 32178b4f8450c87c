//! File names, which users choose, and what they must not be able to do with them.

use serde_json::json;

use super::client::{UPLOADS, downloads, files, files_on_disk, has_file, sends};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    hostile_names_are_refused_and_nothing_is_kept,
    no_name_is_a_path_in_the_store,
    a_download_carries_the_name_in_both_forms,
}

async fn hostile_names_are_refused_and_nothing_is_kept(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;
    let long = "x".repeat(10_000);

    for name in [
        "../../etc/passwd",
        "..",
        ".",
        "",
        "/etc/passwd",
        "C:\\boot.ini",
        "a\0b",
        "a\nb",
        "a\u{1b}[2J",
        "CON",
        "nul.txt",
        "LPT1.pdf",
        "exe.\u{202e}gpj",
        "a\u{200b}b",
        "plan.",
        "plan ",
        "a/b",
        "a|b",
        &long,
    ] {
        // The limit of messages per second is not under test.
        app.clock.advance(std::time::Duration::from_millis(100));
        let answer = sends(&mut socket, json!({ "type": "metadata", "filename": name }), b"bytes").await;
        assert_eq!(answer["code"], "invalid_filename", "{name:?}: {answer}");
        assert!(name.is_empty() || name.len() < 5 || !answer.to_string().contains(name), "{answer}");
    }

    assert_eq!(bob.get(UPLOADS).await.json()["data"], json!([]));
    assert_eq!(files_on_disk(app.folder()), 0);
}

async fn no_name_is_a_path_in_the_store(app: &TestApp) {
    let bob = app.member("bob").await;
    let upload_id = has_file(&bob, "a very telling name.txt", b"bytes").await;

    let mut waiting = vec![app.folder().join("uploads")];
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path.strip_prefix(app.folder().join("uploads")).unwrap().display().to_string());
        }
    }

    let shard = &upload_id[upload_id.len() - 2..];
    assert_eq!(found, [format!("{}/{shard}/{upload_id}", app.acme)]);
}

async fn a_download_carries_the_name_in_both_forms(app: &TestApp) {
    let bob = app.member("bob").await;
    let upload_id = has_file(&bob, "Grundriß 1%.pdf", b"%PDF-1.7 plan").await;

    let (status, headers, _) = downloads(&bob, &upload_id, &[]).await;

    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(status, 200);
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"Grundri_ 1_.pdf\"; filename*=UTF-8''Grundri%C3%9F%201%25.pdf"
    );
    assert_eq!(
        (header("content-type"), header("x-content-type-options")),
        ("application/pdf".into(), "nosniff".into())
    );
    assert!(header("content-security-policy").contains("sandbox"));
}
