//! The bare write loop: one thread writes each message to each of its TCP sockets and does nothing else. It is the
//! cost of a fan-out of the same bytes with one write per delivery.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::interval;

use crate::clock::{Stopwatch, thread_cpu_seconds};
use crate::delivery::{self, Delivered, DeliveryStats, TIMESTAMP_PREFIX, TimestampFinder};
use crate::{Failure, Outcome};

/// What the loop writes.
#[derive(Clone, Copy)]
pub struct Plan {
    pub sockets: u32,
    pub messages: u64,
    pub message_bytes: usize,
    /// Messages per second; without it one directly after the other.
    pub rate: Option<u32>,
}

pub async fn measure(plan: Plan) -> Outcome<Delivered> {
    let (ours, theirs) = pairs(plan.sockets).await?;
    let (delivery_stats, mut readers) = (Arc::new(DeliveryStats::start()), JoinSet::new());
    for socket in theirs {
        readers.spawn(read(socket, Arc::clone(&delivery_stats)));
    }
    let ours = ours.into_iter().map(TcpStream::into_std).collect::<Result<Vec<_>, _>>()?;
    let watch = delivery_stats.watch;
    // A thread of its own, so that its CPU time can be measured.
    let writing = spawn_blocking(move || write_alone(ours, watch, plan));
    let cpu_seconds = writing.await??;
    delivery_stats.wait_for(plan.messages * u64::from(plan.sockets), &mut readers).await?;
    readers.shutdown().await;
    Ok(delivery_stats.summary(cpu_seconds))
}

/// Both ends of `count` connections over loopback.
async fn pairs(count: u32) -> Outcome<(Vec<TcpStream>, Vec<TcpStream>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..count {
        theirs.push(TcpStream::connect(address).await?);
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        ours.push(socket);
    }
    Ok((ours, theirs))
}

async fn read(mut socket: TcpStream, delivery_stats: Arc<DeliveryStats>) -> Failure {
    let (mut finder, mut buffer) = (TimestampFinder::new(TIMESTAMP_PREFIX), vec![0; 4_096]);
    loop {
        match socket.read(&mut buffer).await {
            // The writer is done; everything it wrote has been read.
            Ok(0) => return std::future::pending().await,
            Ok(length) => delivery_stats.record(&mut finder, &buffer[..length]),
            Err(error) => return error.into(),
        }
    }
}

/// Writes everything on this thread; returns the CPU time used.
fn write_alone(sockets: Vec<std::net::TcpStream>, watch: Stopwatch, plan: Plan) -> Outcome<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut sockets = sockets.into_iter().map(TcpStream::from_std).collect::<Result<Vec<_>, _>>()?;
        let before = thread_cpu_seconds();
        write_all(&mut sockets, watch, plan).await?;
        Ok(thread_cpu_seconds() - before)
    })
}

async fn write_all(sockets: &mut [TcpStream], watch: Stopwatch, plan: Plan) -> Outcome<()> {
    let mut ticks = plan.rate.map(|rate| interval(Duration::from_secs(1) / rate));
    for _ in 0..plan.messages {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let message = message(watch.micros(), plan.message_bytes);
        for socket in &mut *sockets {
            socket.write_all(&message).await?;
        }
    }
    Ok(())
}

/// A message of `bytes` bytes, but at least as long as its time stamp.
fn message(sent_us: u64, bytes: usize) -> Vec<u8> {
    let mut message = delivery::text(sent_us).into_bytes();
    message.resize(bytes.max(message.len()), b'-');
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_asked_length() {
        assert_eq!(message(12, 300).len(), 300);
        assert_eq!(message(12, 1), b"sent at 12.");
    }

    #[tokio::test]
    async fn every_message_arrives_at_every_socket() {
        let plan = Plan { sockets: 3, messages: 20, message_bytes: 64, rate: None };

        let delivered = measure(plan).await.unwrap();

        assert_eq!(delivered.latencies_us.len(), 60);
        assert_eq!(delivered.bytes_each, 64.0);
    }
}
