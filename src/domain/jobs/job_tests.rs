//! Every status with every input.

use super::*;

const SEQUENCE: i64 = 5;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_000, 0).unwrap()
}

fn job(status: JobStatus, leased: bool) -> JobState {
    JobState {
        status,
        leased,
        cancel_requested: false,
        attempt: 1,
        first_attempt: 1,
        progress_sequence: SEQUENCE,
        progress_told_at: None,
    }
}

fn inputs() -> Vec<(&'static str, JobInput)> {
    vec![
        ("claim", JobInput::Claim),
        ("start", JobInput::Start),
        ("progress", JobInput::Progress { sequence: SEQUENCE + 1 }),
        ("stale", JobInput::Progress { sequence: SEQUENCE }),
        ("heartbeat", JobInput::Heartbeat),
        ("complete", JobInput::Complete { cancelled: false }),
        ("stopped", JobInput::Complete { cancelled: true }),
        ("fail", JobInput::Fail),
        ("release", JobInput::Release),
        ("cancel", JobInput::Cancel),
        ("retry", JobInput::Retry),
        ("lease_end", JobInput::LeaseEnd),
    ]
}

fn describe(outcome: Result<Transition, TransitionError>) -> String {
    match outcome {
        Ok(Transition { starts, action }) => {
            let described = match action {
                Action::Unchanged => "stay".to_owned(),
                Action::GrantLease => "lease".to_owned(),
                Action::RecordProgress(telling) => format!("tell {telling:?}"),
                Action::RequestCancel => "ask to stop".to_owned(),
                Action::Enqueue => "queue".to_owned(),
                Action::ReturnToQueue => "give back".to_owned(),
                Action::End(ending) => format!("end {ending:?}"),
            };
            if starts { format!("start, {described}") } else { described }
        }
        Err(refusal) => format!("no: {refusal:?}"),
    }
}

fn table(job: JobState) -> Vec<String> {
    inputs()
        .into_iter()
        .map(|(name, report)| format!("{name}: {}", describe(job.advance(report, now()))))
        .collect()
}

#[test]
fn a_waiting_job_can_be_claimed_or_cancelled_and_takes_no_report() {
    let expected = [
        "claim: lease",
        "start: no: LeaseLost",
        "progress: no: LeaseLost",
        "stale: no: LeaseLost",
        "heartbeat: no: LeaseLost",
        "complete: no: LeaseLost",
        "stopped: no: LeaseLost",
        "fail: no: LeaseLost",
        "release: no: LeaseLost",
        "cancel: end Cancelled",
        "retry: no: Unfinished",
        "lease_end: stay",
    ];
    assert_eq!(table(job(JobStatus::Pending, false)), expected);
}

#[test]
fn a_claimed_job_starts_with_the_first_report_of_work() {
    let expected = [
        "claim: no: NotWaiting",
        "start: start, stay",
        "progress: start, tell Now",
        "stale: start, stay",
        "heartbeat: stay",
        "complete: start, end Completed",
        "stopped: start, end Cancelled",
        "fail: start, end Failed",
        "release: give back",
        "cancel: end Cancelled",
        "retry: no: Unfinished",
        "lease_end: queue",
    ];
    assert_eq!(table(job(JobStatus::Pending, true)), expected);
}

#[test]
fn a_running_job_goes_on_until_its_worker_ends_it() {
    let expected = [
        "claim: no: NotWaiting",
        "start: stay",
        "progress: tell Now",
        "stale: stay",
        "heartbeat: stay",
        "complete: end Completed",
        "stopped: end Cancelled",
        "fail: end Failed",
        "release: give back",
        "cancel: ask to stop",
        "retry: no: Unfinished",
        "lease_end: queue",
    ];
    assert_eq!(table(job(JobStatus::Running, true)), expected);
}

#[test]
fn a_job_that_is_over_can_only_be_tried_again() {
    let expected = [
        "claim: no: NotWaiting",
        "start: no: LeaseLost",
        "progress: no: LeaseLost",
        "stale: no: LeaseLost",
        "heartbeat: no: LeaseLost",
        "complete: no: LeaseLost",
        "stopped: no: LeaseLost",
        "fail: no: LeaseLost",
        "release: no: LeaseLost",
        "cancel: no: Finished",
        "retry: queue",
        "lease_end: stay",
    ];
    for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
        assert!(status.is_terminal());
        assert_eq!(table(job(status, false)), expected);
    }
}

#[test]
fn asking_twice_to_stop_changes_nothing_and_the_end_of_the_lease_then_cancels() {
    let job = JobState { cancel_requested: true, ..job(JobStatus::Running, true) };

    assert_eq!(describe(job.advance(JobInput::Cancel, now())), "stay");
    assert_eq!(describe(job.advance(JobInput::LeaseEnd, now())), "end Cancelled");
    assert_eq!(describe(job.advance(JobInput::Complete { cancelled: false }, now())), "end Completed");
}

#[test]
fn the_third_lost_worker_since_a_person_asked_ends_the_job() {
    let attempts = |attempt, first_attempt| {
        let job = JobState { attempt, first_attempt, ..job(JobStatus::Running, true) };
        describe(job.advance(JobInput::LeaseEnd, now()))
    };

    assert_eq!([attempts(1, 1), attempts(2, 1), attempts(3, 1)], ["queue", "queue", "end WorkerLost"]);
    assert_eq!([attempts(4, 4), attempts(5, 4), attempts(6, 4)], ["queue", "queue", "end WorkerLost"]);
}

#[test]
fn progress_is_emitted_at_most_every_half_second() {
    let emitted_ago = |ms| {
        let told = now() - TimeDelta::milliseconds(ms);
        let job = JobState { progress_told_at: Some(told), ..job(JobStatus::Running, true) };
        describe(job.advance(JobInput::Progress { sequence: 9 }, now()))
    };

    assert_eq!(
        [emitted_ago(0), emitted_ago(499), emitted_ago(500)],
        ["tell Merged", "tell Merged", "tell Now"]
    );
    assert_eq!(emitted_ago(-1), "tell Now", "the clock was set back");
}
