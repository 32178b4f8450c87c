//! The program is killed just before the commit of a request, or just after it and before the answer: the retry is
//! answered, and the work is done once.

use std::collections::BTreeMap;

use lotline::base::failpoint::Failpoint;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::load::{Node, NodeClient};
use crate::support::app::Backend;
use crate::support::wait::within;

/// More requests than are needed to reach any of the failpoints.
const REQUESTS: usize = 30;
const SETTINGS: &[(&str, &str)] = &[
    ("LOTLINE__BOOTSTRAP__TENANT", "acme"),
    ("LOTLINE__BOOTSTRAP__USERNAME", "root"),
    ("LOTLINE__BOOTSTRAP__PASSWORD", "a nightingale sang in 1915"),
    ("LOTLINE__CRAWLER__ENABLED", "false"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_retry_after_a_kill_is_answered_and_the_work_is_done_once() {
    retries_after_kills(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_retry_after_a_kill_is_answered_and_the_work_is_done_once() {
    retries_after_kills(Backend::Postgres).await;
}

async fn retries_after_kills(back: Backend) {
    let mut node = Node::prepare(back, SETTINGS).await;
    node.start(&[]);
    let client = Client::signs_in(node.client()).await;
    let mut made = BTreeMap::new();

    for (point, pass) in [Failpoint::CommitAfter, Failpoint::CommitBefore].into_iter().zip([6, 4]) {
        node.kill();
        node.start(&[("LOTLINE_FAILPOINT", &format!("{}:{pass}", point.name()))]);
        let (lost, acknowledged) = client.makes_jobs_until_the_kill(point).await;
        node.wait_for_exit().await;
        node.start(&[]);

        let (job, replayed) = client.makes_job(&lost).await.unwrap();
        assert_eq!(replayed, point == Failpoint::CommitAfter, "{point:?}: what was committed is answered");
        for (key, job) in &acknowledged {
            assert_eq!(client.makes_job(key).await, Some((*job, true)), "{point:?}: {key}");
        }
        made.extend(acknowledged);
        made.insert(lost, job);
    }

    let mut kept: Vec<i64> = made.into_values().collect();
    kept.sort_unstable();
    assert_eq!(client.jobs().await, kept, "one job a key");
    node.remove().await;
}

struct Client {
    node: NodeClient,
    token: String,
}

impl Client {
    async fn signs_in(node: NodeClient) -> Self {
        let request = node.request(Method::POST, "/api/v1/auth/token");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.body("username=root&password=a+nightingale+sang+in+1915");
        let answer = json_of(request.send().await.unwrap()).await;
        Self { node, token: answer["access_token"].as_str().unwrap().to_owned() }
    }

    /// Creates the job under a key; returns it and whether it existed before. None when the node is gone.
    async fn makes_job(&self, key: &str) -> Option<(i64, bool)> {
        let body = json!({"spider_name": "auto", "target_urls": ["https://listings.example/"]});
        let request = self.node.request(Method::POST, "/api/v1/jobs").bearer_auth(&self.token);
        let request = request.header("idempotency-key", key).json(&body);
        let answer = within("the node to answer or to end", request.send()).await.ok()?;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let replayed = answer.headers().contains_key("idempotent-replayed");
        Some((json_of(answer).await["job_id"].as_i64().unwrap(), replayed))
    }

    /// The key of the unanswered request, and the jobs of the answered ones.
    async fn makes_jobs_until_the_kill(&self, point: Failpoint) -> (String, BTreeMap<String, i64>) {
        let mut made = BTreeMap::new();
        for number in 0..REQUESTS {
            let key = format!("{}-{number}", point.name());
            match self.makes_job(&key).await {
                Some((job, _)) => made.insert(key, job),
                None => return (key, made),
            };
        }
        panic!("the node was not killed at {point:?}");
    }

    async fn jobs(&self) -> Vec<i64> {
        let request = self.node.request(Method::GET, "/api/v1/jobs?limit=200").bearer_auth(&self.token);
        let page = json_of(request.send().await.unwrap()).await;
        let mut jobs: Vec<i64> =
            page["data"].as_array().unwrap().iter().map(|job| job["job_id"].as_i64().unwrap()).collect();
        jobs.sort_unstable();
        jobs
    }
}

async fn json_of(answer: reqwest::Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}
