//! `lotline config check` reports what a start would refuse, and creates nothing.

use std::path::Path;

use tempfile::TempDir;

use crate::support::binary::{ProcessOutput, Server, lotline, run, serve_in};
use crate::support::wait::eventually;

fn check(folder: &Path, settings: &[(&str, &str)]) -> ProcessOutput {
    let mut command = lotline(&["config", "check"]);
    command.env("LOTLINE__SERVER__DATA_DIR", folder.join("data")).envs(settings.iter().copied());
    run(command.current_dir(folder))
}

#[track_caller]
fn is_right(ended: &ProcessOutput) {
    let said = (ended.stdout.as_str(), ended.stderr.as_str());
    assert_eq!((ended.status, said), (Some(0), ("the configuration is right\n", "")), "{ended:?}");
}

#[test]
fn what_a_start_refuses_is_reported_and_nothing_is_created() {
    let secret = "a-secret-of-more-than-thirty-two-bytes";
    let key = format!("k1:{secret}");
    let same = "127.0.0.1:18123";
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[("LOTLINE__CLUSTER__URL", "redis://127.0.0.1")], "cluster.url is set"),
        (&[("LOTLINE__CLUSTER__PREFIX", "another")], "cluster.prefix is set"),
        (
            &[("LOTLINE__AUTH__ALGORITHM", "EdDSA"), ("LOTLINE__AUTH__KEYS", key.as_str())],
            "auth.algorithm is EdDSA, and no key is for it",
        ),
        (&[("LOTLINE__AUTH__KEY_FILES", "/nowhere/key.pem")], "/nowhere/key.pem"),
        (&[("LOTLINE__SERVER__DATA_DIR", "/dev/null/data")], "/dev/null/data"),
        (
            &[("LOTLINE__SERVER__BIND", same), ("LOTLINE__TELEMETRY__METRICS_BIND", same)],
            "METRICS_BIND: is the address of server.bind",
        ),
    ];
    for (settings, words) in cases {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

        let checked = check(folder.path(), settings);
        let started = run(serve_in(elsewhere.path()).envs(settings.iter().copied()));

        assert_eq!((checked.status, checked.stdout.as_str()), (Some(2), ""), "{checked:?}");
        assert_eq!(checked.stderr.lines().count(), 1, "{checked:?}");
        assert!(checked.stderr.contains(words), "{words} in {checked:?}");
        assert!(matches!(started.status, Some(1 | 2)), "{started:?}");
        assert!(started.stderr.contains(words), "{words} in {started:?}");
        is_empty(&folder);
    }
}

#[track_caller]
fn is_empty(folder: &TempDir) {
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_configuration_that_is_right_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();

    is_right(&check(folder.path(), &[]));
    is_right(&check(folder.path(), &[("LOTLINE__AUTH__ALGORITHM", "EdDSA")]));

    is_empty(&folder);
}

#[test]
fn a_variable_with_single_underscores_is_an_error_of_the_check_and_a_warning_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let slip = ("LOTLINE_LIMITS_BODY_BYTES", "4096");
    let meant = "did you mean LOTLINE__LIMITS__BODY_BYTES?";
    // What Kubernetes sets for services called `lotline` and `lotline-server`.
    let links = [("LOTLINE_PORT", "tcp://10.0.0.1:80"), ("LOTLINE_SERVER_SERVICE_HOST", "10.0.0.1")];

    let checked = check(folder.path(), &[slip]);
    let beside = run(lotline(&["tenant", "create", "--slug", "acme", "--name", "Acme"])
        .env("LOTLINE__SERVER__DATA_DIR", folder.path())
        .envs([slip]));
    let started = run(serve_in(folder.path()).envs([slip, ("LOTLINE__AUTH__KEY_FILES", "/nowhere/key.pem")]));

    assert_eq!((checked.status, checked.stderr.contains(meant)), (Some(2), true), "{checked:?}");
    assert_eq!((beside.status, beside.stderr.contains(meant)), (Some(0), true), "{beside:?}");
    let warned = started.stderr.lines().any(|line| line.contains("WARN") && line.contains(meant));
    assert!(warned, "{started:?}");
    is_right(&check(folder.path(), &links));
}

#[tokio::test]
async fn the_listener_for_metrics_is_announced_at_the_start() {
    let folder = tempfile::tempdir().unwrap();

    let server =
        Server::start(serve_in(folder.path()).env("LOTLINE__TELEMETRY__METRICS_BIND", "127.0.0.1:0"));

    let announced = |line: &String| line.starts_with("metrics at http://127.0.0.1:");
    eventually("the address for metrics", async || server.log_lines().iter().any(announced)).await;
}
