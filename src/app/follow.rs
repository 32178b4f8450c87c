//! `lotline follow`: a server's events in the terminal. It resumes by itself, from the last position seen.

use std::io::Write;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use super::cli::FollowArgs;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;

/// Waits between two tries, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How a stream ended.
enum Ended {
    /// Try again from the last position.
    Again(String),
    /// Trying again would not help.
    ForGood(String),
}

/// Follows until the server says that there is no sense in it.
pub async fn run(args: FollowArgs, clock: &Clock) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        // The server gives a sign of life every 15 seconds.
        .read_timeout(Duration::from_secs(45))
        .build()
        .map_err(|error| error.to_string())?;
    let mut position = args.since.clone();
    let mut tries = 0_u32;
    loop {
        let before = position.clone();
        match follow(&client, &args, &mut position).await {
            Ended::ForGood(words) => return Err(words),
            Ended::Again(words) => {
                tries = if position == before { tries + 1 } else { 0 };
                let wait = pause(tries, Entropy);
                say_aside(&format!("{words}; trying again in {:.1} s", wait.as_secs_f64()));
                clock.sleep(wait).await;
            }
        }
    }
}

async fn follow(client: &reqwest::Client, args: &FollowArgs, position: &mut Option<String>) -> Ended {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("subscriptions", &args.subscriptions)
        .finish();
    let url = format!("{}/sse/events?{query}", args.url.trim_end_matches('/'));
    let mut request = client.get(url).bearer_auth(&args.token);
    if let Some(position) = position {
        request = request.header("Last-Event-ID", position.as_str());
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Ended::Again(format!("cannot reach {}: {error}", args.url)),
    };
    let status = answer.status();
    if !status.is_success() {
        let body: Value = answer.json().await.unwrap_or_default();
        let detail = body["detail"].as_str().unwrap_or("refused").to_owned();
        let words = format!("{} {detail}", status.as_u16());
        let passing = status.is_server_error() || status.as_u16() == 429;
        return if passing { Ended::Again(words) } else { Ended::ForGood(words) };
    }
    read(answer, args, position).await
}

async fn read(answer: reqwest::Response, args: &FollowArgs, position: &mut Option<String>) -> Ended {
    let mut bytes = answer.bytes_stream();
    let mut pending = Vec::new();
    while let Some(chunk) = bytes.next().await {
        let Ok(chunk) = chunk else { break };
        pending.extend_from_slice(&chunk);
        while let Some(end) = find(&pending, b"\n\n") {
            let block: Vec<u8> = pending.drain(..end + 2).collect();
            let block = Block::parse(&String::from_utf8_lossy(&block));
            if block.event == "problem" {
                let detail = serde_json::from_str::<Value>(&block.data).unwrap_or_default();
                return ended(&detail);
            }
            if let Some(id) = block.id {
                *position = Some(id);
            }
            if !block.data.is_empty() {
                show(&block.data, args.json);
            }
        }
    }
    Ended::Again("the stream ended".to_owned())
}

fn ended(problem: &Value) -> Ended {
    let words = problem["detail"].as_str().unwrap_or("the server ended the stream").to_owned();
    match problem["close_code"].as_u64() {
        Some(4400 | 4401 | 4403 | 4404 | 4410) => Ended::ForGood(words),
        _ => Ended::Again(words),
    }
}

/// One block of an event stream (WHATWG HTML, section 9.2.6).
struct Block {
    id: Option<String>,
    event: String,
    data: String,
}

impl Block {
    fn parse(text: &str) -> Self {
        let mut block = Self { id: None, event: String::new(), data: String::new() };
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => block.id = Some(value.to_owned()),
                "event" => value.clone_into(&mut block.event),
                "data" => block.data.push_str(value),
                _ => {}
            }
        }
        block
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn pause(tries: u32, entropy: Entropy) -> Duration {
    let most = Duration::from_millis(500).saturating_mul(1 << tries.min(8)).min(LONGEST_WAIT);
    Duration::from_millis(entropy.below(most.as_millis() as u64).max(100))
}

fn show(data: &str, as_json: bool) {
    let line = match serde_json::from_str::<Value>(data) {
        Ok(message) if !as_json => sentence(&message),
        _ => data.to_owned(),
    };
    // A closed pipe ends the program at the next signal; there is nobody left to tell.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn say_aside(words: &str) {
    let _ = writeln!(std::io::stderr().lock(), "follow: {words}");
}

/// A message as a line to read.
pub fn sentence(message: &Value) -> String {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| message[name].as_i64().unwrap_or_default();
    let at = text("occurred_at");
    let at = at.get(11..23).unwrap_or("            ");
    let words = match message["type"].as_str().unwrap_or_default() {
        "connection_established" => {
            format!("connected as {} in tenant {}", text("username"), number("tenant_id"))
        }
        "job_update" => job(message),
        "property_update" => property(message),
        "property_notification" => format!("{} new properties in {}", number("count"), text("location")),
        "system_notification" | "admin_notification" => format!("[{}] {}", text("category"), text("message")),
        "system_alert" => format!("{} {}: {}", text("severity"), text("category"), text("message")),
        "gap" => format!("events are missing ({}); read {}", text("reason"), text("resync_url")),
        _ => message.to_string(),
    };
    let kind = message["event"].as_str().or(message["type"].as_str()).unwrap_or_default();
    format!("{at} {kind:<18} {words}")
}

fn job(message: &Value) -> String {
    let number = message["job_id"].as_i64().unwrap_or_default();
    let spider = message["spider_name"].as_str().unwrap_or_default();
    let mut words = format!("job {number} ({spider})");
    if let Some(progress) = message["progress"].as_object() {
        let count = |name: &str| progress.get(name).and_then(Value::as_i64).unwrap_or_default();
        words += &format!(" {} items, {} pages", count("items_scraped"), count("pages_crawled"));
    }
    if let Some(total) = message["total_items"].as_i64() {
        words += &format!(" {total} listings");
    }
    for name in ["finish_reason", "error"] {
        if let Some(value) = message[name].as_str() {
            words += &format!(" {value}");
        }
    }
    words
}

fn property(message: &Value) -> String {
    let property = &message["property"];
    let key = property["listing_key"].as_str().unwrap_or_default();
    let city = property["address"]["city"].as_str().or(property["address"]["state_or_province"].as_str());
    let mut words = format!("{key} {}", city.unwrap_or_default());
    let price = property["close_price"].as_f64().or(property["list_price"].as_f64());
    match (message["old"].is_null(), price) {
        (false, _) => words += &format!(" {} -> {}", plain(&message["old"]), plain(&message["new"])),
        (true, Some(price)) => words += &format!(" {price}"),
        (true, None) => {}
    }
    words
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_the_standard_says() {
        let block = Block::parse("id: 1-2\nevent: job_update\ndata: {\"a\":\ndata:1}\n\n");

        assert_eq!(
            (block.id.as_deref(), block.event.as_str(), block.data.as_str()),
            (Some("1-2"), "job_update", "{\"a\":1}")
        );
    }

    #[test]
    fn a_price_change_reads_as_one_line() {
        let message = serde_json::json!({
            "type": "property_update", "event": "price_changed", "old": 100_000.0, "new": 95_000.0,
            "occurred_at": "2026-01-01T10:00:00.123Z",
            "property": { "listing_key": "LUC-1", "address": { "state_or_province": "OH" } },
        });

        assert_eq!(sentence(&message), "10:00:00.123 price_changed      LUC-1 OH 100000.0 -> 95000.0");
    }
}
