//! Work that would block a task.

use std::io;

use super::error::{Error, Result};

/// Disk work on a blocking thread, so that it blocks no task.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(Error::Unavailable(error.to_string())),
    }
}
