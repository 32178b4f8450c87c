//! Uploads by form.

use serde_json::json;

use super::client::{UPLOADS, bytes, downloads, files_on_disk, form, page, posts, sha256, used};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::eventually;

on_both_databases! {
    a_form_is_stored_and_shown_by_what_it_is,
    a_retry_under_a_key_stores_nothing_and_is_answered,
    concurrent_requests_under_a_key_store_one_file,
    bad_forms_are_refused_and_nothing_of_them_is_kept,
    a_refused_form_names_every_bad_part,
    the_names_of_a_parts_parameters_are_case_insensitive,
    a_form_that_breaks_off_leaves_nothing,
}

async fn a_form_is_stored_and_shown_by_what_it_is(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut received = bob.connects().await;
    let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &bytes(400_000)].concat();

    let answer = posts(&bob, form("Küche.txt", "text/plain", &png, &[("sha256", &sha256(&png))]), None).await;

    let upload = answer.json();
    assert_eq!(answer.status, 201, "{answer:?}");
    let upload_id = upload["upload_id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(page(upload_id).as_str()));
    assert_eq!((&upload["filename"], &upload["status"]), (&json!("Küche.txt"), &json!("complete")));
    assert_eq!(
        (&upload["content_type"], &upload["declared_type"]),
        (&json!("image/png"), &json!("text/plain"))
    );
    assert_eq!((&upload["size"], &upload["sha256"]), (&json!(png.len()), &json!(sha256(&png))));
    assert_eq!(bob.get(&page(upload_id)).await.json(), upload);
    assert_eq!(bob.get(UPLOADS).await.json()["data"], json!([upload]));
    assert_eq!(received.next_of_type("upload_completed").await["upload_id"], upload["upload_id"]);
    assert!(downloads(&bob, upload_id, &[]).await.2 == png);
}

async fn a_retry_under_a_key_stores_nothing_and_is_answered(app: &TestApp) {
    let ann = app.admin("ann").await;
    let body = || form("a.txt", "text/plain", b"the same", &[]);

    let first = posts(&ann, body(), Some("k")).await;
    let again = posts(&ann, body(), Some("k")).await;
    let other = posts(&ann, form("a.txt", "text/plain", b"another", &[]), Some("k")).await;
    let renamed = posts(&ann, form("b.txt", "text/plain", b"the same", &[]), Some("k")).await;

    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(again.json(), first.json());
    other.expect_problem(422, "idempotency_conflict");
    renamed.expect_problem(422, "idempotency_conflict");
    assert_eq!(ann.get(UPLOADS).await.json()["data"].as_array().unwrap().len(), 1);
    assert_eq!((used(&ann).await, files_on_disk(app.folder())), (8, 1));
}

async fn concurrent_requests_under_a_key_store_one_file(app: &TestApp) {
    let ann = app.admin("ann").await;
    let body = || form("a.bin", "application/octet-stream", &bytes(200_000), &[]);

    let (one, two, three) = tokio::join!(
        posts(&ann, body(), Some("k")),
        posts(&ann, body(), Some("k")),
        posts(&ann, body(), Some("k"))
    );

    let replayed =
        [&one, &two, &three].iter().filter(|one| one.header("idempotent-replayed").is_some()).count();
    assert_eq!((one.status, two.status, three.status, replayed), (201, 201, 201, 2));
    assert_eq!((one.json(), two.json()), (two.json(), three.json()));
    assert_eq!((used(&ann).await, files_on_disk(app.folder())), (200_000, 1));
}

