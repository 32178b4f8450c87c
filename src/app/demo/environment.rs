//! The environment of a demo: two listings sites, a server with its crawler in this process, and two tenants with
//! users.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalogue::Catalogue;
use super::data;
use super::options::DemoOptions;
use super::rest::RestClient;
use super::site::server::{SiteHandle, SiteSettings, start};
use super::users::DemoUsers;
use super::virtual_date::VirtualDate;
use crate::app::{App, StartError};
use crate::base::clock::Clock;
use crate::crawler::reader::ReaderProgram;
use crate::telemetry::subscriber;

/// The smaller site refuses every n-th request, which its second crawl runs into. A crawler rightly slows down after
/// that; the larger site never refuses, so that the demo does not consist of waiting.
const REFUSE_EVERY: u64 = 1_500;

/// A tenant, and the site that it crawls.
pub(super) struct DemoTenant {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) users: DemoUsers,
    pub(super) catalogue: Catalogue,
    pub(super) site: SiteHandle,
}

/// Everything that runs. It must be closed, not dropped.
pub(super) struct Environment {
    pub(super) clock: Clock,
    pub(super) date: VirtualDate,
    pub(super) address: SocketAddr,
    /// Instead of the default port, which another program uses.
    pub(super) took_a_free_port: bool,
    pub(super) lucas: DemoTenant,
    pub(super) sacramento: DemoTenant,
    /// The demo's own tasks; each ends with `stop`.
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    server: JoinHandle<Result<(), StartError>>,
    server_stop: CancellationToken,
    folder: Folder,
}

/// The folder of the data.
enum Folder {
    /// Removed when dropped.
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Environment {
    pub(super) async fn open(options: DemoOptions) -> Result<Self, String> {
        let folder = Folder::open(options.data_dir.clone())?;
        let date = VirtualDate::start();
        let larger = Catalogue::LucasCounty(Arc::new(data::lucas_county().map_err(error_line)?));
        let smaller = Catalogue::Sacramento(Arc::new(data::sacramento().map_err(error_line)?));
        let patient = SiteSettings { refuse_every: None };
        let busy = SiteSettings { refuse_every: NonZeroU64::new(REFUSE_EVERY) };
        let lucas_site = start(larger.clone(), date.clone(), patient).await.map_err(error_line)?;
        let sacramento_site = start(smaller.clone(), date.clone(), busy).await.map_err(error_line)?;

        let sites = [lucas_site.address, sacramento_site.address];
        let settings = options.settings(folder.path(), &sites)?;
        subscriber::install(&settings.telemetry).map_err(error_line)?;
        let clock = Clock::system();
        let app = Box::pin(App::build(&settings, clock.clone(), ReaderProgram::OwnExecutable))
            .await
            .map_err(|error| options.start_error_line(&error))?;
        let lucas =
            DemoUsers::create(&app.identity, "lucas", "Lucas County Homes").await.map_err(error_line)?;
        let sacramento =
            DemoUsers::create(&app.identity, "sacramento", "Sacramento Homes").await.map_err(error_line)?;

        let (tasks, leave) = (TaskTracker::new(), CancellationToken::new());
        let address = app.local_addr();
        let took_a_free_port = settings.server.bind.port() == 0;
        let server = tasks.spawn(app.run_until_stopped(leave.clone()));
        Ok(Self {
            clock,
            date,
            address,
            took_a_free_port,
            lucas: DemoTenant {
                slug: "lucas",
                name: "Lucas County Homes",
                users: lucas,
                catalogue: larger,
                site: lucas_site,
            },
            sacramento: DemoTenant {
                slug: "sacramento",
                name: "Sacramento Homes",
                users: sacramento,
                catalogue: smaller,
                site: sacramento_site,
            },
            tasks,
            stop: CancellationToken::new(),
            server,
            server_stop: leave,
            folder,
        })
    }

    pub(super) fn tenants(&self) -> [&DemoTenant; 2] {
        [&self.lucas, &self.sacramento]
    }

    /// A REST client with the credential of a user or key.
    pub(super) fn client(&self, credential: &str) -> Result<RestClient, String> {
        RestClient::new(self.address, credential)
    }

    /// The kept folder, if there is one.
    pub(super) fn kept_folder(&self) -> Option<&Path> {
        match &self.folder {
            Folder::Kept(path) => Some(path),
            Folder::Temporary(_) => None,
        }
    }

    /// Closes in this order: the demo's own sockets, the server with its crawls, the sites that those read.
    pub(super) async fn close(self) -> Result<(), String> {
        self.stop.cancel();
        self.server_stop.cancel();
        let served = self.server.await.map_err(error_line)?.map_err(error_line);
        self.tasks.close();
        self.tasks.wait().await;
        self.lucas.site.stop().await;
        self.sacramento.site.stop().await;
        served
    }
}

impl Folder {
    /// A folder with a database in it is refused: the demo's calendar would start again while the log is old.
    fn open(data_dir: Option<PathBuf>) -> Result<Self, String> {
        let Some(path) = data_dir else {
            return tempfile::Builder::new()
                .prefix("lotline-demo-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(error_line);
        };
        if path.join("lotline.db").exists() {
            return Err(format!("{} holds a database already; name a new folder", path.display()));
        }
        std::fs::create_dir_all(&path).map_err(|error: io::Error| format!("{}: {error}", path.display()))?;
        Ok(Self::Kept(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

fn error_line(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lotline.db"), "").unwrap();

        let refused = Folder::open(Some(folder.path().to_owned())).err().unwrap();

        assert!(refused.contains("holds a database already"), "{refused}");
    }
}
