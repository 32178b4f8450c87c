//! What is refused, with which messages, all errors at once.

use proptest::prelude::*;

use super::{lines, with_env, with_file};
use crate::config::format_errors;
use crate::config::keys::keys;

#[test]
fn all_errors_are_reported_at_once() {
    let text = "
        [server]
        bnid = \"127.0.0.1:1\"
        public_url = \"example.com\"
        trusted_proxies = [\"10.0.0.0/40\", 7]
        [limitz]
        sockets_per_user = 1
        [limits]
        heartbeat_seconds = 0
        queue_bytes = \"many\"
        wholly_unheard_of = 1
        [rooms]
        create_on_join = 1
    ";
    let variables = [
        ("LOTLINE__AUTH__SEAL_KEY", "short"),
        ("LOTLINE__LIMITS__BODY_BYTES", "1 MiB"),
        ("LOTLINE__LIMIT__BODY_BYTES", "1024"),
        ("LOTLINE__NONSENSE", "1"),
        ("PORT", "99999"),
        ("UNRELATED", "anything"),
    ];

    let said = lines(with_file(text, &variables));

    insta::assert_snapshot!(said.join("\n"), @r#"
    lotline.toml:limits.heartbeat_seconds: 0 is out of range; give a whole number from 1 to 60
    lotline.toml:limits.queue_bytes: a text is not accepted; give a whole number from 131072 to 67108864
    lotline.toml:limits.wholly_unheard_of: there is no such key; [limits] has sockets_per_user, upload_sockets_per_user, streams_per_user, sessions_per_user, sign_ins_per_user, sign_ins_per_tenant, connections_per_tenant, connections_per_address, connects_in_flight, joins_in_flight, connects_waiting, requests_per_user, requests_per_tenant, requests_per_address, connects_per_tenant, messages_per_tenant, bytes_out_per_tenant, pending_jobs_per_tenant, subscriptions_per_socket, message_bytes, messages_per_second, heartbeat_seconds, queue_bytes, body_bytes, batch_bytes, bodies_in_flight_bytes, lease_seconds, retake_seconds, waiting_claims_per_key, waiting_claims_per_tenant
    lotline.toml:limitz: there is no such section; did you mean [limits]?
    lotline.toml:rooms.create_on_join: a whole number is not accepted; give true or false
    lotline.toml:server.bnid: there is no such key; did you mean bind?
    lotline.toml:server.public_url: "example.com" is not accepted; give an http or https address that people open, of one host: no `*`, 0.0.0.0 or [::]
    lotline.toml:server.trusted_proxies: "10.0.0.0/40" is not accepted; give an address or a network such as 10.0.0.0/8 or fd00::/8
    lotline.toml:server.trusted_proxies: not all of the array are texts; give a list of texts, each an address or a network such as 10.0.0.0/8 or fd00::/8
    LOTLINE__AUTH__SEAL_KEY: the value (not shown) is not accepted; give 32 bytes or more
    LOTLINE__LIMITS__BODY_BYTES: "1 MiB" is not accepted; give a whole number from 1024 to 67108864
    LOTLINE__LIMIT__BODY_BYTES: there is no such variable; did you mean LOTLINE__LIMITS__BODY_BYTES?
    LOTLINE__NONSENSE: there is no such variable; names are LOTLINE__SECTION__KEY, as listed in docs/configuration.md
    PORT: "99999" is no port; give 0 to 65535
    "#);
}

#[test]
fn a_public_address_names_one_host_that_can_be_opened() {
    let hosts = ["*.example.com", "0.0.0.0:8001", "[::]:8001", "[::ffff:0.0.0.0]", "%2A.example.com"];
    for host in hosts {
        let url = format!("https://{host}");
        let said = lines(with_env(&[("LOTLINE__SERVER__PUBLIC_URL", url.as_str())]));

        assert!(said.len() == 1 && said[0].contains("of one host"), "{host}: {said:?}");
    }
    for url in ["https://lots.example.com/base", "http://localhost:8001", "http://[::1]:8001"] {
        assert!(with_env(&[("LOTLINE__SERVER__PUBLIC_URL", url)]).is_ok(), "{url}");
    }
}

#[test]
fn a_file_that_does_not_parse_names_its_lines_and_quotes_none_of_them() {
    let text = "[auth]\nseal_key = canary-secret\nissuer = \"x\"\nissuer = \"y\"\n";

    let said = lines(with_file(text, &[("LOTLINE__LIMITS__HEARTBEAT_SECONDS", "0")]));

    assert!(said.iter().any(|line| line.starts_with("lotline.toml:2: ")), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("lotline.toml:4: ")), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("LOTLINE__LIMITS__HEARTBEAT_SECONDS: ")), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("canary")), "{said:?}");
}

