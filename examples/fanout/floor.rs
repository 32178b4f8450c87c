//! The least that a delivery can cost here: one write to one socket, without anything around it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::Outcome;

/// Enough that no cache holds them all, few enough for the limit of open files.
const SOCKETS: usize = 2_000;
const ROUNDS: usize = 50;
/// As large as a broadcast's frame.
const FRAME: [u8; 300] = [b'x'; 300];

/// Processor time of one write, in microseconds: a bare loop over many sockets that somebody else reads.
pub fn micros_a_write() -> Outcome<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut writers, mut readers) = (Vec::new(), Vec::new());
    for _ in 0..SOCKETS {
        let reader = TcpStream::connect(listener.local_addr()?)?;
        let (writer, _) = listener.accept()?;
        writer.set_nodelay(true)?;
        writer.set_nonblocking(true)?;
        writers.push(writer);
        readers.push(reader);
    }
    let reading = std::thread::spawn(move || read_all(readers));
    let before = own_cpu_micros()?;
    for _ in 0..ROUNDS {
        for writer in &mut writers {
            writer.write_all(&FRAME)?;
        }
    }
    let spent = own_cpu_micros()? - before;
    drop(writers);
    reading.join().map_err(|_| "the reader failed")??;
    Ok(spent / (SOCKETS * ROUNDS) as f64)
}

fn read_all(mut readers: Vec<TcpStream>) -> Outcome<()> {
    let mut buffer = [0; FRAME.len()];
    for _ in 0..ROUNDS {
        for reader in &mut readers {
            reader.read_exact(&mut buffer)?;
        }
    }
    Ok(())
}

/// What this thread has had of the processors.
fn own_cpu_micros() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = text.split_whitespace().next().ok_or("nothing in schedstat")?.parse()?;
    Ok(nanos / 1_000.0)
}
