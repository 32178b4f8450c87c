//! A refusal while the body is being sent: it comes before the body is read, and the client can read it.

use lotline::auth::key_scope::KeyScope;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::raw::RawConnection;
use crate::support::settings::Setting;

const SMALL: &[Setting] = &[("LOTLINE__UPLOADS__MAX_BYTES", "1000000")];

on_both_databases! {
    a_body_of_many_mebibytes_is_refused_and_the_client_reads_why,
    an_upload_that_is_announced_too_large_is_refused_before_it_is_asked_for with super::SMALL,
}

async fn a_body_of_many_mebibytes_is_refused_and_the_client_reads_why(app: &TestApp) {
    const LENGTH: usize = 34 * 1024 * 1024;
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let mut raw = RawConnection::connect(app.address).await;
    let head = format!(
        "POST /api/v1/properties/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {LENGTH}\r\n\r\n",
        worker.token()
    );

    // The whole request is written before anything is read, as simple clients do.
    raw.send(head.as_bytes()).await;
    let piece = vec![b' '; 1024 * 1024];
    for _ in 0..LENGTH / piece.len() {
        raw.send(&piece).await;
    }
    let answer = raw.response().await.expect("the refusal is read");

    assert_eq!(answer.status, 413, "{}", answer.head);
    assert!(answer.body.contains("payload_too_large"), "{}", answer.body);
}

async fn an_upload_that_is_announced_too_large_is_refused_before_it_is_asked_for(app: &TestApp) {
    let bob = app.member("bob").await;
    for expect in ["Expect: 100-continue\r\n", ""] {
        let mut raw = RawConnection::connect(app.address).await;
        let head = format!(
            "POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{expect}\
             Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: 50000000\r\n\r\n",
            bob.token()
        );

        raw.send(head.as_bytes()).await;
        let answer = raw.response().await.expect("an answer without a byte of the body");

        assert_eq!(answer.status, 413, "{expect}{}", answer.head);
    }
}
