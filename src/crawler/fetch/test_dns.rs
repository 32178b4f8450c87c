//! A DNS server on loopback that answers each question differently, and a resolver that queries it over UDP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::crawler::guard::{Lookup, Resolver};

/// Answers question number n with the n-th list of addresses, and with the last one from then on.
pub(super) struct DnsServer {
    address: SocketAddr,
    question_count: Arc<AtomicUsize>,
    _stop: DropGuard,
}

impl DnsServer {
    pub(super) async fn start(answers: Vec<Vec<Ipv4Addr>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let (stopped, count) = (stop.clone(), asked.clone());
        TaskTracker::new()
            .spawn(async move { stopped.run_until_cancelled(serve(socket, answers, count)).await });
        Self { address, question_count: asked, _stop: stop.drop_guard() }
    }

    /// How many questions were asked so far.
    pub(super) fn question_count(&self) -> usize {
        self.question_count.load(Ordering::SeqCst)
    }

    /// A resolver that asks this server about every name.
    pub(super) fn resolver(&self) -> Arc<dyn Resolver> {
        Arc::new(UdpResolver(self.address))
    }
}

async fn serve(socket: UdpSocket, answers: Vec<Vec<Ipv4Addr>>, asked: Arc<AtomicUsize>) {
    let mut packet = [0; 512];
    while let Ok((length, peer)) = socket.recv_from(&mut packet).await {
        let index = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let reply = reply(&packet[..length], &answers[index]);
        let _ = socket.send_to(&reply, peer).await;
    }
}

/// The question again, and one A record with a time to live of 0 for each address (RFC 1035 section 4).
fn reply(question: &[u8], addresses: &[Ipv4Addr]) -> Vec<u8> {
    let mut reply = question.to_vec();
    reply[2] = 0x84;
    reply[3] = 0;
    reply[6..8].copy_from_slice(&(addresses.len() as u16).to_be_bytes());
    for address in addresses {
        reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        reply.extend_from_slice(&address.octets());
    }
    reply
}

struct UdpResolver(SocketAddr);

impl Resolver for UdpResolver {
    fn lookup<'a>(&'a self, host: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let socket = UdpSocket::bind("127.0.0.1:0").await?;
            socket.connect(self.0).await?;
            socket.send(&question(host)).await?;
            let mut packet = [0; 512];
            let length = socket.recv(&mut packet).await?;
            Ok(addresses(&packet[..length], question(host).len()))
        })
    }
}

fn question(host: &str) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in host.split('.') {
        packet.push(label.len() as u8);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.extend_from_slice(&[0, 0, 1, 0, 1]);
    packet
}

fn addresses(packet: &[u8], question_bytes: usize) -> Vec<IpAddr> {
    let records = packet[question_bytes..].chunks_exact(16);
    records.map(|record| IpAddr::from([record[12], record[13], record[14], record[15]])).collect()
}
