//! Downloads: whole, in ranges, conditional.

use serde_json::json;

use super::client::{UPLOADS, bytes, content, downloads, files, form, has_file, page, posts, sha256};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    a_range_is_answered_as_the_standard_has_it,
    a_page_of_a_persons_making_is_never_shown_as_one,
    lists_show_ones_own_and_admins_everybodys,
    a_file_that_is_not_complete_has_no_content,
}

async fn a_range_is_answered_as_the_standard_has_it(app: &TestApp) {
    let bob = app.member("bob").await;
    let whole = bytes(200_000);
    let id = has_file(&bob, "a.bin", &whole).await;
    let tag = format!("\"{}\"", sha256(&whole));

    let (status, headers, body) = downloads(&bob, &id, &[]).await;
    assert!(status == 200 && body == whole);
    assert!(headers["etag"] == tag.as_str() && headers["accept-ranges"] == "bytes", "{headers:?}");
    assert_eq!(headers["content-length"], "200000");

    let (status, headers, body) = downloads(&bob, &id, &[("range", "bytes=100000-100009")]).await;
    assert!(status == 206 && body == whole[100_000..100_010]);
    assert_eq!(headers["content-range"], "bytes 100000-100009/200000");
    assert_eq!(headers["content-length"], "10");
    let (status, headers, body) = downloads(&bob, &id, &[("range", "bytes=-5")]).await;
    assert!(
        status == 206 && body == whole[199_995..] && headers["content-range"] == "bytes 199995-199999/200000"
    );
    let (status, _, body) = downloads(&bob, &id, &[("range", "bytes=199999-")]).await;
    assert!(status == 206 && body == whole[199_999..]);

    let (status, headers, _) = downloads(&bob, &id, &[("range", "bytes=200000-")]).await;
    assert!(status == 416 && headers["content-range"] == "bytes */200000");
    assert_eq!(headers["content-type"], "application/problem+json");

    let (status, _, body) = downloads(&bob, &id, &[("range", "bytes=0-1,4-5")]).await;
    assert!(status == 200 && body.len() == 200_000);
    let (status, _, body) = downloads(&bob, &id, &[("range", "bytes=0-1"), ("if-range", &tag)]).await;
    assert!(status == 206 && body == whole[..2]);
    for other in ["\"another\"", "Sat, 29 Oct 1994 19:43:31 GMT"] {
        let (status, _, body) = downloads(&bob, &id, &[("range", "bytes=0-1"), ("if-range", other)]).await;
        assert!(status == 200 && body.len() == 200_000, "{other}");
    }
    let (status, headers, body) = downloads(&bob, &id, &[("if-none-match", &tag)]).await;
    assert!(status == 304 && body.is_empty() && headers["etag"] == tag.as_str());
    let (status, ..) = downloads(&bob, &id, &[("if-none-match", "\"another\"")]).await;
    assert_eq!(status, 200);
}

async fn a_page_of_a_persons_making_is_never_shown_as_one(app: &TestApp) {
    let bob = app.member("bob").await;
    let html = b"<!DOCTYPE html><script>fetch('/api/v1/users/me')</script>";
    let answer = posts(&bob, form("photo.png", "image/png", html, &[]), None).await.json();

    let (_, headers, _) = downloads(&bob, answer["upload_id"].as_str().unwrap(), &[]).await;

    assert_eq!(answer["content_type"], "text/html");
    assert_eq!(headers["content-disposition"], "attachment; filename=\"photo.png\"");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-security-policy"], "default-src 'none'; sandbox; frame-ancestors 'none'");
    assert_eq!(headers["cache-control"], "private, no-cache");
}

async fn lists_show_ones_own_and_admins_everybodys(app: &TestApp) {
    let (ann, bob, cid) = (app.admin("ann").await, app.member("bob").await, app.member("cid").await);
    let (first, second) = (has_file(&bob, "1", b"1").await, has_file(&bob, "2", b"2").await);
    let third = has_file(&cid, "3", b"3").await;
    let listed = async |caller: &crate::support::people::Caller<'_>, query: &str| {
        let page = caller.get(&format!("{UPLOADS}{query}")).await.json();
        let ids =
            page["data"].as_array().unwrap().iter().map(|one| one["upload_id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };

    assert_eq!(listed(&bob, "").await, [second.clone(), first.clone()]);
    assert_eq!(listed(&ann, "").await, [third.clone(), second.clone(), first.clone()]);
    assert_eq!(listed(&ann, &format!("?user_id={}", bob.id)).await, [second.clone(), first.clone()]);
    assert_eq!(listed(&bob, &format!("?user_id={}", cid.id)).await, Vec::<String>::new());
    let page = bob.get(&format!("{UPLOADS}?limit=1")).await.json();
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(listed(&bob, &format!("?limit=1&cursor={next}")).await, [first]);
    app.viewer("vic").await.get(UPLOADS).await.expect_problem(403, "forbidden");
}

async fn a_file_that_is_not_complete_has_no_content(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;
    let ack = socket.request(json!({ "type": "metadata", "filename": "a" })).await;
    let id = ack["upload_id"].as_str().unwrap();

    bob.get(&content(id)).await.expect_problem(409, "conflict");
    app.member("cid").await.get(&page(id)).await.expect_problem(404, "not_found");
}
