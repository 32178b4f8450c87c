//! No secret appears in any output of the configuration.

use super::{lines, with_env, with_file};

const STRONG: &str = "canary-0123456789abcdef0123456789abcdef";

#[test]
fn a_secret_that_is_accepted_is_neither_printed_nor_debugged() {
    let keys = format!("first:{STRONG}");
    let issuers = format!(r#"[{{"issuer": "x", "key": "{STRONG}", "tenants": ["acme"]}}]"#);

    let settings = with_env(&[
        ("LOTLINE__DATABASE__URL", "postgres://ann:canary@db/x?sslpassword=canary"),
        ("LOTLINE__DATABASE__SYSTEM_URL", "postgres://system:canary@db/x"),
        ("LOTLINE__DATABASE__MIGRATE_URL", "postgres://owner:canary@db/x"),
        ("LOTLINE__CLUSTER__URL", "rediss://:canary@cache"),
        ("LOTLINE__AUTH__KEYS", &keys),
        ("LOTLINE__AUTH__SEAL_KEY", STRONG),
        ("LOTLINE__AUTH__ISSUERS", &issuers),
        ("LOTLINE__BOOTSTRAP__TENANT", "acme"),
        ("LOTLINE__BOOTSTRAP__USERNAME", "ann"),
        ("LOTLINE__BOOTSTRAP__PASSWORD", "canary-password"),
        ("LOTLINE__TELEMETRY__METRICS_KEY", "canary-of-the-figures"),
    ])
    .unwrap();

    let printed = settings.to_toml();
    assert!(!printed.contains("canary"), "{printed}");
    assert!(printed.contains("url = \"postgres://ann:********@db/x?********\" # LOTLINE__DATABASE__URL"));
    assert!(printed.contains("keys = [\"********\"]"));
    assert!(printed.contains("password = \"********\""));
    assert!(printed.contains("metrics_key = \"********\""));
    assert!(!format!("{settings:?}").contains("canary"));
}

#[test]
fn a_secret_that_is_refused_is_not_quoted() {
    let weak = [
        ("LOTLINE__DATABASE__URL", "mysql://ann:canary@db/x"),
        ("LOTLINE__CLUSTER__URL", "http://:canary@cache"),
        ("LOTLINE__AUTH__KEYS", "canary"),
        ("LOTLINE__AUTH__SEAL_KEY", "canary"),
        ("LOTLINE__AUTH__ISSUERS", r#"[{"key": "canary", "tenants": ["a"], "default": true}]"#),
        ("LOTLINE__BOOTSTRAP__PASSWORD", "canary"),
        ("LOTLINE__TELEMETRY__METRICS_KEY", "canary"),
        ("LOTLINE__TELEMETRY__METRICS_KEY", "canary with blanks in it"),
    ];
    for variable in weak {
        let said = lines(with_env(&[variable]));
        assert!(!said.is_empty(), "{variable:?}");
        assert!(!said.iter().any(|line| line.contains("canary")), "{said:?}");
    }
    let said = lines(with_file("[auth]\nkeys = \"canary\"\nseal_key = [\"canary\"]\n", &[]));
    assert!(said.len() == 2 && !said.iter().any(|line| line.contains("canary")), "{said:?}");
}