#[test]
fn good_values_that_contradict_each_other_are_refused_where_one_was_changed() {
    let said = lines(with_env(&[
        ("LOTLINE__AUTH__ACCESS_TTL_SECONDS", "86400"),
        ("LOTLINE__AUTH__REFRESH_TTL_SECONDS", "86400"),
        ("LOTLINE__LIMITS__BODY_BYTES", "9000000"),
        ("LOTLINE__CRAWLER__PAGES_MB", "15"),
        ("LOTLINE__DATABASE__SYSTEM_URL", "postgres://system@db/x"),
        ("LOTLINE__UPLOADS__TENANT_BYTES", "1000"),
        ("LOTLINE__BOOTSTRAP__USERNAME", "ann"),
    ]));

    insta::assert_snapshot!(said.join("\n"), @r#"
    LOTLINE__AUTH__REFRESH_TTL_SECONDS: auth.refresh_ttl_seconds must be more than auth.access_ttl_seconds
    LOTLINE__BOOTSTRAP__USERNAME: needs bootstrap.tenant and bootstrap.password beside it; give tenant, username and password, or none
    LOTLINE__CRAWLER__PAGES_MB: crawler.pages_mb must have room for two pages of crawler.page_bytes
    LOTLINE__DATABASE__SYSTEM_URL: is for PostgreSQL only; give database.url as postgres://… or leave it out
    LOTLINE__LIMITS__BODY_BYTES: limits.batch_bytes must not be less than limits.body_bytes
    LOTLINE__UPLOADS__TENANT_BYTES: uploads.tenant_bytes must be 0 or no less than uploads.max_bytes
    "#);
}

#[test]
fn metrics_without_a_key_are_served_on_loopback_only() {
    let bind = "LOTLINE__TELEMETRY__METRICS_BIND";
    for open in ["0.0.0.0:9001", "[::]:9001", "192.0.2.1:9001", "[::ffff:192.0.2.1]:9001"] {
        let said = lines(with_env(&[(bind, open)]));
        assert!(said.len() == 1 && said[0].contains("telemetry.metrics_key"), "{said:?}");
        assert!(with_env(&[(bind, open), ("LOTLINE__TELEMETRY__METRICS_KEY", "sixteen-characters")]).is_ok());
    }
    for own in ["127.0.0.1:9001", "[::1]:9001", "127.9.9.9:0", ""] {
        assert!(with_env(&[(bind, own)]).is_ok(), "{own}");
    }
    assert_eq!(lines(with_env(&[(bind, "9001")])).len(), 1);
}

#[test]
fn the_budget_of_bodies_has_room_for_a_batch_in_a_tenants_half() {
    let said = lines(with_env(&[("LOTLINE__LIMITS__BODIES_IN_FLIGHT_BYTES", "16777216")]));

    assert!(said.len() == 1 && said[0].contains("four times limits.batch_bytes"), "{said:?}");
    let said = lines(with_env(&[("LOTLINE__LIMITS__BATCH_BYTES", "268435456")]));
    assert!(said.len() == 1 && said[0].starts_with("LOTLINE__LIMITS__BATCH_BYTES"), "{said:?}");
}

#[test]
fn a_value_that_is_bad_by_itself_is_not_compared() {
    let said = lines(with_env(&[("LOTLINE__LIMITS__BATCH_BYTES", "none")]));

    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn one_role_for_everything_is_allowed_on_postgresql() {
    assert!(with_env(&[("DATABASE_URL", "postgresql://lotline:x@db/lotline")]).is_ok());
}

#[test]
fn addresses_of_other_stores_are_refused() {
    for url in
        ["mysql://db/x", "postgres:db", "sqlite::memory:", "sqlite:a.db?mode=memory", "sqlite:", "db/x"]
    {
        assert_eq!(lines(with_env(&[("DATABASE_URL", url)])).len(), 1, "{url}");
    }
    for url in ["http://cache", "redis:", "cache:6379"] {
        assert_eq!(lines(with_env(&[("REDIS_URL", url)])).len(), 1, "{url}");
    }
}

#[test]
fn a_misspelt_level_does_not_silence_the_log() {
    for filter in ["inof", "lotline=loud", "", "info,,debug", "info debug"] {
        assert_eq!(lines(with_env(&[("LOTLINE__TELEMETRY__LOG_FILTER", filter)])).len(), 1, "{filter:?}");
    }
    for filter in
        ["info", "WARN", "lotline=debug,warn", "lotline::session=trace, info", "lotline[request]=debug"]
    {
        assert!(with_env(&[("LOTLINE__TELEMETRY__LOG_FILTER", filter)]).is_ok(), "{filter:?}");
    }
}

#[test]
fn origins_with_more_than_an_origin_are_refused() {
    for origin in
        ["https://a.example/app", "*", "null", "a.example", "https://ann@a.example", "ftp://a.example"]
    {
        assert_eq!(lines(with_env(&[("LOTLINE__CORS__ALLOWED_ORIGINS", origin)])).len(), 1, "{origin}");
    }
}

#[test]
fn signing_keys_must_be_strong_and_have_distinct_ids() {
    let strong = "a".repeat(32);
    let refused = [
        "a:tooshort".to_owned(),
        strong.clone(),
        format!("bad kid:{strong}"),
        format!(":{strong}"),
        format!("a:{strong},a:{strong}"),
        format!("a:-----BEGIN PUBLIC KEY-----{strong}"),
    ];
    for keys in &refused {
        assert_eq!(lines(with_env(&[("LOTLINE__AUTH__KEYS", keys)])).len(), 1, "{keys}");
    }
    let accepted = with_env(&[("LOTLINE__AUTH__KEYS", &format!("new:{strong},old:{strong}"))]).unwrap();
    assert_eq!(accepted.auth.keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["new", "old"]);
}

proptest! {
    /// For any text in a variable or a file: success, or errors of one line each.
    #[test]
    fn errors_for_any_text_are_whole_lines(index in 0..100_usize, value in "\\PC*|[\\s\\S]{0,40}", file in "[\\s\\S]{0,60}") {
        let key = &keys()[index % keys().len()];
        for outcome in [with_env(&[(&key.variable(), &value)]), with_file(&file, &[])] {
            if let Err(faults) = outcome {
                prop_assert_eq!(format_errors(&faults).lines().count(), faults.len());
            }
        }
    }
}
