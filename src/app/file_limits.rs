//! A node holds a descriptor a connection: what the system allows of them, and how many connections that is.

use crate::http::serve::ServeSettings;

/// Descriptors for all else: the database, files, crawls.
const OTHERS: usize = 256;
/// Plain connections that there are in any case.
const LEAST: usize = 16;

/// Takes what the hard limit allows; the usual soft limit is 1,024.
pub(super) fn raise() {
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

/// The settings with no more connections than there are descriptors for: beyond them an address could fill the server
/// and no new connection would be accepted, even while others are idle.
pub(super) fn fitted(serving: ServeSettings) -> ServeSettings {
    let Some(files) = limit() else { return serving };
    let fitted = within(serving, files);
    tracing::info!(
        open_files = files,
        connections = fitted.max_connections,
        in_all = fitted.descriptors.min(fitted.max_connections * 2),
        "connections that this node takes"
    );
    fitted
}

fn within(serving: ServeSettings, files: usize) -> ServeSettings {
    let for_connections = files.saturating_sub(OTHERS.min(files / 2) + serving.reserved).max(LEAST);
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

/// Files that this process may have open; `None`: as many as it likes.
fn limit() -> Option<usize> {
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
    fn connections_fit_into_the_descriptors_and_some_are_left_for_all_else() {
        let serving = || ServeSettings { max_connections: 16_384, reserved: 16, ..ServeSettings::default() };

        let many = within(serving(), 1_048_576);
        assert_eq!((many.max_connections, many.descriptors), (16_384, 1_048_304));
        let few = within(serving(), 4096);
        assert_eq!((few.max_connections, few.descriptors), (3824, 3824));
        let hardly_any = within(serving(), 64);
        assert_eq!((hardly_any.max_connections, hardly_any.descriptors), (16, 16));
    }
}
