//! The compiled-in defaults, and that the comments of the default file are true.

use std::path::Path;
use std::time::Duration;

use super::{lines, with_env};
use crate::config::keys::keys;
use crate::config::{Settings, Store};

#[test]
fn no_configuration_at_all_runs_on_one_folder() {
    let settings = with_env(&[]).unwrap();

    assert_eq!(settings.server.bind, "127.0.0.1:8001".parse().unwrap());
    assert!(matches!(settings.store(), Store::Sqlite { path } if path == Path::new("./data/lotline.db")));
    assert_eq!(settings.uploads_dir(), Path::new("./data/uploads"));
    assert_eq!(settings.keys_dir(), Path::new("./data/keys"));
    assert!(settings.cluster.url.is_none());
    assert!(settings.bootstrap.first_admin.is_none());
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let Settings { limits, auth, eventlog, crawler, uploads, .. } = with_env(&[]).unwrap();

    assert_eq!((limits.sockets_per_user, limits.upload_sockets_per_user, limits.streams_per_user), (5, 2, 6));
    assert_eq!((limits.connections_per_tenant, limits.connections_per_address), (None, None));
    assert_eq!((limits.subscriptions_per_socket, limits.message_bytes), (100, 64 << 10));
    assert_eq!((limits.messages_per_second, limits.queue_bytes), (30, 256 << 10));
    assert_eq!((limits.body_bytes, limits.batch_bytes), (1 << 20, 8 << 20));
    assert_eq!(limits.heartbeat(), Duration::from_secs(25));
    assert_eq!(limits.lease(), Duration::from_secs(60));
    assert_eq!(auth.access_ttl(), Duration::from_secs(900));
    assert!(!auth.registration && auth.default_tenant.is_none() && auth.keys.is_empty());
    assert_eq!(eventlog.poll_interval(), Duration::from_secs(1));
    assert_eq!((crawler.max_pages, crawler.max_depth), (10_000, 50));
    assert_eq!((uploads.max_bytes, uploads.abandoned_seconds), (1 << 30, 86_400));
}

#[test]
fn each_key_of_the_default_file_is_read_in_its_order_and_no_other() {
    let settings = with_env(&[]).unwrap();

    let read: Vec<_> = settings.effective_keys().map(str::to_owned).collect();
    let listed: Vec<_> = keys().iter().map(|key| key.path()).collect();
    assert_eq!(read, listed);
}

#[test]
fn the_bounds_in_the_comments_are_the_bounds_that_are_kept() {
    for key in keys().iter().filter(|key| key.default.parse::<i64>().is_ok()) {
        let (least, most) = bounds(key.meaning).expect(key.name);
        let complaints = |value: i64| {
            let all = lines(with_env(&[(&key.variable(), &value.to_string())]));
            all.into_iter().filter(|line| line.contains("out of range")).count()
        };

        assert_eq!(complaints(least), 0, "{} at its least", key.path());
        assert_eq!(complaints(most), 0, "{} at its most", key.path());
        assert_eq!(complaints(least - 1), 1, "{} below its least", key.path());
        assert_eq!(complaints(most + 1), 1, "{} above its most", key.path());
    }
}

/// The last `A to B` of a comment, without its final dot.
fn bounds(meaning: &str) -> Option<(i64, i64)> {
    let words: Vec<&str> = meaning.trim_end_matches('.').split(' ').collect();
    let to = words.iter().rposition(|word| *word == "to")?;
    let least = words.get(to.checked_sub(1)?)?.parse().ok()?;
    Some((least, words.get(to + 1)?.parse().ok()?))
}
