//! A server with one tenant: an admin, ten members and a worker's key.

use std::path::Path;

use serde_json::json;

use crate::api::Api;
use crate::feed::Endpoint;
use crate::server::Server;
use crate::store::Store;
use crate::{Outcome, delivery};

const TENANT: &str = "bench";
const MEMBERS: usize = 10;
const PASSWORD: &str = "a long password\n";
const SCOPES: &str = "jobs:run,properties:write,logs:write,events:read";

pub struct Environment {
    pub server: Server,
    pub endpoint: Endpoint,
    pub admin: Api,
    pub worker: Api,
    /// Tokens of the members, for sockets and streams.
    pub members: Vec<String>,
    store: Store,
}

impl Environment {
    pub async fn build(binary: &Path, superuser: Option<&str>, settings: &[(&str, String)]) -> Outcome<Self> {
        let store = Store::create(binary, superuser, settings).await?;
        store.subcommand(&["tenant", "create", "--slug", TENANT, "--name", TENANT], "").await?;
        let admin = user(&store, "ann", "admin").await?;
        let key = ["key", "create", "--tenant", TENANT, "--username", "ann", "--name", "worker"];
        let key = store.subcommand(&[&key[..], &["--scopes", SCOPES]].concat(), "").await?;
        let mut members = Vec::new();
        for number in 0..MEMBERS {
            members.push(user(&store, &format!("member-{number}"), "member").await?);
        }
        let server = Server::start(store.command(&["serve"])).await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let endpoint = Endpoint { http, url: server.url.clone() };
        let (admin, worker) = (Api::new(&endpoint, admin), Api::new(&endpoint, key));
        Ok(Self { server, endpoint, admin, worker, members, store })
    }

    /// A member's token, of each member in turn.
    pub fn member(&self, number: usize) -> &str {
        self.members.get(number % self.members.len().max(1)).map_or("", String::as_str)
    }

    /// Stops the server and removes its store.
    pub async fn remove(self) -> Outcome<()> {
        self.server.stop().await?;
        self.store.remove().await
    }
}

/// Broadcasts a message that carries the time of sending.
pub async fn broadcast(admin: Api, sent_us: u64) -> Outcome<()> {
    let body = json!({ "message": delivery::text(sent_us) });
    admin.post("/api/v1/admin/broadcast", &body).await?;
    Ok(())
}

/// Creates a user; its token.
async fn user(store: &Store, name: &str, role: &str) -> Outcome<String> {
    let words =
        ["user", "create", "--tenant", TENANT, "--username", name, "--role", role, "--password-stdin"];
    store.subcommand(&words, PASSWORD).await?;
    store.subcommand(&["token", "mint", "--tenant", TENANT, "--username", name], "").await
}
