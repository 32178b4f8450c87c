//! What the demo plays on: two listings sites, a server with its crawler in this process, and two tenants with people.
//! Nothing of the operator's own configuration is used, so that a demo never touches a real deployment.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalogue::Catalogue;
use super::data;
use super::people::People;
use super::rest::Client;
use super::site::server::{SiteHandle, SiteSettings, start};
use super::virtual_date::VirtualDate;
use crate::app::{App, StartError};
use crate::base::clock::Clock;
use crate::config::{Settings, report};
use crate::crawler::reader::ReaderProgram;
use crate::telemetry::subscriber;

/// Where the demo listens when the port is free.
pub(super) const USUAL_PORT: u16 = 8001;
/// How long the tokens that the demo prints are good for: longer than it runs.
const TOKEN_SECONDS: &str = "43200";
/// The smaller site refuses one request in so many, which its second crawl meets. A crawler rightly slows down after
/// that; the larger site never refuses, so that the demo does not consist of waiting.
const REFUSE_EVERY: u64 = 1_500;

/// How a stage is set.
pub(super) struct Wishes {
    /// 0 takes a free one; so does a port that is in use.
    pub(super) port: u16,
    /// Kept afterwards; without one, a folder that is removed at the end.
    pub(super) data_dir: Option<PathBuf>,
}

/// A tenant, and the site that it crawls.
pub(super) struct Company {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) people: People,
    pub(super) catalogue: Catalogue,
    pub(super) site: SiteHandle,
}

/// Everything that runs. It is to be closed, not dropped.
pub(super) struct Stage {
    pub(super) clock: Clock,
    pub(super) date: VirtualDate,
    pub(super) address: SocketAddr,
    pub(super) lucas: Company,
    pub(super) sacramento: Company,
    /// What the demo itself spawns; each task ends with `stop`.
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    server: JoinHandle<Result<(), StartError>>,
    leave: CancellationToken,
    folder: Folder,
}

/// Where the data is.
enum Folder {
    /// Removed when dropped.
    Passing(TempDir),
    Kept(PathBuf),
}

impl Stage {
    pub(super) async fn open(wishes: Wishes) -> Result<Self, String> {
        let folder = Folder::open(wishes.data_dir)?;
        let date = VirtualDate::start();
        let larger = Catalogue::LucasCounty(Arc::new(data::lucas_county().map_err(words)?));
        let smaller = Catalogue::Sacramento(Arc::new(data::sacramento().map_err(words)?));
        let patient = SiteSettings { refuse_every: None };
        let busy = SiteSettings { refuse_every: NonZeroU64::new(REFUSE_EVERY) };
        let lucas_site = start(larger.clone(), date.clone(), patient).await.map_err(words)?;
        let sacramento_site = start(smaller.clone(), date.clone(), busy).await.map_err(words)?;

        let sites = [lucas_site.address, sacramento_site.address];
        let settings = settings(free_port(wishes.port), folder.path(), &sites)?;
        subscriber::install(&settings.telemetry).map_err(words)?;
        let clock = Clock::system();
        let app = Box::pin(App::build(&settings, clock.clone(), ReaderProgram::OwnExecutable))
            .await
            .map_err(words)?;
        let lucas = People::settle(&app.identity, "lucas", "Lucas County Homes").await.map_err(words)?;
        let sacramento =
            People::settle(&app.identity, "sacramento", "Sacramento Homes").await.map_err(words)?;

        let (tasks, leave) = (TaskTracker::new(), CancellationToken::new());
        let address = app.local_addr();
        let server = tasks.spawn(app.run_until_stopped(leave.clone()));
        Ok(Self {
            clock,
            date,
            address,
            lucas: Company {
                slug: "lucas",
                name: "Lucas County Homes",
                people: lucas,
                catalogue: larger,
                site: lucas_site,
            },
            sacramento: Company {
                slug: "sacramento",
                name: "Sacramento Homes",
                people: sacramento,
                catalogue: smaller,
                site: sacramento_site,
            },
            tasks,
            stop: CancellationToken::new(),
            server,
            leave,
            folder,
        })
    }

