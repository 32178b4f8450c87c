//! All refused tokens get the same answer; the reason is in the node's log only.

use serde_json::json;

use super::clients::{Admin, with_one_admin};
use crate::support::binary::Server;
use crate::support::key_pair::hmac_token;
use crate::support::wait::eventually;

const SECRET: &str = "an existing back end's own secret of many bytes";
const ISSUER: &str = "https://id.example.com";

#[tokio::test]
async fn a_refused_token_leaves_its_reason_in_the_log_and_not_itself() {
    let folder = tempfile::tempdir().unwrap();
    let issuers = json!([{ "issuer": ISSUER, "key": SECRET, "tenants": ["acme"] }]).to_string();
    let mut command = with_one_admin(folder.path());
    command.env("LOTLINE__AUTH__ISSUERS", issuers).env("LOTLINE__TELEMETRY__LOG_FILTER", "lotline=debug");
    let server = Server::start(&mut command);
    let admin = Admin::of(server.address).await;
    let status = async |token: &str| {
        let request = admin.http.get(format!("http://{}/api/v1/users/me", server.address));
        request.bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    let token = |subject: &str, exp: i64, secret: &str| {
        let claims = json!({ "iss": ISSUER, "sub": subject, "exp": exp });
        hmac_token(&json!({ "alg": "HS256" }), &claims, secret.as_bytes())
    };
    let (known, late) = (4_000_000_000, 1_000_000_000);
    let stranger = hmac_token(&json!({ "alg": "HS256" }), &json!({ "iss": "x", "sub": "root" }), b"secret");

    assert_eq!(status(&token("root", known, SECRET)).await, 200);
    let own = admin.token().to_owned();
    let out = admin.http.post(format!("http://{}/api/v1/auth/logout", server.address)).bearer_auth(&own);
    assert!(out.send().await.unwrap().status().is_success());
    let mut said = Vec::new();
    for (token, reasons) in [
        (token("zoe", known, SECRET), [ISSUER, "names an unknown user", "zoe", "acme"]),
        (token("root", late, SECRET), [ISSUER, "a token was refused", "the token has expired", ""]),
        (token("root", known, "another secret"), [ISSUER, "a token was refused", "signature", ""]),
        (stranger, ["a token was refused", "the issuer is not known", "", ""]),
        (own, ["its sign-in is unknown or has ended", "", "", ""]),
    ] {
        said.clear();

        assert_eq!(status(&token).await, 401);

        let tells = |line: &String| line.contains("DEBUG") && reasons.iter().all(|word| line.contains(word));
        eventually(reasons[1], async || {
            said.extend(server.log_lines());
            said.iter().any(tells)
        })
        .await;
        assert!(!said.iter().any(|line| line.contains(&token)), "{said:?}");
    }
}
