//! The configuration of a demo: the operator's own where it sets a key, the demo's defaults for the rest. Its data is
//! in a folder of its own, whatever else is configured: a demo never touches a real deployment.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::app::cli::DemoArgs;
use crate::app::start_error::StartError;
use crate::config::{Settings, format_errors};
use crate::http::serve::BindError;

/// The demo's port if none is configured and it is free.
pub(super) const DEFAULT_PORT: u16 = 8001;
/// The lifetime of the tokens that the demo prints: longer than it runs.
const TOKEN_SECONDS: &str = "43200";
/// The prefix of every variable of ours. `PORT` and `REDIS_URL`, which hosting platforms set, are ignored by the
/// demo.
const PREFIX: &str = "LOTLINE__";
/// An alias of `database.url` that `serve` accepts too. A demo that silently ignored it would be surprising.
const DATABASE_ALIAS: &str = "DATABASE_URL";

/// The options of the command line, the environment and the file.
pub(super) struct DemoOptions {
    config: Option<PathBuf>,
    variables: HashMap<String, String>,
    file: toml::Table,
    port: Option<u16>,
    /// A new folder that is kept.
    pub(super) data_dir: Option<PathBuf>,
    /// Whether a free port may replace the default one.
    takes_any_port: bool,
}

impl DemoOptions {
    pub(super) fn read(
        args: &DemoArgs,
        config: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut variables: HashMap<_, _> = environment.collect();
        let names_database = variables.get(DATABASE_ALIAS).is_some_and(|url| !url.is_empty());
        variables.retain(|name, _| name.starts_with(PREFIX));
        if names_database {
            return Err(foreign_store_error(&format!("database.url ({DATABASE_ALIAS})")));
        }
        // A file that cannot be read is refused below, with all other errors.
        let text = config.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let file = text.parse().unwrap_or_default();
        let mut options = Self {
            config: config.map(Path::to_owned),
            variables,
            file,
            port: args.port,
            data_dir: args.data_dir.clone(),
            takes_any_port: args.once,
        };
        options.load(&[])?;
        options.refuse_foreign_store()?;
        if options.data_dir.is_none() && options.is_configured("server", "data_dir") {
            options.data_dir = Some(options.load(&[])?.server.data_dir);
        }
        Ok(options)
    }

    /// The demo's settings on this folder, with these sites to crawl.
    pub(super) fn settings(&self, folder: &Path, sites: &[SocketAddr; 2]) -> Result<Settings, String> {
        let folder = folder.to_str().ok_or("the path of the data folder is not text")?;
        let mut pairs = vec![("server", "data_dir", folder.to_owned())];
        let mut set_default = |section, key, value: String| {
            if !self.is_configured(section, key) {
                pairs.push((section, key, value));
            }
        };
        set_default("server", "shutdown_seconds", "5".to_owned());
        set_default("auth", "access_ttl_seconds", TOKEN_SECONDS.to_owned());
        set_default("telemetry", "log_filter", "warn".to_owned());
        match self.port {
            Some(port) => pairs.push(("server", "bind", format!("{}:{port}", self.host()?))),
            None if self.is_configured("server", "bind") => {}
            None => {
                let port = if self.takes_any_port { 0 } else { port_or_any(DEFAULT_PORT) };
                pairs.push(("server", "bind", format!("{}:{port}", Ipv4Addr::LOCALHOST)));
            }
        }
        let mut settings = self.load(&pairs)?;
        let sites = sites.iter().map(|site| (site.ip().to_string(), site.port()));
        settings.crawler.allowed_private_hosts.extend(sites);
        Ok(settings)
    }

    /// The error of a failed start, with the flag that chose the port if there was one.
    pub(super) fn start_error_line(&self, error: &StartError) -> String {
        let StartError::Bind(refused) = error else { return error.to_string() };
        let (address, why) = match refused {
            BindError::InUse(address) => (address, "is in use by another process"),
            BindError::Denied(address) => (address, "may not be used by this user"),
            BindError::AddressNotAvailable(_) | BindError::Other { .. } => return error.to_string(),
        };
        match self.port {
            Some(port) if port == address.port() => {
                format!("--port: the port {port} {why}; choose another, or leave it out for a free one")
            }
            Some(_) | None => error.to_string(),
        }
    }

    /// The address that `--port` belongs to.
    fn host(&self) -> Result<String, String> {
        match self.is_configured("server", "bind") {
            true => Ok(match self.load(&[])?.server.bind {
                SocketAddr::V4(address) => address.ip().to_string(),
                SocketAddr::V6(address) => format!("[{}]", address.ip()),
            }),
            false => Ok(Ipv4Addr::LOCALHOST.to_string()),
        }
    }

    /// The configuration with these values as overrides.
    fn load(&self, overrides: &[(&str, &str, String)]) -> Result<Settings, String> {
        let mut variables = self.variables.clone();
        for (section, key, value) in overrides {
            let name = variable(section, key);
            variables.remove(&format!("{name}__FILE"));
            variables.insert(name, value.clone());
        }
        Settings::load(self.config.as_deref(), variables.into_iter()).map_err(|faults| format_errors(&faults))
    }

    /// Whether the operator sets this key.
    fn is_configured(&self, section: &str, key: &str) -> bool {
        let name = variable(section, key);
        let in_file = self.file.get(section).and_then(|section| section.get(key)).is_some();
        in_file
            || [name.clone(), format!("{name}__FILE")].iter().any(|name| self.variables.contains_key(name))
    }

