//! The first tenant's things, made through the public API. Every text carries a canary.

use serde_json::{Value, json};

use super::call::Call;
use super::world::{PASSWORD, World};

/// A job of an external worker, under that worker's lease.
pub struct LeasedJob {
    pub job: i64,
    pub execution: i64,
    pub lease: String,
    pub spider: String,
    pub tag: String,
}

/// A user with a password, signed in once.
pub struct SignedInUser {
    pub username: String,
    pub token: String,
}

impl World<'_> {
    /// A spider with jobs for external workers.
    pub async fn has_spider(&self) -> String {
        let name = self.canary_text("spider");
        self.has_spider_named(&name).await;
        name
    }

    pub async fn has_spider_named(&self, name: &str) {
        let hosts = [format!("{}.example", self.canary_text("host"))];
        let body = json!({ "name": name, "runner": "external", "allowed_hosts": hosts,
            "start_urls": [format!("https://{}.example/", self.canary_text("start"))] });
        self.admin_does(Call::post("/api/v1/spiders").json(body)).await;
    }

    /// A pending job, with its spider and its tag.
    pub async fn has_job(&self) -> (i64, String, String) {
        let (spider, tag) = (self.has_spider().await, self.canary_text("tag"));
        let target = format!("https://{}.example/", self.canary_text("target"));
        let body = json!({ "spider_name": spider, "tags": [tag], "target_urls": [target] });
        let job = self.admin_does(Call::post("/api/v1/jobs").json(body)).await.json();
        (id(&job, "job_id"), spider, tag)
    }

    /// A job that a worker has claimed.
    pub async fn has_leased_job(&self) -> LeasedJob {
        let (job, spider, tag) = self.has_job().await;
        self.claims(job, spider, tag).await
    }

    pub async fn claims(&self, job: i64, spider: String, tag: String) -> LeasedJob {
        let body = json!({ "spiders": [spider] });
        let claim = self.key_does(Call::post("/api/v1/workers/claim").json(body)).await.json();
        assert_eq!(id(&claim["job"], "job_id"), job, "{claim}");
        let (execution, lease) = (id(&claim["job"], "execution_id"), text(&claim, "lease_token"));
        LeasedJob { job, execution, lease, spider, tag }
    }

    /// A job with two executions, each with listings and log lines.
    pub async fn has_worked_job(&self) -> LeasedJob {
        let leased = self.has_leased_job().await;
        self.works(&leased).await;
        let error = self.canary_text("error");
        let body = json!({ "lease_token": leased.lease, "error": error });
        self.key_does(Call::post(&format!("/api/v1/jobs/{}/fail", leased.job)).json(body)).await;
        self.admin_does(Call::post(&format!("/api/v1/jobs/{}/retry", leased.job))).await;
        let leased = self.claims(leased.job, leased.spider, leased.tag).await;
        self.works(&leased).await;
        leased
    }

    async fn works(&self, leased: &LeasedJob) {
        let of_job = |verb: &str| Call::post(&format!("/api/v1/jobs/{}/{verb}", leased.job));
        self.key_does(of_job("start").json(json!({ "lease_token": leased.lease }))).await;
        let items = [self.listing(), self.listing(), self.listing()];
        let batch = json!({ "job_id": leased.job, "items": items });
        self.key_does(Call::post("/api/v1/properties/batch").json(batch)).await;
        let line = |level: &str| json!({ "level": level, "message": self.canary_text("line") });
        self.key_does(of_job("logs").json(json!({ "lines": [line("info"), line("warning")] }))).await;
    }

    /// A listing as a worker reports it.
    pub fn listing(&self) -> Value {
        json!({
            "source": self.canary_text("source"),
            "listing_key": self.canary_text("key"),
            "source_url": format!("https://{}.example/home", self.canary_text("page")),
            "list_price": 300_000,
            "currency": "USD",
            "standard_status": "active",
            "property_type": self.canary_text("type"),
            "address": { "street": self.canary_text("street"), "city": self.canary_text("city"), "country": self.canary_text("country") },
            "attributes": { "remark": self.canary_text("remark") },
        })
    }

    /// A stored property and the listing it was made from.
    pub async fn has_property(&self) -> (i64, Value) {
        let listing = self.listing();
        (self.reports(&listing).await, listing)
    }

    /// A property with a changed price.
    pub async fn has_repriced_property(&self) -> i64 {
        let (property, mut listing) = self.has_property().await;
        listing["list_price"] = json!(290_000);
        assert_eq!(self.reports(&listing).await, property);
        property
    }

    /// A property that a user is viewing.
    pub async fn has_viewed_property(&self) -> i64 {
        let (property, _) = self.has_property().await;
        let token = self.has_person().await.token;
        let mut socket = self.app.anonymous().socket_request("/ws").query("token", &token).open().await;
        socket.send_json(json!({ "type": "viewing", "property_id": property })).await;
        socket.request(json!({ "type": "ping" })).await;
        self.sockets.lock().push(socket);
        property
    }

    pub async fn reports(&self, listing: &Value) -> i64 {
        let batch = json!({ "items": [listing] });
        let answer = self.key_does(Call::post("/api/v1/properties/batch").json(batch)).await.json();
        id(&answer["results"][0], "property_id")
    }

    /// A user that has not signed in.
    pub async fn has_user(&self) -> (i64, String) {
        let username = self.canary_text("user");
        (self.has_user_named(&username).await, username)
    }

    pub async fn has_user_named(&self, username: &str) -> i64 {
        let body = json!({ "username": username, "email": format!("{username}@mail.example"), "role": "member",
            "password": PASSWORD, "display_name": self.canary_text("display") });
        let user = self.admin_does(Call::post("/api/v1/users").json(body)).await.json();
        id(&user, "id")
    }

    /// A signed-in user.
    pub async fn has_person(&self) -> SignedInUser {
        let (_, username) = self.has_user().await;
        let token = self.signs_in(&username).await;
        SignedInUser { username, token }
    }

    /// Another sign-in of a user.
    pub async fn signs_in(&self, username: &str) -> String {
        let form = [("username", username), ("password", PASSWORD), ("scope", "tenant:acme")];
        let call = Call::post("/api/v1/auth/token").form(&form).user_agent(&self.canary_text("agent"));
        let answer = call.send(self.app, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer.json(), "access_token")
    }

    /// A complete file.
    pub async fn has_upload(&self) -> String {
        let (filename, content) = (self.canary_text("file"), self.canary_text("content"));
        text(
            &self.admin_does(Call::post("/api/v1/uploads").file(&filename, &content)).await.json(),
            "upload_id",
        )
    }

    pub async fn has_key(&self) -> String {
        let body = json!({ "name": self.canary_text("key"), "scopes": ["events:read"] });
        text(&self.admin_does(Call::post("/api/v1/api-keys").json(body)).await.json(), "id")
    }

    /// Sends a broadcast.
    pub async fn broadcasts(&self, audience: &str) {
        let (message, category) = (self.canary_text("message"), self.canary_text("category"));
        let body = json!({ "message": message, "category": category, "audience": audience });
        self.admin_does(Call::post("/api/v1/admin/broadcast").json(body)).await;
    }

    /// A notification in the admin's inbox.
    pub async fn has_notification(&self) -> String {
        self.broadcasts("everyone").await;
        self.broadcasts("admins").await;
        let list = self.admin_does(Call::get("/api/v1/notifications")).await.json();
        let first = &list["data"][0];
        text(first, "notification_id")
    }

    /// A user's open socket, by its id.
    pub async fn has_connection(&self) -> String {
        let person = self.has_person().await;
        let request = self.app.anonymous().socket_request("/ws").query("token", &person.token);
        let mut socket = request.header("user-agent", &self.canary_text("agent")).open().await;
        let hello = socket.next_of_type("connection_established").await;
        self.sockets.lock().push(socket);
        text(&hello, "connection_id")
    }
}

pub fn id(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}
