//! Readers: each reads everything after a position, and continues on another carrier after each disconnect.

use std::time::Duration;

use futures_util::StreamExt;
use lotline::base::clock::Clock;
use lotline::base::entropy::Entropy;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::node::NodeClient;
use super::outcome::Outcome;
use crate::history::{Entry, Fact, Reader, Role, Seen};
use crate::support::wait::sleep_briefly;

const FEEDS: &str = "job_updates,property_updates,system_alerts";
/// The interval between requests of a polling reader.
const POLL: Duration = Duration::from_millis(20);

/// The carriers of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Socket,
    Stream,
    Request,
}

impl Carrier {
    pub const ALL: [Self; 3] = [Self::Socket, Self::Stream, Self::Request];

    fn next(self) -> Self {
        match self {
            Self::Socket => Self::Stream,
            Self::Stream => Self::Request,
            Self::Request => Self::Socket,
        }
    }
}

/// When a reader leaves a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchPolicy {
    /// When it is disconnected, for the next one.
    OnDisconnect,
    /// After a random number of frames, in a replay or live, for a random carrier.
    Random,
}

/// An upper bound on the frames that such a reader takes from one carrier.
const MAX_FRAMES_PER_CARRIER: u64 = 25;

impl SwitchPolicy {
    /// The number of frames after which the carrier is left; none: it is not left.
    fn frame_limit(self) -> Option<u64> {
        match self {
            Self::OnDisconnect => None,
            Self::Random => Some(Entropy.below(MAX_FRAMES_PER_CARRIER)),
        }
    }

    fn next(self, carrier: Carrier) -> Carrier {
        match self {
            Self::OnDisconnect => carrier.next(),
            Self::Random => Carrier::ALL[Entropy.below(3) as usize],
        }
    }
}

/// A reader's identity and start position.
#[derive(Clone)]
pub struct ReaderSpec {
    pub name: String,
    pub token: String,
    pub role: Role,
    /// Whether it follows the feeds too.
    pub follows: bool,
    pub start: String,
}

/// Reads until the last broadcast has come, beginning on `carrier`; returns what was seen and how often the carrier
/// changed.
pub async fn follow(
    node: NodeClient,
    person: ReaderSpec,
    (carrier, habit): (Carrier, SwitchPolicy),
    last_word: &str,
) -> (Reader, u64) {
    let mut reading = ReaderState {
        node,
        token: person.token,
        feeds: if person.follows { FEEDS } else { "" },
        position: person.start.clone(),
        seen: Vec::new(),
        last_word: Fact::message(last_word),
        done: false,
        frames_left: None,
    };
    let (mut carrier, mut cuts) = (carrier, 0);
    while !reading.done {
        reading.frames_left = habit.frame_limit();
        let was_open = match carrier {
            Carrier::Socket => reading.read_socket().await,
            Carrier::Stream => reading.read_stream().await,
            Carrier::Request => reading.read_pages().await,
        };
        if was_open && !reading.done {
            cuts += 1;
            carrier = habit.next(carrier);
        }
        sleep_briefly().await;
    }
    let ReaderSpec { name, role, follows, start, .. } = person;
    (Reader { name, role, follows, start, seen: reading.seen }, cuts)
}

/// The state of a reader.
struct ReaderState {
    node: NodeClient,
    token: String,
    feeds: &'static str,
    position: String,
    seen: Vec<Seen>,
    last_word: Fact,
    done: bool,
    /// The number of frames still to be taken from this carrier, if it is to be left.
    frames_left: Option<u64>,
}

impl ReaderState {
    /// Whether nothing more is taken from this carrier.
    fn is_over(&self) -> bool {
        self.done || self.frames_left == Some(0)
    }