    pub(super) fn companies(&self) -> [&Company; 2] {
        [&self.lucas, &self.sacramento]
    }

    /// A REST client that speaks as this person or key.
    pub(super) fn client(&self, credential: &str) -> Result<Client, String> {
        Client::new(self.address, credential)
    }

    /// The kept folder, if there is one.
    pub(super) fn kept(&self) -> Option<&Path> {
        match &self.folder {
            Folder::Kept(path) => Some(path),
            Folder::Passing(_) => None,
        }
    }

    /// Ends in this order: the demo's own sockets, the server with its crawls, the sites that those read.
    pub(super) async fn close(self) -> Result<(), String> {
        self.stop.cancel();
        self.leave.cancel();
        let served = self.server.await.map_err(words)?.map_err(words);
        self.tasks.close();
        self.tasks.wait().await;
        self.lucas.site.stop().await;
        self.sacramento.site.stop().await;
        served
    }
}

impl Folder {
    /// A folder with a database in it is refused: the demo's calendar would begin anew under an old log.
    fn open(wish: Option<PathBuf>) -> Result<Self, String> {
        let Some(path) = wish else {
            return tempfile::Builder::new()
                .prefix("lotline-demo-")
                .tempdir()
                .map(Self::Passing)
                .map_err(words);
        };
        if path.join("lotline.db").exists() {
            return Err(format!("{} holds a database already; name a new folder", path.display()));
        }
        std::fs::create_dir_all(&path).map_err(|error: io::Error| format!("{}: {error}", path.display()))?;
        Ok(Self::Kept(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// `port`, or 0 where somebody else has it.
fn free_port(port: u16) -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_or(0, |_| port)
}

/// A configuration out of the defaults and what the demo needs, with nothing from the environment.
fn settings(port: u16, folder: &Path, sites: &[SocketAddr; 2]) -> Result<Settings, String> {
    let folder = folder.to_str().ok_or("the path of the data folder is not text")?;
    let [one, other] = sites;
    let pairs = [
        ("SERVER__BIND", format!("{}:{port}", Ipv4Addr::LOCALHOST)),
        ("SERVER__DATA_DIR", folder.to_owned()),
        ("SERVER__SHUTDOWN_SECONDS", "5".to_owned()),
        ("AUTH__ACCESS_TTL_SECONDS", TOKEN_SECONDS.to_owned()),
        ("CRAWLER__ALLOWED_PRIVATE_HOSTS", format!("{one},{other}")),
        ("TELEMETRY__LOG_FILTER", "warn".to_owned()),
    ];
    let pairs = pairs.into_iter().map(|(name, value)| (format!("LOTLINE__{name}"), value));
    Settings::load(None, pairs).map_err(|faults| report(&faults))
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_names_its_sites_to_the_crawler_and_nobody_else() {
        let sites = [4001, 4002].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));

        let settings = settings(0, Path::new("/tmp/demo"), &sites).unwrap();

        let mut named: Vec<_> = settings.crawler.allowed_private_hosts.iter().cloned().collect();
        named.sort();
        let host = "127.0.0.1".to_owned();
        assert_eq!(named, [(host.clone(), 4001), (host, 4002)]);
        assert!(settings.server.bind.ip().is_loopback() && settings.crawler.enabled);
    }

    #[test]
    fn a_port_that_is_in_use_is_left_alone() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

        assert_eq!(free_port(taken.local_addr().unwrap().port()), 0);
    }

    #[test]
    fn a_folder_with_a_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lotline.db"), "").unwrap();

        let refused = Folder::open(Some(folder.path().to_owned())).err().unwrap();

        assert!(refused.contains("holds a database already"), "{refused}");
    }
}
