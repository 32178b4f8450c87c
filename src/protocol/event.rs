//! The durable events: what enters the log. A new one does not compile until its readers and feeds are stated.

use super::message::{
    AdminNotification, JobEvent, JobUpdate, PropertyNotification, PropertyUpdate, ServerMessage, SystemAlert,
    SystemNotification,
};
use super::routing::{Audience, PropertyFacts, Routing};
use crate::base::ids::{JobId, PropertyId, UserId};

/// A fact with what its routing needs to know beyond the message.
#[derive(Clone, Debug)]
pub enum Event {
    Job { owner: UserId, message: JobUpdate },
    Property { old: Option<PropertyFacts>, new: PropertyFacts, message: PropertyUpdate },
    NewProperties { message: PropertyNotification },
    Broadcast { audience: Audience, message: SystemNotification },
    AdminNotice { message: AdminNotification },
    Alert { concerns: Option<UserId>, message: SystemAlert },
}

impl Event {
    /// Who may see it.
    pub fn routing(&self) -> Routing {
        match self {
            Self::Job { owner, message } => Routing::Job {
                owner: *owner,
                job_id: JobId(message.job_id),
                spider: message.spider_name.clone(),
                progress: message.event == JobEvent::JobProgress,
            },
            Self::Property { old, new, message } => Routing::Property {
                property_id: PropertyId(message.property_id),
                old: old.clone(),
                new: new.clone(),
            },
            Self::NewProperties { .. } => Routing::Summary,
            Self::Broadcast { audience, .. } => Routing::Notice { audience: *audience },
            Self::AdminNotice { .. } => Routing::Notice { audience: Audience::Admins },
            Self::Alert { concerns, .. } => Routing::Alert { concerns: *concerns },
        }
    }

    /// The message that readers get.
    pub fn into_message(self) -> ServerMessage {
        match self {
            Self::Job { message, .. } => ServerMessage::JobUpdate(message),
            Self::Property { message, .. } => ServerMessage::PropertyUpdate(message),
            Self::NewProperties { message } => ServerMessage::PropertyNotification(message),
            Self::Broadcast { message, .. } => ServerMessage::SystemNotification(message),
            Self::AdminNotice { message } => ServerMessage::AdminNotification(message),
            Self::Alert { message, .. } => ServerMessage::SystemAlert(message),
        }
    }
}
