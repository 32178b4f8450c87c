//! Which layer wins, and how variables are read.

use std::path::Path;

use secrecy::ExposeSecret;

use super::{lines, load, with_env, with_file};
use crate::config::{LogFormat, Store};

#[test]
fn the_file_overrides_the_defaults_and_a_variable_overrides_the_file() {
    let text = "[limits]\nsockets_per_user = 7\nstreams_per_user = 8\n[telemetry]\nlog_format = \"json\"\n";

    let settings = with_file(text, &[("LOTLINE__LIMITS__SOCKETS_PER_USER", "9")]).unwrap();

    assert_eq!((settings.limits.sockets_per_user, settings.limits.streams_per_user), (9, 8));
    assert_eq!(settings.limits.upload_sockets_per_user, 2);
    assert_eq!(settings.telemetry.log_format, LogFormat::Json);
}

#[test]
fn a_port_alone_listens_on_every_address_and_overrides_the_file() {
    let settings = with_file("[server]\nbind = \"127.0.0.1:1\"\n", &[("PORT", "8080")]).unwrap();

    assert_eq!(settings.server.bind, "0.0.0.0:8080".parse().unwrap());
}

#[test]
fn an_explicit_variable_wins_over_an_alias() {
    let settings = with_env(&[
        ("PORT", "not even a port"),
        ("LOTLINE__SERVER__BIND", "[::1]:9000"),
        ("DATABASE_URL", "postgres://alias/x"),
        ("LOTLINE__DATABASE__URL", "postgres://explicit/x"),
        ("REDIS_URL", "redis://alias"),
    ])
    .unwrap();

    assert_eq!(settings.server.bind, "[::1]:9000".parse().unwrap());
    assert!(
        matches!(settings.store(), Store::Postgres { url } if url.expose_secret() == "postgres://explicit/x")
    );
    assert_eq!(settings.cluster.url.unwrap().expose_secret(), "redis://alias");
}

#[test]
fn an_empty_alias_is_no_alias() {
    let settings = with_env(&[("PORT", ""), ("DATABASE_URL", ""), ("REDIS_URL", "")]).unwrap();

    assert_eq!(settings.server.bind.port(), 8001);
    assert!(matches!(settings.store(), Store::Sqlite { .. }));
    assert!(settings.cluster.url.is_none());
}

#[test]
fn lists_in_variables_are_separated_by_commas() {
    let settings = with_env(&[
        ("LOTLINE__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("LOTLINE__CORS__ALLOWED_ORIGINS", "https://App.example.com:443/,http://localhost:3000,"),
        ("LOTLINE__CRAWLER__ALLOWED_PRIVATE_HOSTS", "localhost:8099,[::1]:80"),
    ])
    .unwrap();

    assert!(settings.server.trusts("10.9.8.7".parse().unwrap()));
    assert!(settings.server.trusts("::1".parse().unwrap()));
    assert!(!settings.server.trusts("192.0.2.1".parse().unwrap()));
    assert_eq!(settings.cors.allowed_origins, ["https://app.example.com", "http://localhost:3000"]);
    assert!(settings.crawler.allowed_private_hosts.contains(&("localhost".to_owned(), 8099)));
    assert!(settings.crawler.allowed_private_hosts.contains(&("[::1]".to_owned(), 80)));
}

#[test]
fn a_value_is_read_from_a_file_without_the_newline_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seal");
    std::fs::write(&path, "  a seal of some thirty-two bytes, spaced  \r\n").unwrap();

    let settings = with_env(&[("LOTLINE__AUTH__SEAL_KEY__FILE", path.to_str().unwrap())]).unwrap();

    let seal = settings.auth.seal_key.unwrap();
    assert_eq!(seal.expose_secret(), "  a seal of some thirty-two bytes, spaced  ");
}

#[test]
fn a_value_and_its_file_together_are_refused() {
    let twice = [("LOTLINE__AUTH__ISSUER", "x"), ("LOTLINE__AUTH__ISSUER__FILE", "/dev/null")];

    let said = "LOTLINE__AUTH__ISSUER__FILE: LOTLINE__AUTH__ISSUER is set as well; set one of the two";
    assert_eq!(lines(with_env(&twice)), [said]);
}

#[test]
fn a_missing_file_stops_the_start() {
    let said = lines(load(Some(Path::new("/nowhere/lotline.toml")), &[]));
    assert!(matches!(&said[..], [line] if line.starts_with("/nowhere/lotline.toml: cannot be read: ")));

    let said = lines(with_env(&[("LOTLINE__AUTH__SEAL_KEY__FILE", "/nowhere/seal")]));
    assert!(matches!(&said[..], [line] if line.contains("SEAL_KEY__FILE: cannot read \"/nowhere/seal\"")));
}

#[test]
fn what_is_printed_loads_to_the_same() {
    let variables = [
        ("LOTLINE__SERVER__DATA_DIR", "/var/lib/lot \"line\""),
        ("LOTLINE__CORS__ALLOWED_ORIGINS", "https://a.example,https://b.example"),
        ("LOTLINE__EVENTLOG__RETENTION_EVENTS", "5_000"),
        ("DATABASE_URL", "sqlite:///srv/lots.db"),
    ];
    let first = with_env(&variables).unwrap();

    let second = with_file(&first.to_toml(), &[]).unwrap();

    assert!(first.to_toml().contains("retention_events = 5000 # LOTLINE__EVENTLOG__RETENTION_EVENTS\n"));
    let bare = |text: &str| -> toml::Table { text.parse().unwrap() };
    assert_eq!(bare(&first.to_toml()), bare(&second.to_toml()));
    assert!(matches!(second.store(), Store::Sqlite { path } if path == Path::new("/srv/lots.db")));
}
