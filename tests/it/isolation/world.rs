//! Two tenants. All texts of the first one carry a canary, so that one look at an answer shows whether any of them
//! leaked.

use std::sync::atomic::{AtomicU64, Ordering};

use lotline::auth::key_scope::KeyScope;
use lotline::domain::identity::bootstrap;
use parking_lot::Mutex;
use secrecy::SecretString;

use super::call::Call;
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::people::{Admin, Worker};
use crate::support::socket::Socket;
use crate::support::stream::Stream;

/// Part of every text of the first tenant.
pub const CANARY: &str = "kanarie";

/// The password of every user that has one.
pub const PASSWORD: &str = "a nightingale sang in 1915";

const EVERY_SCOPE: &[KeyScope] =
    &[KeyScope::JobsRun, KeyScope::PropertiesWrite, KeyScope::LogsWrite, KeyScope::EventsRead];

/// The most powerful callers of a tenant.
pub struct TenantCallers<'a> {
    pub admin: Admin<'a>,
    pub key: Worker<'a>,
}

pub struct World<'a> {
    pub app: &'a TestApp,
    pub owner: TenantCallers<'a>,
    pub stranger: TenantCallers<'a>,
    pub operator: String,
    /// The head of the owner's log at the beginning. The stranger's log is longer: taken for a position of that log,
    /// it would be a valid one.
    pub log_start: String,
    /// Sockets of the owner that stay open.
    pub sockets: Mutex<Vec<Socket>>,
    /// Streams of the owner that stay open.
    pub streams: Mutex<Vec<Stream>>,
    counter: AtomicU64,
}

impl<'a> World<'a> {
    pub async fn new(app: &'a TestApp) -> Self {
        let owner = app.admin(&format!("{CANARY}-ann")).await;
        let owner = TenantCallers { key: app.worker(&owner, EVERY_SCOPE).await, admin: owner };
        let stranger = app.stranger("eve").await;
        let stranger = TenantCallers { key: app.worker(&stranger, EVERY_SCOPE).await, admin: stranger };
        let password = SecretString::from(PASSWORD);
        bootstrap::create_operator(&app.identity, "root", &password).await.unwrap();
        let form = [("username", "root"), ("password", PASSWORD)];
        let token = Call::post("/api/v1/auth/token").form(&form).send(app, None).await.json();
        let operator = token["access_token"].as_str().unwrap().to_owned();
        let beginning = head(app, owner.admin.token()).await;
        for number in 0..3 {
            let call = Call::post("/api/v1/admin/broadcast").query("message", format!("news {number}"));
            assert_eq!(call.send(app, Some(stranger.admin.token())).await.status, 200);
        }
        let (sockets, streams, marks) = (Mutex::default(), Mutex::default(), AtomicU64::new(1));
        Self { app, owner, stranger, operator, log_start: beginning, sockets, streams, counter: marks }
    }

    /// A text of the first tenant, used once.
    pub fn canary_text(&self, what: &str) -> String {
        format!("{CANARY}-{}-{what}", self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// An identifier that is not in use. Without a canary: strangers may use it too.
    pub fn unused_word(&self) -> String {
        format!("unheard-{}-word", self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes a request as the first tenant's admin, which must succeed.
    #[track_caller]
    pub fn admin_does(&self, call: Call) -> impl Future<Output = Response> {
        self.send_expecting_success(call, self.owner.admin.token().to_owned())
    }

    /// Makes a request as the first tenant's program, which must succeed.
    #[track_caller]
    pub fn key_does(&self, call: Call) -> impl Future<Output = Response> {
        self.send_expecting_success(call, self.owner.key.token().to_owned())
    }

    #[track_caller]
    fn send_expecting_success(&self, call: Call, credential: String) -> impl Future<Output = Response> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = call.send(self.app, Some(&credential)).await;
            assert!((200..300).contains(&answer.status), "{caller}: {call}: {answer:?}");
            answer
        }
    }
}

/// The head position of the log of a token's tenant.
pub async fn head(app: &TestApp, token: &str) -> String {
    let page = Call::get("/api/v1/events").send(app, Some(token)).await.json();
    page["position"].as_str().unwrap().to_owned()
}

impl TenantCallers<'_> {
    /// An admin's token from a separate sign-in, which the call may end.
    pub async fn fresh_token(&self) -> String {
        self.admin.another_token().await
    }
}