    /// Handles a frame of any carrier.
    fn apply_frame(&mut self, frame: &Value) {
        self.frames_left = self.frames_left.map(|left| left.saturating_sub(1));
        if frame["type"] == "gap" {
            self.seen.push(Seen::Gap { to: frame["to"].as_str().unwrap().to_owned() });
        }
        if let Some(entry) = Entry::of(frame) {
            self.done = entry.fact.as_ref() == Some(&self.last_word);
            self.seen.push(Seen::Event(entry));
        }
        // A socket can be resumed from any position, also from that of an ephemeral message.
        if let Some(position) = frame["position"].as_str() {
            self.position = position.to_owned();
        }
    }

    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("since", &self.position);
        if !self.feeds.is_empty() {
            query.append_pair("subscriptions", self.feeds);
        }
        query.finish()
    }

    /// Reads until the end or a disconnect; returns whether there was a connection at all.
    async fn read_socket(&mut self) -> bool {
        let url = format!("ws://{}/ws?token={}&{}", self.node.address(), self.token, self.query());
        let Ok((mut socket, _)) = tokio_tungstenite::connect_async(url).await else { return false };
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                self.apply_frame(&serde_json::from_str(&text).unwrap());
            }
            if self.is_over() {
                break;
            }
        }
        true
    }

    async fn read_stream(&mut self) -> bool {
        let query =
            if self.feeds.is_empty() { String::new() } else { format!("?subscriptions={}", self.feeds) };
        let path = if self.feeds.is_empty() { "/sse/notifications" } else { "/sse/events" };
        let request = self.node.request(reqwest::Method::GET, &format!("{path}{query}"));
        let request = request.bearer_auth(&self.token).header("last-event-id", self.position.as_str());
        let Ok(response) = request.send().await else { return false };
        if response.status() != 200 {
            return false;
        }
        let (mut body, mut text) = (response.bytes_stream(), Vec::new());
        while let Some(Ok(bytes)) = body.next().await {
            text.extend_from_slice(&bytes);
            while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = text.drain(..end + 2).collect();
                self.apply_block(std::str::from_utf8(&block).unwrap());
                if self.is_over() {
                    return true;
                }
            }
        }
        true
    }

    fn apply_block(&mut self, block: &str) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        if let Some(data) = field("data: ") {
            self.apply_frame(&serde_json::from_str(data).unwrap());
        }
        if let Some(id) = field("id: ") {
            self.position = id.to_owned();
        }
    }

    async fn read_pages(&mut self) -> bool {
        let mut was_open = false;
        loop {
            let limit = self.frames_left.unwrap_or(200).max(1);
            let path = format!("/api/v1/events?limit={limit}&{}", self.query());
            let Outcome::Done(page) = self.node.get(&self.token, &path).await else { return was_open };
            was_open = true;
            self.apply_page(&page);
            if self.is_over() {
                return true;
            }
            if page["has_more"] == false {
                // A reader may have switched here after the last event.
                self.frames_left = self.frames_left.map(|left| left.saturating_sub(1));
                Clock::system().sleep(POLL).await;
            }
        }
    }

    /// Handles a page. The gap left by retention is recorded first: the page's events come after it.
    fn apply_page(&mut self, page: &Value) {
        let frames = page["data"].as_array().unwrap();
        if page["recovered"] == false {
            let to = frames.first().map_or_else(|| page["position"].as_str().map(str::to_owned), before);
            self.seen.push(Seen::Gap { to: to.unwrap() });
        }
        frames.iter().for_each(|frame| self.apply_frame(frame));
        self.position = page["position"].as_str().unwrap().to_owned();
    }
}

/// The position before a frame's.
fn before(frame: &Value) -> Option<String> {
    let (epoch, number) = frame["position"].as_str()?.split_once('-')?;
    Some(format!("{epoch}-{:x}", u64::from_str_radix(number, 16).ok()? - 1))
}

/// The log after `since` up to the last broadcast, as an admin with all feeds reads it over REST.
pub async fn read_log(node: &NodeClient, token: &str, since: &str, last_word: &str) -> Vec<Value> {
    let (mut frames, mut since) = (Vec::new(), since.to_owned());
    loop {
        let path = format!("/api/v1/events?since={since}&subscriptions={FEEDS}&limit=200");
        let page = node.get(token, &path).await.expect_done("a page of the log");
        assert_eq!(page["recovered"], true, "{page}");
        for frame in page["data"].as_array().unwrap() {
            frames.push(frame.clone());
            if frame["message"] == last_word {
                return frames;
            }
        }
        since = page["position"].as_str().unwrap().to_owned();
        assert_eq!(page["has_more"], true, "the last word is missing");
    }
}
