//! Everybody comes back at once.

use std::time::Duration;

use futures_util::StreamExt;
use lotline::base::clock::Clock;
use lotline::base::entropy::Entropy;
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::server::Server;
use crate::{Outcome, PATIENCE, Socket, Tenant, Wish, say, since};

/// All sockets are gone at once; each comes back at a time of its own, does as it is told when it is refused, and must
/// get what its tenant was told meanwhile.
pub async fn storm(
    wish: &Wish,
    jitter: u64,
    server: &Server,
    tenants: &[Tenant],
    clock: &Clock,
) -> Outcome<bool> {
    let client = reqwest::Client::new();
    let (before, began, mut returns) = (server.usage()?, clock.now(), JoinSet::new());
    for tokens in tenants {
        let Some(admin) = tokens.first() else { continue };
        let head = client.get(format!("{}/api/v1/events", server.url)).bearer_auth(admin).send().await?;
        let head: serde_json::Value = head.error_for_status()?.json().await?;
        let since = head["position"].as_str().ok_or("no position")?.to_owned();
        let told = client.post(format!("{}/api/v1/admin/broadcast", server.url)).bearer_auth(admin);
        told.json(&serde_json::json!({ "message": "missed" })).send().await?.error_for_status()?;
        for token in tokens.iter().flat_map(|token| std::iter::repeat_n(token, wish.sockets)) {
            let url = server.url.replacen("http://", "ws://", 1);
            let url = format!("{url}/ws?token={token}&since={since}");
            let wait = Duration::from_millis(Entropy.below(jitter * 1_000 + 1));
            returns.spawn(come_back(url, clock.clone(), began, wait));
        }
    }
    let (mut spans, mut refusals, mut sockets) = (Vec::new(), 0, Vec::new());
    while let Some(returned) = returns.join_next().await {
        let (socket, span, refused) = returned??;
        spans.push(span);
        refusals += refused;
        sockets.push(socket);
    }
    spans.sort_by(f64::total_cmp);
    let last = spans.last().copied().unwrap_or_default();
    let cpu_secs = server.usage()?.cpu_secs - before.cpu_secs;
    say(format!("storm: {} resumed in {last:.1} s, {refusals} refusals, {cpu_secs:.2} CPU-s", spans.len()))?;
    Ok(last < PATIENCE.as_secs_f64())
}

/// The socket, the seconds since the cut, and how often it was refused.
async fn come_back(
    url: String,
    clock: Clock,
    cut: chrono::DateTime<chrono::Utc>,
    wait: Duration,
) -> Outcome<(Socket, f64, u64)> {
    clock.sleep(wait).await;
    let mut refused = 0;
    loop {
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        match connect_async_with_config(&url, Some(config), true).await {
            Ok((mut socket, _)) => {
                while let Some(message) = socket.next().await {
                    if message?.to_text().is_ok_and(|text| text.contains("\"missed\"")) {
                        return Ok((socket, since(&clock, cut), refused));
                    }
                }
                return Err("the socket ended before its replay did".into());
            }
            Err(tungstenite::Error::Http(answer)) if matches!(answer.status().as_u16(), 429 | 503) => {
                refused += 1;
                let seconds = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1);
                clock.sleep(Duration::from_secs(seconds)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
