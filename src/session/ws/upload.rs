//! The file socket: chunks go into the file as they are read, and nothing is read while one is on its way to the store. A
//! client that sends faster is slowed by that, whatever it makes of its credit.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::incoming::{self, Incoming, Read};
use super::pace::{Pace, Verdict};
use super::socket::{MOST_UNWRITTEN, Socket, Step, broken, closing, frame};
use crate::hub::{Closing, Item, Mailbox};
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::upload::UploadAnswer;
use crate::protocol::websocket::encode::{self, TextFrame};
use crate::session::files::{Files, refusal};
use crate::session::supervisor::{Sessions, quiet_mailbox};

/// How it ended.
enum End {
    Closing(Closing),
    /// The peer said goodbye, or is gone.
    Gone(Option<u16>),
}

/// What a client may say besides chunks, and when it is pinged next.
struct Manners {
    pace: Pace,
    most_text: usize,
    heartbeat: Duration,
    ping_at: DateTime<Utc>,
}

impl Socket {
    pub(super) async fn receive_files(mut self, sessions: Arc<Sessions>, early: Vec<u8>) -> io::Result<()> {
        let mut files = Files::new(&sessions, &self.seat.connection);
        let ended = Box::pin(self.receive_until_end(&sessions, &mut files, early)).await;
        // However it ended: what has come is noted first, for the client to go on from there.
        files.end().await;
        match ended? {
            End::Closing(closing) => self.farewell(&sessions, &closing).await,
            End::Gone(code) => self.answer_close(code),
        }
    }

    async fn receive_until_end(
        &mut self,
        sessions: &Arc<Sessions>,
        files: &mut Files,
        mut early: Vec<u8>,
    ) -> io::Result<End> {
        let mailbox = quiet_mailbox(sessions, &self.seat.connection);
        let mut manners = Manners::new(sessions);
        let mut read = incoming::decode(&mut early, &mut self.decoder);
        drop(early);
        loop {
            match self.take_in(sessions, files, &mut manners, read).await? {
                Step::GoOn => {}
                Step::End(closing) => return Ok(End::Closing(closing)),
                Step::Gone { code } => return Ok(End::Gone(code)),
            }
            read = match self.next(sessions, files, &mut manners, &mailbox).await? {
                Ok(read) => read,
                Err(closing) => return Ok(End::Closing(closing)),
            };
        }
    }

    /// What comes next: bytes, a word of the supervisor's, another connection's wish for the file, the time to ping.
    async fn next(
        &mut self,
        sessions: &Sessions,
        files: &mut Files,
        manners: &mut Manners,
        mailbox: &Mailbox,
    ) -> io::Result<Result<Read, Closing>> {
        self.write()?;
        let readiness = self.readiness();
        tokio::select! {
            taken = mailbox.take() => match taken {
                // Its own pings are enough; what others put in is of the connection.
                Ok(items) => items.iter().filter(|item| !matches!(item, Item::Beat(_))).for_each(|item| self.push(frame(item))),
                Err(closing) => return Ok(Err(closing)),
            },
            () = files.wanted_elsewhere() => {
                let answer = files.let_go().await;
                self.say(&answer);
            }
            () = sessions.clock().sleep_until(manners.ping_at) => {
                manners.ping_at = sessions.clock().now() + manners.heartbeat;
                self.push(encode::ping(&[]));
            }
            ready = self.stream.ready(readiness) => {
                if ready?.is_readable() && self.out.bytes() < MOST_UNWRITTEN {
                    return Ok(Ok(incoming::read(&self.stream, &mut self.decoder)?));
                }
            }
        }
        Ok(Ok(Read::Messages(Vec::new())))
    }

    /// Serves what was read, in order.
    async fn take_in(
        &mut self,
        sessions: &Sessions,
        files: &mut Files,
        manners: &mut Manners,
        read: Read,
    ) -> io::Result<Step> {
        let (messages, violation) = match read {
            Read::End => return Ok(Step::Gone { code: None }),
            Read::Messages(messages) => (messages, None),
            Read::Broken(messages, violation) => (messages, Some(violation)),
        };
        let now = sessions.clock().steady();
        if !messages.is_empty() {
            self.seat.connection.heard(now);
            self.count_in(&messages);
        }
        for message in messages {
            match message {
                Incoming::Binary(chunk) => {
                    if let Some(answer) = files.chunk(chunk).await {
                        self.say(&answer);
                    }
                }
                Incoming::Text(text) if text.len() > manners.most_text => {
                    return Ok(Step::End(closing(CloseCode::TooBig, "the message is too large")));
                }
                Incoming::Text(text) => match manners.pace.count(now) {
                    Verdict::Fine => {
                        let answer = files.serve(&text).await;
                        self.say(&answer);
                    }
                    Verdict::TooFast => {
                        let words = "Too many messages: slow down";
                        self.say(&refusal(&Problem::new(Code::RateLimited, words), None));
                    }
                    Verdict::FarTooLong => return Ok(Step::End(too_fast())),
                },
                Incoming::Answer(pong) => match manners.pace.count(now) {
                    Verdict::Fine | Verdict::TooFast => self.push(pong),
                    Verdict::FarTooLong => return Ok(Step::End(too_fast())),
                },
                Incoming::Pong => {}
                Incoming::Close { code } => return Ok(Step::Gone { code: Some(code) }),
            }
            // A chunk may have taken long; what the client sent meanwhile is a sign of life too.
            self.seat.connection.heard(sessions.clock().steady());
            self.write()?;
        }
        Ok(violation.map_or(Step::GoOn, |violation| Step::End(broken(violation))))
    }

    fn say(&mut self, answer: &UploadAnswer) {
        self.push(TextFrame::new(&answer.to_json()).frame().clone());
    }

    fn push(&mut self, frame: bytes::Bytes) {
        self.seat.connection.traffic.gives(1, frame.len() as u64);
        self.out.push(frame);
    }
}

impl Manners {
    fn new(sessions: &Sessions) -> Self {
        let settings = &sessions.settings;
        Self {
            pace: Pace::new(settings.messages_per_second, sessions.clock().steady()),
            most_text: settings.message_bytes,
            heartbeat: settings.heartbeat,
            ping_at: sessions.clock().now() + settings.heartbeat,
        }
    }
}

fn too_fast() -> Closing {
    closing(CloseCode::RateLimited, "rate limited;retry_after=10")
}
