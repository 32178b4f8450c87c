//! `lotline follow`: a server's events in the terminal. It resumes by itself, from the last position seen.

use std::io::Write;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use super::cli::FollowArgs;
use super::client_sign_in::SignIn;
use super::error_line::error_chain;
use super::message_line::message_line;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::text::escape_controls;

/// The longest wait between two tries.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// How a stream ended.
enum StreamEnd {
    /// Retry from the last position.
    Retry(String),
    /// A retry would not help.
    Fatal(String),
    /// A new token would help.
    Unauthorized(String),
    /// Standard output is closed or not writable.
    OutputFailed(std::io::Error),
}

/// Follows until an error that a retry cannot solve.
pub async fn run(args: FollowArgs, clock: &Clock) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        // The server sends a keep-alive every 15 seconds.
        .read_timeout(Duration::from_secs(45))
        .build()
        .map_err(|error| error.to_string())?;
    check_url(&args.url)?;
    let mut position = args.since.clone();
    let mut tries = 0_u32;
    let mut signed_in = SignIn::from_args(&args)?;
    signed_in.sign_in(&client).await?;
    loop {
        let mut accepted = false;
        let ended = follow(&client, &args, signed_in.token(), &mut position, &mut accepted).await;
        if accepted {
            tries = 0;
        }
        match ended {
            StreamEnd::Fatal(words) => return Err(words),
            // The reader has closed the pipe, as `head` does.
            StreamEnd::OutputFailed(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            StreamEnd::OutputFailed(error) => return Err(format!("cannot print: {error}")),
            // Only once: if a new token is refused at once, the token is not the reason.
            StreamEnd::Unauthorized(words) if tries > 0 => return Err(words),
            StreamEnd::Unauthorized(words) => {
                if !signed_in.can_renew() {
                    return Err(words);
                }
                tries += 1;
                signed_in.sign_in(&client).await?;
            }
            StreamEnd::Retry(words) => {
                tries += 1;
                let wait = backoff(tries, Entropy);
                print_notice(&format!("{words}; trying again in {:.1} s", wait.as_secs_f64()));
                clock.sleep(wait).await;
            }
        }
    }
}

async fn follow(
    client: &reqwest::Client,
    args: &FollowArgs,
    token: &str,
    position: &mut Option<String>,
    accepted: &mut bool,
) -> StreamEnd {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("subscriptions", &args.subscriptions)
        .finish();
    let url = format!("{}/sse/events?{query}", args.url.trim_end_matches('/'));
    let mut request = client.get(url).bearer_auth(token);
    if let Some(position) = position {
        request = request.header("Last-Event-ID", position.as_str());
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let cause = error_chain(&error.without_url());
            return StreamEnd::Retry(format!("cannot reach {}: {cause}", args.url));
        }
    };
    let status = answer.status();
    if !status.is_success() {
        let body: Value = answer.json().await.unwrap_or_default();
        let detail = body["detail"].as_str().unwrap_or("refused").to_owned();
        let words = format!("{} {detail}", status.as_u16());
        return match status.as_u16() {
            401 => StreamEnd::Unauthorized(words),
            429 | 500.. => StreamEnd::Retry(words),
            _ => StreamEnd::Fatal(words),
        };
    }
    *accepted = true;
    read_stream(answer, args, position).await
}

async fn read_stream(
    answer: reqwest::Response,
    args: &FollowArgs,
    position: &mut Option<String>,
) -> StreamEnd {
    let mut bytes = answer.bytes_stream();
    let mut pending = Vec::new();
    while let Some(chunk) = bytes.next().await {
        let Ok(chunk) = chunk else { break };
        pending.extend_from_slice(&chunk);
        while let Some(end) = find(&pending, b"\n\n") {
            let block: Vec<u8> = pending.drain(..end + 2).collect();
            let block = SseEvent::parse(&String::from_utf8_lossy(&block));
            if block.event == "problem" {
                let detail = serde_json::from_str::<Value>(&block.data).unwrap_or_default();
                return classify_problem(&detail);
            }
            if let Some(id) = block.id {
                *position = Some(id);
            }
            if !block.data.is_empty()
                && let Err(error) = print_message(&block.data, position.as_deref(), args)
            {
                return StreamEnd::OutputFailed(error);
            }
        }
    }
    StreamEnd::Retry("the stream ended".to_owned())
}

fn classify_problem(problem: &Value) -> StreamEnd {
    let words = problem["detail"].as_str().unwrap_or("the server ended the stream").to_owned();
    match problem["close_code"].as_u64() {
        Some(4401) => StreamEnd::Unauthorized(words),
        Some(4400 | 4403 | 4404 | 4410) => StreamEnd::Fatal(words),
        _ => StreamEnd::Retry(words),
    }
}

/// One event of an event stream (WHATWG HTML, section 9.2.6).
struct SseEvent {
    id: Option<String>,
    event: String,
    data: String,
}

impl SseEvent {
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

fn backoff(tries: u32, entropy: Entropy) -> Duration {
    let most = Duration::from_millis(500).saturating_mul(1 << tries.min(8)).min(MAX_BACKOFF);
    Duration::from_millis(entropy.below(most.as_millis() as u64).max(100))
}

fn print_message(data: &str, position: Option<&str>, args: &FollowArgs) -> std::io::Result<()> {
    let line = match serde_json::from_str::<Value>(data) {
        Ok(mut message) if !args.json => {
            add_tenant_slug(&mut message, args.username.as_deref());
            // The value for `--since` to resume after this line.
            format!("{:<14} {}", position.unwrap_or("-"), message_line(&message))
        }
        // Within JSON such characters occur in texts only, where they may be escaped like this.
        _ => escape_controls(data).into_owned(),
    };
    writeln!(std::io::stdout().lock(), "{line}")
}

/// Adds the slug that was given at the sign-in: the first message has the tenant's id only.
fn add_tenant_slug(message: &mut Value, username: Option<&str>) {
    if let Some((slug, _)) = username.and_then(|username| username.split_once('/'))
        && message["type"] == "connection_established"
    {
        message["tenant_slug"] = slug.into();
    }
}

/// Refuses an address that can never be reached.
pub(super) fn check_url(text: &str) -> Result<(), String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err(format!("--url must be an address such as http://localhost:8001, not {text}")),
    }
}

fn print_notice(words: &str) {
    let _ = writeln!(std::io::stderr().lock(), "follow: {}", escape_controls(words));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sse_event_is_parsed_as_the_standard_says() {
        let block = SseEvent::parse("id: 1-2\nevent: job_update\ndata: {\"a\":\ndata:1}\n\n");

        assert_eq!(
            (block.id.as_deref(), block.event.as_str(), block.data.as_str()),
            (Some("1-2"), "job_update", "{\"a\":1}")
        );
    }
}
