//! The environment of a demo: two listings sites, a server whose crawler may read them, and two tenants with users.

use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalogue::Catalogue;
use super::data;
use super::password::new_password;
use super::rest::RestClient;
use super::server::{NewTenant, RunningServer, ServerPlan, StartServer};
use super::site::server::{SiteHandle, SiteSettings, start};
use super::users::{ADMIN, DemoUsers};
use super::virtual_date::VirtualDate;

/// The smaller site refuses every n-th request, which its second crawl runs into. A crawler rightly slows down after
/// that; the larger site never refuses, so that the demo does not consist of waiting.
const REFUSE_EVERY: u64 = 1_500;

/// Slug and name of each tenant.
const LUCAS: (&str, &str) = ("lucas", "Lucas County Homes");
const SACRAMENTO: (&str, &str) = ("sacramento", "Sacramento Homes");

/// A tenant, and the site that it crawls.
pub(crate) struct DemoTenant {
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) users: DemoUsers,
    pub(crate) catalogue: Catalogue,
    pub(crate) site: SiteHandle,
}

/// Everything that runs. It must be closed, not dropped.
pub(crate) struct Environment {
    pub(crate) date: VirtualDate,
    pub(crate) server: RunningServer,
    pub(crate) lucas: DemoTenant,
    pub(crate) sacramento: DemoTenant,
    /// The demo's own tasks; each ends with `stop`.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    folder: Folder,
}

/// The folder of the data.
enum Folder {
    /// Removed when dropped.
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Environment {
    pub(crate) async fn open(data_dir: Option<PathBuf>, server: impl StartServer) -> Result<Self, String> {
        let folder = Folder::open(data_dir)?;
        let date = VirtualDate::start();
        let larger = Catalogue::LucasCounty(Arc::new(data::lucas_county().map_err(error_line)?));
        let smaller = Catalogue::Sacramento(Arc::new(data::sacramento().map_err(error_line)?));
        let patient = SiteSettings { refuse_every: None };
        let busy = SiteSettings { refuse_every: NonZeroU64::new(REFUSE_EVERY) };
        let lucas_site = start(larger.clone(), date.clone(), patient).await.map_err(error_line)?;
        let sacramento_site = start(smaller.clone(), date.clone(), busy).await.map_err(error_line)?;

        let passwords = (new_password()?, new_password()?);
        let plan = ServerPlan {
            folder: folder.path(),
            sites: [lucas_site.address, sacramento_site.address],
            tenants: [new_tenant(LUCAS, &passwords.0), new_tenant(SACRAMENTO, &passwords.1)],
        };
        let server = server.start(&plan).await?;
        let lucas_users = DemoUsers::create(server.address, LUCAS.0, passwords.0).await?;
        let sacramento_users = DemoUsers::create(server.address, SACRAMENTO.0, passwords.1).await?;
        Ok(Self {
            date,
            server,
            lucas: DemoTenant {
                slug: LUCAS.0,
                name: LUCAS.1,
                users: lucas_users,
                catalogue: larger,
                site: lucas_site,
            },
            sacramento: DemoTenant {
                slug: SACRAMENTO.0,
                name: SACRAMENTO.1,
                users: sacramento_users,
                catalogue: smaller,
                site: sacramento_site,
            },
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            folder,
        })
    }

    pub(crate) fn tenants(&self) -> [&DemoTenant; 2] {
        [&self.lucas, &self.sacramento]
    }

    /// A REST client with the credential of a user or key.
    pub(crate) fn client(&self, credential: &str) -> Result<RestClient, String> {
        RestClient::new(self.server.address, credential)
    }

    /// The kept folder, if there is one.
    pub(crate) fn kept_folder(&self) -> Option<&Path> {
        match &self.folder {
            Folder::Kept(path) => Some(path),
            Folder::Temporary(_) => None,
        }
    }

    /// Closes in this order: the demo's own sockets, the server with its crawls, the sites that those read.
    pub(crate) async fn close(self) -> Result<(), String> {
        self.stop.cancel();
        let served = self.server.stop().await;
        self.tasks.close();
        self.tasks.wait().await;
        self.lucas.site.stop().await;
        self.sacramento.site.stop().await;
        served
    }
}

fn new_tenant<'a>((slug, name): (&'a str, &'a str), password: &'a str) -> NewTenant<'a> {
    NewTenant { slug, name, admin: ADMIN, password }
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
