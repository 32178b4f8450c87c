//! The table of sockets and streams that a client can open: the router serves it, and the AsyncAPI document describes it.

/// A connection that a client can open.
pub struct Channel {
    pub name: &'static str,
    /// The path; a parameter is in braces.
    pub address: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub parameters: &'static [(&'static str, &'static str)],
    pub kind: ChannelKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    Socket(SocketKind),
    Stream(StreamKind),
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// The inbox, the subscribed feeds, and the client's own messages.
    Messages,
    /// Whatever the client sends comes back.
    Echo,
    /// Files, sent in chunks.
    Upload,
}

/// The content of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// The inbox, named `notification`.
    Notifications,
    /// The inbox and the named feeds, named by type.
    Events,
    /// Live statistics of the tenant, once a second.
    Stats,
    /// The lines of one job's log.
    Logs,
}

impl Channel {
    /// The path as a route: a parameter begins with a colon.
    pub fn route(&self) -> String {
        self.address.replace('{', ":").replace('}', "")
    }

    pub fn is_socket(&self) -> bool {
        matches!(self.kind, ChannelKind::Socket(_))
    }
}

const OWN_USER: &[(&str, &str)] = &[("user_id", "The token's own user; another one is refused with 403.")];

/// Every channel.
pub const CHANNELS: &[Channel] = &[
    Channel {
        name: "socket",
        address: "/ws",
        title: "Messages",
        description: "Inbox and feeds of the token's user, and the user's own messages. The credential is checked before \
                      the upgrade; `connection_established` is the first message. Parameters that are not known are \
                      refused by name.",
        parameters: &[],
        kind: ChannelKind::Socket(SocketKind::Messages),
    },
    Channel {
        name: "socketAuthenticated",
        address: "/ws/authenticated",
        title: "Messages, another address",
        description: "The same as `/ws`.",
        parameters: &[],
        kind: ChannelKind::Socket(SocketKind::Messages),
    },
    Channel {
        name: "socketOfUser",
        address: "/ws/{user_id}",
        title: "Messages of one user",
        description: "The same as `/ws`; the user must be the token's.",
        parameters: OWN_USER,
        kind: ChannelKind::Socket(SocketKind::Messages),
    },
    Channel {
        name: "chatSocketOfUser",
        address: "/ws/chat/{user_id}",
        title: "Messages of one user, another address",
        description: "The same as `/ws`; the user must be the token's.",
        parameters: OWN_USER,
        kind: ChannelKind::Socket(SocketKind::Messages),
    },
    Channel {
        name: "chatStream",
        address: "/chat/stream",
        title: "Messages, another address",
        description: "The same as `/ws`.",
        parameters: &[],
        kind: ChannelKind::Socket(SocketKind::Messages),
    },
    Channel {
        name: "fileUpload",
        address: "/ws/file-upload",
        title: "Files",
        description: "Files, one after the other: `metadata`, then chunks of at most 1 MiB as binary messages, then \
                      `complete`. After a disconnect `resume` continues at the stored offset. At most `credit` chunks \
                      may be unanswered; a client that sends more is read more slowly.",
        parameters: &[],
        kind: ChannelKind::Socket(SocketKind::Upload),
    },
    Channel {
        name: "fileUploadOfUser",
        address: "/ws/file-upload/{user_id}",
        title: "Files of one user",
        description: "The same as `/ws/file-upload`; the user must be the token's.",
        parameters: OWN_USER,
        kind: ChannelKind::Socket(SocketKind::Upload),
    },
    Channel {
        name: "echo",
        address: "/ws/echo",
        title: "Echo",
        description: "Sends every text or binary message back, for diagnosis and conformance tests. One socket a user: a \
                      second is refused as one too many is (429, 4409).",
        parameters: &[],
        kind: ChannelKind::Socket(SocketKind::Echo),
    },
    Channel {
        name: "notifications",
        address: "/sse/notifications",
        title: "The inbox as a stream",
        description: "Server-sent events: the inbox. Events are named `notification`; `?names=type` names them by type.",
        parameters: &[],
        kind: ChannelKind::Stream(StreamKind::Notifications),
    },
    Channel {
        name: "events",
        address: "/sse/events",
        title: "Inbox and feeds as a stream",
        description: "Server-sent events: the inbox and the feeds named in `subscriptions`. The event's name is its type. \
                      The stream continues after `Last-Event-ID`, else `lastEventId` or `last_event_id`, else `since`. It \
                      ends with the event `problem`.",
        parameters: &[],
        kind: ChannelKind::Stream(StreamKind::Events),
    },
    Channel {
        name: "stats",
        address: "/sse/stats",
        title: "Live statistics",
        description: "Server-sent events for admins: the tenant's live statistics once a second, as the event `stats`. It \
                      has no ids and nothing to resume.",
        parameters: &[],
        kind: ChannelKind::Stream(StreamKind::Stats),
    },
    Channel {
        name: "logs",
        address: "/sse/logs/{job_id}",
        title: "A job's log",
        description: "Server-sent events: the lines of a job's log from `?since=` or `Last-Event-ID` on, from the first \
                      without it, then live, then `complete`. An event's id is the line's, that of `complete` is \
                      `end.{execution_id}`: a client that reconnects with it gets 204 until the job is retried. \
                      `?level=` and `?min_level=` as in the list of lines.",
        parameters: &[("job_id", "The job's id.")],
        kind: ChannelKind::Stream(StreamKind::Logs),
    },
    Channel {
        name: "eventsAlias",
        address: "/events",
        title: "Inbox and feeds as a stream, another address",
        description: "The same as `/sse/events`.",
        parameters: &[],
        kind: ChannelKind::Stream(StreamKind::Events),
    },
];
