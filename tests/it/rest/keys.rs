//! Normalized comparison keys of texts: one form on both sides, in lists and live, and recomputed for old rows.

use lotline::auth::key_scope::KeyScope;
use lotline::domain::key_clashes;
use serde_json::{Value, json};

use crate::store::tables::rows;
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    names_are_read_without_blanks_and_composed,
    a_name_is_one_line_that_can_be_seen,
    a_filter_finds_every_spelling_of_what_was_stored,
    users_whose_names_become_equal_both_sign_in_and_the_admins_are_alerted_once,
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn a_filter_finds_every_spelling_of_what_was_stored(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let mut socket = ann.connects().await;
    let filter = json!({"city": " BAD TO\u{308}LZ "});
    socket
        .send_json(json!({"type": "subscribe", "subscription": "property_updates", "filter": filter}))
        .await;
    socket.next_of_type("subscription_confirmed").await;

    let item = json!({
        "source": " caf\u{e9}.example ", "listing_key": "Stra\u{df}e 1 ", "address": {"city": "Bad T\u{f6}lz"},
    });
    let again = json!({"source": "cafe\u{301}.example", "listing_key": "Stra\u{df}e 1", "list_price": 5});
    let made = worker.post("/api/v1/properties/batch", &json!({"items": [item]})).await.json();
    let seen = worker.post("/api/v1/properties/batch", &json!({"items": [again]})).await.json();

    assert_eq!(made["results"][0]["status"], "created", "{made}");
    assert_eq!(seen["results"][0]["status"], "changed", "{seen}");
    for query in [
        format!("city={}", encoded("bad to\u{308}lz")),
        format!("city={}", encoded(" BAD TÖLZ")),
        format!("source={}", encoded("cafe\u{301}.example")),
        format!("q={}", encoded("STRASSE")),
        format!("q={}", encoded("stra\u{df}e TO\u{308}LZ")),
    ] {
        let found = ann.get(&format!("/api/v1/properties?{query}")).await.json();
        assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{query}: {found}");
    }
    let received = socket.next_of_type("property_update").await;
    assert_eq!(received["event"], "property_created", "{received}");
}

async fn names_are_read_without_blanks_and_composed(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;

    let spider = ann.post("/api/v1/spiders", &json!({"name": " sp2 ", "runner": "external"})).await;
    assert_eq!((spider.status, &spider.json()["name"]), (201, &json!("sp2")), "{spider:?}");
    let job = json!({"spider_name": " sp2 ", "target_urls": ["https://homes.example/"]});
    let job = ann.post("/api/v1/jobs", &job).await;
    assert_eq!((job.status, &job.json()["spider_name"]), (201, &json!("sp2")), "{job:?}");
    let found = ann.get("/api/v1/jobs?spider_name=%20sp2%20").await.json();
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");

    let room = json!({"name": " Cafe\u{301} ", "room_id": " r5 ", "visibility": "public"});
    let room = ann.post("/api/v1/rooms", &room).await;
    assert_eq!((room.status, &room.json()["name"]), (201, &json!("Caf\u{e9}")), "{room:?}");
    let said = ann.post("/api/v1/chat/send", &json!({"room_id": " r5 ", "text": " hello "})).await;
    assert_eq!(said.status, 200, "{said:?}");
    let left = socket.request(json!({"type": "leave_room", "room_id": " r5 "})).await;
    assert_ne!(left["type"], "error", "{left}");

    let user = json!({"username": " Zoe\u{308} ", "email": " zoe@acme.example ", "role": "member"});
    let user = ann.post("/api/v1/users", &user).await;
    assert_eq!(user.status, 201, "{user:?}");
    let user = user.json();
    assert_eq!((&user["username"], &user["email"]), (&json!("Zo\u{eb}"), &json!("zoe@acme.example")));

    let key = ann.post("/api/v1/api-keys", &json!({"name": " k ", "scopes": ["jobs:run"]})).await;
    assert_eq!((key.status, &key.json()["name"]), (201, &json!("k")), "{key:?}");
}

async fn a_name_is_one_line_that_can_be_seen(app: &TestApp) {
    let ann = app.admin("ann").await;
    for bad in ["   ", "a\nb", "a\u{202e}b", "\u{200b}"] {
        let room = json!({"name": bad, "room_id": "r6", "visibility": "public"});
        let room = ann.post("/api/v1/rooms", &room).await.expect_problem(422, "validation_failed");
        assert_eq!(room["errors"][0]["loc"], json!(["body", "name"]), "{bad:?}: {room}");
        let key = ann.post("/api/v1/api-keys", &json!({"name": bad, "scopes": ["jobs:run"]})).await;
        let key = key.expect_problem(422, "validation_failed");
        assert_eq!(key["errors"][0]["loc"], json!(["body", "name"]), "{bad:?}: {key}");
    }
}