    fn refuse_foreign_store(&self) -> Result<(), String> {
        for (section, key) in [("database", "url"), ("uploads", "bucket"), ("bootstrap", "tenant")] {
            if self.is_configured(section, key) {
                return Err(foreign_store_error(&format!("{section}.{key}")));
            }
        }
        Ok(())
    }
}

fn foreign_store_error(key: &str) -> String {
    format!(
        "{key} is set: the demo makes tenants and data of its own and keeps them in a folder (--data-dir); leave it \
         out, or use `lotline serve`"
    )
}

fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{}__{}", section.to_uppercase(), key.to_uppercase())
}

/// `port`, or 0 if another program uses it.
fn port_or_any(port: u16) -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_or(0, |_| port)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITES: [SocketAddr; 2] = [
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4001),
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4002),
    ];

    fn args(port: Option<u16>) -> DemoArgs {
        DemoArgs { once: true, data_dir: None, port, verbose: false, days: 7 }
    }

    fn read(
        port: Option<u16>,
        config: Option<&Path>,
        variables: &[(&str, &str)],
    ) -> Result<DemoOptions, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        DemoOptions::read(&args(port), config, variables)
    }

    fn settings(options: &DemoOptions) -> Settings {
        options.settings(Path::new("/tmp/demo"), &SITES).unwrap()
    }

    #[test]
    fn the_demo_names_its_sites_to_the_crawler_beside_those_of_the_operator() {
        let bare = settings(&read(None, None, &[]).unwrap());
        let hosts = [("LOTLINE__CRAWLER__ALLOWED_PRIVATE_HOSTS", "10.0.0.1:80")];
        let more = settings(&read(None, None, &hosts).unwrap());

        let named = |settings: &Settings| {
            let mut ports: Vec<u16> =
                settings.crawler.allowed_private_hosts.iter().map(|(_, port)| *port).collect();
            ports.sort_unstable();
            ports
        };
        assert_eq!((named(&bare), named(&more)), (vec![4001, 4002], vec![80, 4001, 4002]));
        assert!(bare.server.bind.ip().is_loopback() && bare.crawler.enabled);
    }

    #[test]
    fn variables_and_file_are_honoured_and_the_port_of_the_command_line_wins() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[server]\nbind = \"0.0.0.0:9000\"\n[auth]\naccess_ttl_seconds = 77\n")
            .unwrap();
        let variables =
            [("LOTLINE__SERVER__SHUTDOWN_SECONDS", "3"), ("LOTLINE__TELEMETRY__LOG_FILTER", "info")];

        let all = settings(&read(None, Some(file.path()), &variables).unwrap());
        let port = settings(&read(Some(9100), Some(file.path()), &[]).unwrap());
        let bare = settings(&read(Some(9100), None, &[]).unwrap());

        assert_eq!(all.server.bind.to_string(), "0.0.0.0:9000");
        assert_eq!(all.auth.access_ttl_seconds, 77);
        assert_eq!(all.server.shutdown_grace().as_secs(), 3);
        assert_eq!(all.telemetry.log_filter, "info");
        assert_eq!(port.server.bind.to_string(), "0.0.0.0:9100");
        assert_eq!(bare.server.bind.to_string(), "127.0.0.1:9100");
        assert_eq!(bare.server.data_dir, Path::new("/tmp/demo"));
    }

    #[test]
    fn a_configured_store_is_refused_and_variables_of_other_programs_are_ignored() {
        let refused =
            read(None, None, &[("LOTLINE__DATABASE__URL", "postgres://ann@db/real")]).err().unwrap();
        let alias = read(None, None, &[("DATABASE_URL", "postgres://ann@db/real")]).err().unwrap();
        let others = [("DATABASE_URL", ""), ("PORT", "80"), ("REDIS_URL", "redis://x")];
        let quiet = settings(&read(None, None, &others).unwrap());

        assert!(refused.starts_with("database.url is set: the demo makes"), "{refused}");
        assert!(alias.starts_with("database.url (DATABASE_URL) is set: the demo makes"), "{alias}");
        assert!(quiet.database.url.is_none() && quiet.cluster.url.is_none());
        assert!(quiet.server.bind.ip().is_loopback());
    }

    #[test]
    fn a_bad_value_is_named_as_the_server_names_it() {
        let refused = read(None, None, &[("LOTLINE__LIMITS__QUEUE_BYTES", "1")]).err().unwrap();

        assert!(refused.contains("LOTLINE__LIMITS__QUEUE_BYTES"), "{refused}");
    }

    #[test]
    fn a_port_that_cannot_be_bound_is_named_by_its_flag() {
        let given = |port| read(port, None, &[]).unwrap();
        let in_use =
            |port| StartError::Bind(BindError::InUse(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)));

        let of_flag = given(Some(8055)).start_error_line(&in_use(8055));
        let of_figures = given(Some(8055)).start_error_line(&in_use(9100));
        let without = given(None).start_error_line(&in_use(8055));

        assert!(of_flag.starts_with("--port: the port 8055 is in use by another process;"), "{of_flag}");
        assert!(!of_figures.contains("--port") && !without.contains("--port"), "{of_figures} {without}");
    }

    #[test]
    fn a_port_that_is_in_use_is_left_alone() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

        assert_eq!(port_or_any(taken.local_addr().unwrap().port()), 0);
    }
}
