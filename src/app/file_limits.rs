//! Connections and file descriptors: a connection needs a descriptor, so the system's limit caps the connections.

use crate::http::serve::ServeSettings;

/// Descriptors reserved for all else: the database, files, crawls.
const RESERVED_DESCRIPTORS: usize = 256;
/// The minimum of plain connections.
const MIN_CONNECTIONS: usize = 16;

/// Raises the soft limit to the hard limit; the usual soft limit is 1,024.
pub(super) fn raise_open_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, raised) {
                tracing::warn!(%error, "the limit of open files could not be raised");
            }
        }
    }
}

/// The settings with no more connections than there are descriptors for: otherwise one address could use them all up,
/// and no new connection would be accepted, even while others are idle.
pub(super) fn fit_to_open_files(serving: ServeSettings) -> ServeSettings {
    let Some(files) = open_file_limit() else { return serving };
    let fitted = cap_connections(serving, files);
    tracing::info!(
        open_files = files,
        connections = fitted.max_connections,
        in_all = fitted.descriptors.min(fitted.max_connections * 2),
        "connections that this node takes"
    );
    fitted
}

fn cap_connections(serving: ServeSettings, files: usize) -> ServeSettings {
    let for_connections =
        files.saturating_sub(RESERVED_DESCRIPTORS.min(files / 2) + serving.reserved).max(MIN_CONNECTIONS);
    let max_connections = serving.max_connections.min(for_connections);
    if serving.max_connections > for_connections {
        tracing::warn!(
            open_files = files,
            wanted = serving.max_connections,
            taken = max_connections,
            "the limit of open files allows fewer connections than server.max_connections; raise it (ulimit -n)"
        );
    }
    ServeSettings { max_connections, descriptors: for_connections, ..serving }
}

/// The limit of this process's open files; `None`: no limit.
fn open_file_limit() -> Option<usize> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok())
    }
    #[cfg(not(unix))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_capped_so_that_descriptors_remain_for_files() {
        let serving = || ServeSettings { max_connections: 16_384, reserved: 16, ..ServeSettings::default() };

        let many = cap_connections(serving(), 1_048_576);
        assert_eq!((many.max_connections, many.descriptors), (16_384, 1_048_304));
        let few = cap_connections(serving(), 4096);
        assert_eq!((few.max_connections, few.descriptors), (3824, 3824));
        let hardly_any = cap_connections(serving(), 64);
        assert_eq!((hardly_any.max_connections, hardly_any.descriptors), (16, 16));
    }
}
