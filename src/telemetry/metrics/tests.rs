//! The text that a scraper gets, and the limit of its size.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::*;
use crate::base::ids::TenantId;
use crate::protocol::problem::Code;

#[test]
fn a_metric_is_written_in_the_prometheus_format() {
    let metrics = Metrics::default();

    metrics.http_requests.set_patterns(["/api/v1/jobs".to_owned()].into_iter());
    metrics.record_response(Some(0), Method::Get, 200, Duration::from_millis(3));
    metrics.record_response(Some(7), Method::Other, 404, Duration::from_secs(20));
    metrics.count_refusal(Code::NotFound);
    metrics.frames_out.of(Carrier::Stream).add(5);
    let text = metrics.text();

    for line in [
        "# TYPE lotline_http_requests_total counter",
        "lotline_http_requests_total{route=\"/api/v1/jobs\",method=\"GET\",status=\"2xx\"} 1",
        "lotline_http_requests_total{route=\"unmatched\",method=\"other\",status=\"4xx\"} 1",
        "lotline_refusals_total{code=\"not_found\"} 1",
        "lotline_frames_delivered_total{carrier=\"stream\"} 5",
        "lotline_http_request_duration_seconds_bucket{route=\"unmatched\",le=\"0.005\"} 1",
        "lotline_http_request_duration_seconds_bucket{route=\"unmatched\",le=\"10\"} 1",
        "lotline_http_request_duration_seconds_bucket{route=\"unmatched\",le=\"+Inf\"} 2",
        "lotline_http_request_duration_seconds_count{route=\"unmatched\"} 2",
        "lotline_passing_dropped_total 0",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }
}

#[test]
fn a_flag_is_written_once_set_and_then_also_when_false() {
    let metrics = Metrics::default();
    assert!(!metrics.text().contains("lotline_crawler_reader_sandbox{"));

    metrics.reader_sandbox.of(SandboxLayer::Seccomp).set(true);
    metrics.reader_sandbox.of(SandboxLayer::LandlockTcp).set(false);
    let text = metrics.text();

    assert!(text.contains("lotline_crawler_reader_sandbox{layer=\"seccomp\"} 1\n"), "{text}");
    assert!(text.contains("lotline_crawler_reader_sandbox{layer=\"landlock_tcp\"} 0\n"), "{text}");
    assert!(!text.contains("layer=\"memory\""), "{text}");
}

#[test]
fn names_follow_the_conventions_and_are_unique() {
    let rows = Metrics::rows();
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();

    assert_eq!(names.len(), rows.len());
    for row in rows {
        assert_eq!(row.kind == "counter", row.name.ends_with("_total"), "{}", row.name);
        assert_eq!(
            row.kind == "histogram",
            row.name.ends_with("_seconds") && row.kind != "gauge",
            "{}",
            row.name
        );
        assert!(row.help.ends_with('.'), "{}: {}", row.name, row.help);
    }
}

#[test]
fn every_label_has_a_cell_for_each_of_its_values() {
    fn all<L: Label>(every: &[L]) {
        let indexes: Vec<usize> = every.iter().map(|one| one.index()).collect();
        assert_eq!(indexes, (0..L::words().len()).collect::<Vec<_>>(), "{}", L::NAME);
    }

    all(Carrier::ALL);
    all(Code::ALL);
    all(crate::protocol::problem::CloseCode::ALL);
    all(TokenRefusal::ALL);
    all(AdmissionLimit::ALL);
    all(EventKind::ALL);
    all(SandboxLayer::ALL);
    all(ReaderExit::ALL);
}

#[test]
fn events_are_averaged_over_the_last_minute() {
    let meter = TenantMeter::default();
    let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();

    meter.record_appended(30, now);
    meter.record_appended(90, now + TimeDelta::seconds(10));

    assert_eq!(meter.events_per_second(now + TimeDelta::seconds(59)), 2.0);
    assert_eq!(meter.events_per_second(now + TimeDelta::seconds(60)), 1.5);
    assert_eq!(meter.events_per_second(now + TimeDelta::seconds(70)), 0.0);
    assert_eq!(meter.events.get(), 120);
}

#[test]
fn tenants_beyond_the_bound_count_as_other() {
    let meters = TenantMeters::default();
    for id in 1..=5 {
        meters.of(TenantId(id)).bytes_out.add(id.unsigned_abs() * 10);
    }

    let busiest = meters.busiest_first();
    let named: Vec<_> = busiest[..2].iter().map(|(id, meter)| (format!("t{id}"), meter.clone())).collect();
    let text = tenants_text(&named, &busiest[2..]);

    assert!(text.contains("lotline_tenant_delivered_bytes_total{tenant=\"t5\"} 50\n"), "{text}");
    assert!(text.contains("lotline_tenant_delivered_bytes_total{tenant=\"t4\"} 40\n"), "{text}");
    assert!(text.contains("lotline_tenant_delivered_bytes_total{tenant=\"other\"} 60\n"), "{text}");
    assert!(!text.contains("t3"), "{text}");
}

#[test]
fn threads_count_together() {
    let counter = HotCounter::default();

    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..1_000).for_each(|_| counter.add(1)));
        }
    });

    assert_eq!(counter.get(), 16_000);
}
