//! The events of `/sse/logs/{job_id}`: a job's lines one by one, then its end. Positions in it are ids of lines, not
//! positions of the event log.

use poem_openapi::{Object, Union};
use serde::Serialize;

use super::job::JobStatus;
use super::message::LogLevel;

/// One line of the job's log. Its `id` is also the event's id.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct LogStreamLine {
    pub id: i64,
    pub job_id: i64,
    pub level: LogLevel,
    pub message: String,
    /// RFC 3339.
    pub at: String,
}

/// The job is over and all of its lines were sent. The event's id is `end.{execution_id}`: a client that reconnects
/// with it gets 204 until the job is retried.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct LogStreamEnd {
    pub job_id: i64,
    pub status: JobStatus,
}

/// An event of the stream.
#[derive(Clone, Debug, Union)]
#[oai(discriminator_name = "type", one_of)]
pub enum LogStreamEvent {
    #[oai(mapping = "log")]
    Log(LogStreamLine),
    #[oai(mapping = "complete")]
    Complete(LogStreamEnd),
}

impl LogStreamEvent {
    /// Every kind, as the stream names it.
    pub const KINDS: [&str; 2] = ["log", "complete"];

    /// The event's name.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Log(_) => Self::KINDS[0],
            Self::Complete(_) => Self::KINDS[1],
        }
    }

    pub fn to_json(&self) -> String {
        use poem_openapi::types::ToJSON;
        ToJSON::to_json_string(self)
    }
}