async fn bad_forms_are_refused_and_nothing_of_them_is_kept(app: &TestApp) {
    let ann = app.admin("ann").await;
    let fields = |answer: crate::support::answer::Response, code: &str| {
        let problem = answer.expect_problem(422, code);
        problem["errors"]
            .as_array()
            .map(|all| all[0]["pointer"].as_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    let wrong = form("a", "text/plain", b"bytes", &[("sha256", &"ab".repeat(32))]);
    let twice = [form("a", "text/plain", b"x", &[]), form("b", "text/plain", b"y", &[])].concat();
    let twice = String::from_utf8(twice).unwrap().replacen("--the-edge-of-a-part--\r\n", "", 1).into_bytes();

    assert_eq!(fields(posts(&ann, wrong, None).await, "checksum_mismatch"), "");
    let unread = form("a", "text/plain", b"bytes", &[("sha256", "nonsense")]);
    assert_eq!(fields(posts(&ann, unread, None).await, "validation_failed"), "/sha256");
    let unknown = form("a", "text/plain", b"bytes", &[("album", "holidays")]);
    assert_eq!(fields(posts(&ann, unknown, None).await, "validation_failed"), "/album");
    assert_eq!(fields(posts(&ann, twice, None).await, "validation_failed"), "/file");
    assert_eq!(
        fields(posts(&ann, form("../a", "text/plain", b"bytes", &[]), None).await, "invalid_filename"),
        "/filename"
    );
    let nothing = b"--the-edge-of-a-part--\r\n".to_vec();
    assert_eq!(fields(posts(&ann, nothing, None).await, "validation_failed"), "/file");
    posts(&ann, b"no form at all".to_vec(), None).await.expect_problem(400, "bad_request");
    ann.post(UPLOADS, &json!({})).await.expect_problem(415, "unsupported_media_type");

    eventually("the refused files to go", async || files_on_disk(app.folder()) == 0).await;
    assert_eq!(ann.get(UPLOADS).await.json()["data"], json!([]));
    assert_eq!(used(&ann).await, 0);
}

async fn a_refused_form_names_every_bad_part(app: &TestApp) {
    let ann = app.admin("ann").await;
    let named = |answer: crate::support::answer::Response| -> Vec<String> {
        let problem = answer.expect_problem(422, "validation_failed");
        let errors = problem["errors"].as_array().unwrap().iter();
        let text = |one: &serde_json::Value, name: &str| one[name].as_str().unwrap().to_owned();
        errors.map(|one| text(one, "pointer") + " " + &text(one, "type")).collect()
    };
    let hash = sha256(b"bytes");

    for (filename, more, expected) in [
        (
            "../a",
            vec![("album", "holidays"), ("sha256", "nonsense")],
            &["/filename filename", "/album unknown", "/sha256 invalid"][..],
        ),
        ("a", vec![("sha256", hash.as_str()), ("sha256", hash.as_str())], &["/sha256 repeated"]),
        ("a", vec![("", "x"), ("file", "y")], &[" required", "/file repeated"]),
    ] {
        for key in [None, Some("k")] {
            let answer = posts(&ann, form(filename, "text/plain", b"bytes", &more), key).await;
            assert_eq!(named(answer), expected, "{filename} {more:?}");
        }
    }

    let request = app.http.post(app.url(&format!("{UPLOADS}?zz=1"))).bearer_auth(ann.token());
    let request = request.header("content-type", "multipart/form-data; boundary=the-edge-of-a-part");
    let both = request.body(form("a", "text/plain", b"bytes", &[("sha256", "nonsense")]));
    let answer = crate::support::answer::Response::send(both).await;
    assert_eq!(named(answer), [" unknown_parameter", "/sha256 invalid"]);
    eventually("the refused files to go", async || files_on_disk(app.folder()) == 0).await;
    assert_eq!(used(&ann).await, 0);
}

async fn the_names_of_a_parts_parameters_are_case_insensitive(app: &TestApp) {
    let ann = app.admin("ann").await;
    let body = String::from_utf8(form("v.txt", "text/plain", b"bytes", &[])).unwrap();
    let body = body.replace("form-data; name=", "Form-Data; Name=").replace("filename=", "Filename=");

    let answer = posts(&ann, body.into_bytes(), None).await;

    assert_eq!((answer.status, answer.json()["filename"].as_str()), (201, Some("v.txt")), "{answer:?}");
}

async fn a_form_that_breaks_off_leaves_nothing(app: &TestApp) {
    use tokio::io::AsyncWriteExt;
    let ann = app.admin("ann").await;
    let body = form("a.bin", "application/octet-stream", &bytes(300_000), &[]);
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST {UPLOADS} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\
         content-type: multipart/form-data; boundary=the-edge-of-a-part\r\n\r\n",
        app.address,
        ann.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body[..200_000]).await.unwrap();
    eventually("the file to have begun", async || files_on_disk(app.folder()) == 1).await;

    drop(stream);

    eventually("the file to go", async || files_on_disk(app.folder()) == 0).await;
    eventually("its row to go", async || ann.get(UPLOADS).await.json()["data"] == json!([])).await;
    assert_eq!(used(&ann).await, 0);
}
