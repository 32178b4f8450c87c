//! A client of server-sent events that parses like a browser (WHATWG HTML, section 9.2).

use std::pin::Pin;

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;

use super::wait::within;

/// One block of the stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: Option<String>,
    pub retry: Option<u64>,
    /// The number of comments in it.
    pub comments: usize,
}

impl Block {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(self.data.as_deref().unwrap_or_default()).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

pub struct Stream {
    pub status: u16,
    pub headers: http::HeaderMap,
    body: Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<Bytes>> + Send>>,
    text: String,
}

impl Stream {
    pub async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = within("a stream", request.send()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: Box::pin(response.bytes_stream()), text: String::new() }
    }

    /// The next block, including those with only an `id:`. `None` when the stream has ended.
    #[track_caller]
    pub fn next_block(&mut self) -> impl Future<Output = Option<Block>> {
        within("a block of the stream", async {
            loop {
                if let Some((block, rest)) = self.text.split_once("\n\n") {
                    let block = parse(block);
                    self.text = rest.to_owned();
                    return Some(block);
                }
                let bytes = self.body.next().await?.unwrap();
                self.text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
        })
    }

    /// The next event that a browser would fire.
    pub async fn next_event(&mut self) -> Block {
        loop {
            let block = self.next_block().await.expect("the stream goes on");
            if block.data.is_some() {
                return block;
            }
        }
    }

    /// The next event of this name; those before it are skipped.
    pub async fn next_named(&mut self, name: &str) -> Block {
        loop {
            let block = self.next_event().await;
            if block.event.as_deref() == Some(name) {
                return block;
            }
        }
    }

    /// The next `count` durable frames, with their ids.
    pub async fn next_durable(&mut self, count: usize) -> Vec<(String, Value)> {
        let mut frames = Vec::with_capacity(count);
        while frames.len() < count {
            let block = self.next_event().await;
            let frame = block.json();
            if frame["occurred_at"].is_string() {
                frames.push((block.id.expect("a durable event has an id"), frame));
            }
        }
        frames
    }
}

fn parse(text: &str) -> Block {
    let mut block = Block::default();
    for line in text.lines() {
        if line.starts_with(':') {
            block.comments += 1;
            continue;
        }
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name {
            "id" => block.id = Some(value.to_owned()),
            "event" => block.event = Some(value.to_owned()),
            "data" => block.data = Some(value.to_owned()),
            "retry" => block.retry = value.parse().ok(),
            other => panic!("the field {other} in {text}"),
        }
    }
    block
}
