//! Receives what other nodes publish, and delivers it on this one.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::registry::ConnectionRegistry;
use crate::cluster::broker::MessagesLost;

/// Runs until `stop`. Lost messages lose nothing: events are found by comparing the heads of the logs, jobs by polling,
/// and every open connection is checked against the store.
pub async fn run(registry: Arc<ConnectionRegistry>, stop: CancellationToken) {
    let publisher = &registry.services.publisher;
    let mut messages = publisher.remote_messages();
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return,
            received = messages.next() => received,
        };
        match received {
            Some(Ok(message)) => publisher.deliver(&message),
            Some(Err(MessagesLost)) => registry.revalidate_all(),
            None => return,
        }
    }
}
