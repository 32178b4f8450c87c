//! Ten people in a room on real sockets. Two of them are disconnected every second, and the server is killed twice:
//! every member gets every acknowledged message once, in the order of the history.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use lotline::base::clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::task::TaskTracker;

use crate::load::{Node, NodeClient};
use crate::support::app::Backend;
use crate::support::wait::sleep_briefly;

const PEOPLE: usize = 10;
const MESSAGES: usize = 200;
/// How long a connection lasts, for the members that are disconnected.
const SHORT: Duration = Duration::from_secs(1);
/// The time limit for all of it, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(180);

const SETTINGS: &[(&str, &str)] = &[
    ("LOTLINE__CRAWLER__ENABLED", "false"),
    ("LOTLINE__LIMITS__MESSAGES_PER_SECOND", "1000"),
    ("LOTLINE__LIMITS__SOCKETS_PER_USER", "50"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_people_in_a_room_miss_and_double_nothing_on_sqlite() {
    ten_people_in_a_room(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_people_in_a_room_miss_and_double_nothing_on_postgresql() {
    ten_people_in_a_room(Backend::Postgres).await;
}

async fn ten_people_in_a_room(back: Backend) {
    let mut node = Node::prepare(back, SETTINGS).await;
    node.subcommand(&["tenant", "create", "--slug", "acme", "--name", "Acme"], "");
    let tokens: Vec<String> = (0..PEOPLE).map(|number| create_member(&node, number)).collect();
    node.start(&[]);
    let whereabouts = node.client();
    let room = json!({ "room_id": "kitchen", "name": "Kitchen", "visibility": "public" });
    whereabouts.post(&tokens[0], "/api/v1/rooms", &room).await.expect_done("a room");
    for token in &tokens {
        let user = whereabouts.get(token, "/api/v1/users/me").await.expect_done("oneself");
        let path = format!("/api/v1/rooms/kitchen/members/{}", user["id"]);
        whereabouts.put(&tokens[0], &path, &json!({})).await.expect_done("a member");
    }
    let start = whereabouts.get(&tokens[0], "/api/v1/events").await.expect_done("the head");

    let said = Arc::new(AtomicUsize::new(0));
    let (over, everybody_is_done) = watch::channel(false);
    let tasks = TaskTracker::new();
    let people: Vec<_> = tokens
        .iter()
        .enumerate()
        .map(|(number, token)| {
            let member = Member {
                number,
                node: whereabouts.clone(),
                token: token.clone(),
                lasts: (number < 2).then_some(SHORT),
                sent_count: Arc::clone(&said),
                over: everybody_is_done.clone(),
                position: text(&start, "position"),
                acked: Vec::new(),
                received: Vec::new(),
                cuts: 0,
            };
            tasks.spawn(member.chats())
        })
        .collect();
    for so_many in [PEOPLE * MESSAGES / 3, PEOPLE * MESSAGES * 2 / 3] {
        wait_for_count(&said, so_many).await;
        node.kill();
        node.start(&[]);
    }
    wait_for_count(&said, PEOPLE * MESSAGES).await;
    over.send_replace(true);

    let history = history(&whereabouts, &tokens[0]).await;
    assert_eq!(history.len(), PEOPLE * MESSAGES, "each message is stored once");
    let mut cuts = 0;
    for person in people {
        let member = tokio::time::timeout(TIMEOUT, person).await.expect("everybody hears the end").unwrap();
        member.assert_complete(&history);
        cuts += member.cuts;
    }
    assert!(cuts >= 2 * PEOPLE, "everybody was cut twice, and some more often: {cuts}");
    node.remove().await;
}

fn create_member(node: &Node, number: usize) -> String {
    let (name, role) = (format!("user-{number}"), if number == 0 { "admin" } else { "member" });
    node.subcommand(&["user", "create", "--tenant", "acme", "--username", &name, "--role", role], "");
    node.subcommand(&["token", "mint", "--tenant", "acme", "--username", &name], "")
}

async fn wait_for_count(said: &AtomicUsize, wanted: usize) {
    let waits = async {
        while said.load(Ordering::Relaxed) < wanted {
            sleep_briefly().await;
        }
    };
    let came = tokio::time::timeout(TIMEOUT, waits).await;
    assert!(came.is_ok(), "{} of {wanted} messages were acknowledged", said.load(Ordering::Relaxed));
}

/// The room's messages by their ids and texts, oldest first.
async fn history(node: &NodeClient, token: &str) -> Vec<(String, String)> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/rooms/kitchen/messages?limit=200{cursor}");
        let page = node.get(token, &path).await.expect_done("a page of history");
        rows.extend(
            page["data"].as_array().unwrap().iter().map(|row| (text(row, "message_id"), text(row, "text"))),
        );
        if page["has_more"] == false {
            rows.reverse();
            return rows;
        }
        cursor = format!("&cursor={}", text(&page, "next_cursor"));
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Member {
    number: usize,
    node: NodeClient,
    token: String,
    /// How long a connection lasts; none for members that are not disconnected.
    lasts: Option<Duration>,
    sent_count: Arc<AtomicUsize>,
    over: watch::Receiver<bool>,
    position: String,
    /// Own messages that were acknowledged, in the order of sending.
    acked: Vec<String>,
    /// Received messages, in the order of arrival.
    received: Vec<(String, String)>,
    cuts: usize,
}

impl Member {
    /// Sends all messages, and receives until every member's last one has come.
    async fn chats(mut self) -> Self {
        while !self.is_done() {
            if let Some(mut socket) = self.connects().await {
                let life = self.lasts;
                let cut = async {
                    match life {
                        Some(life) => Clock::system().sleep(life).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = self.chats_on(&mut socket) => {}
                    () = cut => {}
                }
                if !self.is_done() {
                    self.cuts += 1;
                }
            }
            sleep_briefly().await;
        }
        self
    }

    fn is_done(&self) -> bool {
        let others = self.received.iter().filter(|(_, text)| !self.is_mine(text)).count();
        *self.over.borrow() && self.acked.len() == MESSAGES && others >= (PEOPLE - 1) * MESSAGES
    }

    fn is_mine(&self, text: &str) -> bool {
        text.starts_with(&format!("{}:", self.number))
    }

    async fn connects(&self) -> Option<Socket> {
        let url = format!("ws://{}/ws?token={}&since={}", self.node.address(), self.token, self.position);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.ok()?;
        Some(socket)
    }

    /// Sends one message after the other, each when the previous one was acknowledged.
    async fn chats_on(&mut self, socket: &mut Socket) {
        let mut waits = false;
        loop {
            if !waits && self.acked.len() < MESSAGES {
                let name = format!("{}:{}", self.number, self.acked.len());
                let say = json!({ "type": "chat", "room_id": "kitchen", "text": name,
                    "client_message_id": name, "id": name });
                if socket.send(Message::text(say.to_string())).await.is_err() {
                    return;
                }
                waits = true;
            }
            let mut over = self.over.clone();
            let ended = *over.borrow();
            tokio::select! {
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => waits &= !self.apply_frame(&serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                },
                _ = over.wait_for(|over| *over), if !ended => {}
            }
            if self.is_done() {
                return;
            }
        }
    }

    /// Handles a frame; returns whether it acknowledges the message that was sent last.
    fn apply_frame(&mut self, frame: &Value) -> bool {
        assert_ne!(frame["type"], "gap", "{frame}");
        assert_ne!(frame["type"], "error", "{frame}");
        let is_hello = frame["type"] == "connection_established";
        if let Some(position) = frame["position"].as_str().filter(|_| !is_hello) {
            self.position = position.to_owned();
        }
        match frame["type"].as_str() {
            Some("chat") => {
                let payload = &frame["payload"];
                self.received.push((text(payload, "message_id"), text(payload, "text")));
                false
            }
            Some("ack") => {
                let name = format!("{}:{}", self.number, self.acked.len());
                assert_eq!((&frame["reply_to"], &frame["payload"]["text"]), (&json!(name), &json!(name)));
                self.acked.push(text(frame, "message_id"));
                self.sent_count.fetch_add(1, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Asserts that every acknowledged message came once, and the others' in the order of the history.
    fn assert_complete(&self, history: &[(String, String)]) {
        let of_others = |rows: &[(String, String)]| -> Vec<(String, String)> {
            rows.iter().filter(|(_, text)| !self.is_mine(text)).cloned().collect()
        };
        let (received, said) = (of_others(&self.received), of_others(history));
        assert!(received == said, "user {} heard {} of {} in order", self.number, received.len(), said.len());
        let own: Vec<&String> =
            history.iter().filter(|(_, text)| self.is_mine(text)).map(|(id, _)| id).collect();
        assert_eq!(
            self.acked.iter().collect::<Vec<_>>(),
            own,
            "what was acknowledged is stored, in that order"
        );
        let ids: BTreeSet<&String> = self.received.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), self.received.len(), "nothing came twice");
    }
}
