//! `[[auth.issuers]]`, in a file and as JSON in a variable.

use secrecy::ExposeSecret;

use super::{lines, with_env, with_file};
use crate::config::{Algorithm, IssuerKeySource, UserClaim};

const STRONG: &str = "0123456789abcdef0123456789abcdef";

fn secret(keys: &IssuerKeySource) -> &str {
    match keys {
        IssuerKeySource::Secret(secret) => secret.expose_secret(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_issuer_that_publishes_its_keys_is_read() {
    let text = |url: &str, algorithms: &str| {
        format!("[[auth.issuers]]\nissuer = \"id\"\njwks_url = \"{url}\"\ntenants = [\"a\"]\n{algorithms}\n")
    };

    let settings = with_file(&text("https://id.example.com/keys", ""), &[]).unwrap();
    let issuer = &settings.auth.issuers[0];
    assert!(matches!(&issuer.keys, IssuerKeySource::Url(url) if url == "https://id.example.com/keys"));
    assert_eq!(issuer.algorithms, [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]);
    for good in ["http://127.0.0.1:9/keys", "http://[::1]/k", "http://localhost/k"] {
        assert!(with_file(&text(good, "algorithms = [\"EdDSA\"]"), &[]).is_ok(), "{good}");
    }
    for bad in ["http://id.example.com/keys", "https://u:p@id.example.com/", "file:///etc/passwd", "keys"] {
        let said = lines(with_file(&text(bad, ""), &[]));
        assert!(
            matches!(&said[..], [line] if line.contains("jwks_url") && line.contains("https://")),
            "{said:?}"
        );
    }
    let said = lines(with_file(&text("https://id.example.com/keys", "algorithms = [\"HS256\"]"), &[]));
    assert!(matches!(&said[..], [line] if line.contains("\"HS256\" is not accepted")), "{said:?}");
}

#[test]
fn an_issuer_is_read_with_its_defaults() {
    let text = format!("[[auth.issuers]]\nkey = \"{STRONG}\"\ntenants = [\"acme\"]\ndefault = true\n");

    let settings = with_file(&text, &[]).unwrap();

    let issuer = &settings.auth.issuers[0];
    assert_eq!(issuer.issuer, None);
    assert_eq!(secret(&issuer.keys), STRONG);
    assert_eq!(issuer.algorithms, [Algorithm::Hs256]);
    assert_eq!(issuer.required_claims, ["exp", "sub"]);
    assert_eq!(issuer.user_claim, UserClaim::Username("sub".to_owned()));
    assert!(issuer.default && issuer.audience.is_empty());
}

#[test]
fn an_issuer_is_read_from_json_with_its_key_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{STRONG}\n")).unwrap();
    let json = serde_json::json!([{
        "issuer": "https://id.example.com", "key_file": path, "algorithms": ["HS256"], "audience": ["lotline"],
        "required_claims": ["exp"], "claims": {"user_id": "uid"}, "tenants": ["acme", "globex"],
    }]);

    let settings = with_env(&[("LOTLINE__AUTH__ISSUERS", &json.to_string())]).unwrap();

    let issuer = &settings.auth.issuers[0];
    assert_eq!(issuer.issuer.as_deref(), Some("https://id.example.com"));
    assert_eq!(secret(&issuer.keys), STRONG);
    assert_eq!(issuer.user_claim, UserClaim::UserId("uid".to_owned()));
    assert_eq!(issuer.tenants, ["acme", "globex"]);
}

#[test]
fn every_bad_field_of_every_issuer_is_named() {
    let text = format!(
        "[[auth.issuers]]
         key = \"weak\"
         algorithms = [\"none\"]
         claims = {{ email = \"sub\" }}
         tenants = [\"Not A Slug\"]
         jwks = \"https://id.example.com/jwks\"
         default = \"yes\"
         [[auth.issuers]]
         issuer = \"lotline\"
         key = \"{STRONG}\"
         key_file = \"/nowhere\"
        "
    );

    insta::assert_snapshot!(lines(with_file(&text, &[])).join("\n"), @r#"
    lotline.toml:auth.issuers[0].algorithms: "none" is not accepted; give "HS256"
    lotline.toml:auth.issuers[0].claims: give { username = "CLAIM" } or { user_id = "CLAIM" }
    lotline.toml:auth.issuers[0].default: a text is not accepted; give true or false
    lotline.toml:auth.issuers[0].issuer: is missing; give the token's iss, or default = true for tokens without one
    lotline.toml:auth.issuers[0].jwks: there is no such field as "jwks"; there are issuer, key, key_file, jwks_url, jwks_file, algorithms, audience, required_claims, claims, tenants and default
    lotline.toml:auth.issuers[0].key: the value (not shown) is not accepted; give a shared secret of 32 bytes or more
    lotline.toml:auth.issuers[0].tenants: "Not A Slug" is not accepted; give a tenant's slug
    lotline.toml:auth.issuers[1].key_file: key is given as well; give one of the two
    lotline.toml:auth.issuers[1].tenants: is missing; give the slugs of the tenants that it may speak for
    "#);
}

#[test]
fn issuers_that_could_be_taken_for_one_another_are_refused() {
    let one = |name: &str, default: bool| {
        format!(
            "[[auth.issuers]]\nissuer = \"{name}\"\nkey = \"{STRONG}\"\ntenants = [\"a\"]\ndefault = {default}\n"
        )
    };

    let said = |text: String| lines(with_file(&text, &[])).join("\n");
    assert!(said(one("lotline", false)).contains("is our own"));
    assert!(said(one("x", false) + &one("x", false)).contains("is used twice"));
    assert!(said(one("x", true) + &one("y", true)).contains("more than one issuer is the default"));
    assert_eq!(said(one("x", true) + &one("y", false)), "");
}

#[test]
fn json_that_does_not_parse_is_refused_without_being_quoted() {
    let said = lines(with_env(&[("LOTLINE__AUTH__ISSUERS", "[\"canary-secret\"]")]));

    assert!(matches!(&said[..], [line] if line.contains("line 1") && !line.contains("canary")), "{said:?}");
}
