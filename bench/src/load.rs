//! Load of a fixed number of clients, each of which starts its next step when the previous one is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::Outcome;
use crate::clock::Stopwatch;
use crate::statistics::percentile;

/// The steps done, and the time taken.
pub struct Load {
    pub seconds: f64,
    /// The duration of each step in microseconds, sorted.
    micros: Vec<u64>,
}

impl Load {
    pub fn done(&self) -> u64 {
        self.micros.len() as u64
    }

    pub fn per_second(&self) -> f64 {
        self.done() as f64 / self.seconds
    }

    /// Milliseconds of CPU time per step.
    pub fn cpu_ms_each(&self, cpu_seconds: f64) -> f64 {
        cpu_seconds * 1e3 / self.done().max(1) as f64
    }

    /// Milliseconds that `share` of the steps did not exceed.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        percentile(&self.micros, share) as f64 / 1e3
    }
}

/// Repeats `step` for `span`. Steps are numbered from zero over all clients; the first that fails ends the load.
pub async fn repeat<F, Fut>(clients: u32, span: Duration, step: F) -> Outcome<Load>
where
    F: Fn(u64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Outcome<()>> + Send + 'static,
{
    let (watch, numbers) = (Stopwatch::start(), Arc::new(AtomicU64::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..clients {
        workers.spawn(work(watch, span, Arc::clone(&numbers), step.clone()));
    }
    let mut micros = Vec::new();
    while let Some(worker) = workers.join_next().await {
        micros.extend(worker??);
    }
    micros.sort_unstable();
    Ok(Load { seconds: watch.seconds(), micros })
}

/// One client: the microseconds of each of its steps.
async fn work<F, Fut>(watch: Stopwatch, span: Duration, numbers: Arc<AtomicU64>, step: F) -> Outcome<Vec<u64>>
where
    F: Fn(u64) -> Fut,
    Fut: Future<Output = Outcome<()>>,
{
    let mut micros = Vec::new();
    while watch.elapsed() < span {
        let began = watch.micros();
        step(numbers.fetch_add(1, Ordering::Relaxed)).await?;
        micros.push(watch.micros() - began);
    }
    Ok(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_reported_per_second_and_per_step() {
        let load = Load { seconds: 2.0, micros: vec![1_000, 2_000, 3_000, 4_000] };

        assert_eq!(load.per_second(), 2.0);
        assert_eq!(load.cpu_ms_each(0.2), 50.0);
        assert_eq!(load.percentile_ms(0.5), 2.0);
    }

    #[tokio::test]
    async fn the_first_failure_ends_the_load() {
        async fn refuse(_: u64) -> Outcome<()> {
            Err("refused".into())
        }

        assert!(repeat(2, Duration::from_secs(600), refuse).await.is_err());
    }
}