async fn signs_in(app: &TestApp, name: &str) -> Response {
    let pairs =
        [("username", format!("acme/{name}")), ("password", "correct horse battery staple".to_owned())];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = app.http.post(app.url("/api/v1/auth/token"));
    Response::send(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
}

async fn users_whose_names_become_equal_both_sign_in_and_the_admins_are_alerted_once(app: &TestApp) {
    let ann = app.admin("ann").await;
    let older = app.member("strasse").await;
    let younger = app.member("other").await;
    // As the migration leaves a user when an older one has its new key.
    let id = younger.id;
    app.runs_sql(&format!(
        "UPDATE users SET username = 'Straße', username_key = 'straße', key_clash = 'username' WHERE id = {id}"
    ))
    .await;

    assert_eq!(key_clashes::notify_admins(&app.services).await.unwrap(), 1);
    assert_eq!(key_clashes::notify_admins(&app.services).await.unwrap(), 0);

    for (name, user) in [("strasse", older.id), ("STRASSE", older.id), ("Straße", id), ("straße", id)] {
        let answer = signs_in(app, name).await.json();
        assert_eq!(answer["user_id"], json!(user.0), "{name}: {answer}");
    }
    let notices = ann.get("/api/v1/notifications").await.json();
    let about = |one: &&Value| {
        one["message"]["type"] == "admin_notification"
            && one["message"]["message"].as_str().is_some_and(|text| text.contains("Straße"))
    };
    assert_eq!(notices["data"].as_array().unwrap().iter().filter(about).count(), 1, "{notices}");
    // Neither name is free.
    let body = json!({"username": "STRAßE", "email": "new@x.example", "role": "member"});
    ann.post("/api/v1/users", &body).await.expect_problem(409, "conflict");
}

#[tokio::test]
async fn on_sqlite_keys_of_before_are_computed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.db");
    let settings = lotline::storage::DatabaseSettings::Sqlite { path: path.clone() };

    keys_are_computed_anew(&settings, async || crate::store::tables::open_sqlite(&path).await).await;
}

#[tokio::test]
async fn on_postgres_keys_of_before_are_computed_anew() {
    let database = crate::support::postgres::TestDatabase::empty().await;
    let superuser = async || {
        let mut options = sea_orm::ConnectOptions::new(database.superuser_url().as_str());
        options.sqlx_logging(false).max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    };

    keys_are_computed_anew(&database.as_owner(), superuser).await;

    database.remove().await;
}

/// Ids of users from before the migration, with their names and addresses.
const BEFORE: [(i64, &str, &str); 7] = [
    (11, "Straße", "older@x.example"),
    (12, "ΟΔΟΣ", "Zoë@x.example"),
    (13, "zoe", "zoe\u{308}@x.example"),
    (14, "strasse2", "straße@x.example"),
    (15, "ﬁn", "fin@x.example"),
    // Here the younger user's name is spelled like the new key.
    (16, "Weißer", "w@x.example"),
    (17, "WEISSER", "ww@x.example"),
];

async fn keys_are_computed_anew(
    settings: &lotline::storage::DatabaseSettings,
    connect: impl AsyncFn() -> sea_orm::DatabaseConnection,
) {
    use sea_orm::ConnectionTrait;

    lotline::storage::migrate_up(settings).await.unwrap();
    crate::store::tables::take_back_from(settings, "fold_compared_keys").await;
    let connection = connect().await;
    crate::store::tables::fill(&connection, 1).await;
    for (id, username, email) in BEFORE {
        let sql = format!(
            "INSERT INTO users (id, tenant_id, username, username_key, email, email_key, role, is_active, created_at, \
             updated_at) VALUES ({id}, 1, '{username}', '{}', '{email}', '{}', 'member', true, 0, 0)",
            username.to_lowercase(),
            email.to_lowercase(),
        );
        connection.execute_unprepared(&sql).await.unwrap();
    }
    let first = "UPDATE properties SET city_key = 'straße', search_text = 'straße', source = ' s ', listing_key = 't'";
    connection.execute_unprepared(first).await.unwrap();
    let younger = [("id", "2"), ("source", "'s'"), ("listing_key", "'t'")];
    crate::store::tables::fill_one_more(&connection, "properties", &younger).await;
    connection.close().await.unwrap();

    lotline::storage::migrate_up(settings).await.unwrap();

    let connection = connect().await;
    let sql = "SELECT username_key, email_key, key_clash, key_skeleton FROM users WHERE id > 10 ORDER BY id";
    let users: Vec<(String, String, Option<String>)> = rows(&connection, sql)
        .await
        .iter()
        .map(|row| {
            assert_ne!(row.try_get_by_index::<String>(3).unwrap(), "");
            (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
                row.try_get_by_index(2).unwrap(),
            )
        })
        .collect();
    let places =
        rows(&connection, "SELECT city_key, search_text, source, listing_key FROM properties ORDER BY id")
            .await;
    let location: Vec<String> = [0, 1, 2, 3].map(|at| places[0].try_get_by_index(at).unwrap()).to_vec();
    let of_younger: Vec<String> = [2, 3].map(|at| places[1].try_get_by_index(at).unwrap()).to_vec();
    connection.close().await.unwrap();
    let user = |name: &str, email: &str, clash: Option<&str>| {
        (name.to_owned(), email.to_owned(), clash.map(str::to_owned))
    };
    assert_eq!(
        users,
        [
            user("strasse", "older@x.example", None),
            user("οδοσ", "zoë@x.example", None),
            user("zoe", "zoe\u{308}@x.example", Some("email")),
            user("strasse2", "strasse@x.example", None),
            user("fin", "fin@x.example", None),
            user("weißer", "w@x.example", None),
            user("weisser", "ww@x.example", Some("username")),
        ]
    );
    assert_eq!(location, ["strasse", "strasse", "s", "t"]);
    assert_eq!(of_younger, [" s ", "t"], "the older has the key");
}
