//! A message of the server as one human-readable line.

use serde_json::Value;

use crate::base::money;
use crate::base::text::escape_controls;

/// The line: time of day, kind, description.
pub fn message_line(message: &Value) -> String {
    let at = message["occurred_at"].as_str().unwrap_or_default();
    let at = at.get(11..23).unwrap_or("            ");
    escape_controls(&format!("{at} {:<18} {}", event_or_type(message), describe(message))).into_owned()
}

/// The kind of a message: its event if it has one, else its type.
pub fn event_or_type(message: &Value) -> &str {
    let event = message["event"].as_str().or(message["payload"]["event"].as_str());
    event.or(message["type"].as_str()).unwrap_or_default()
}

fn describe(message: &Value) -> String {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| message[name].as_i64().unwrap_or_default();
    match message["type"].as_str().unwrap_or_default() {
        "connection_established" => describe_connection(message),
        "job_update" => describe_job(message),
        "property_update" => describe_property(message),
        "property_notification" => format!("{} new properties in {}", number("count"), text("location")),
        "system_notification" | "admin_notification" => format!("[{}] {}", text("category"), text("message")),
        "system_alert" => format!("{} {}: {}", text("severity"), text("category"), text("message")),
        "chat" | "direct_message" | "message_edited" | "message_deleted" => describe_chat(message),
        "system" => describe_room(&message["payload"]),
        "gap" => {
            let (of, reason, list) = (text("subscription"), text("reason"), text("resync_url"));
            format!("events of {of} are missing ({reason}); read {list}")
        }
        "token_expiring" => format!("the token ends in {} s", number("expires_in")),
        "going_away" => {
            format!("the server goes down; it asks for {:.1} s", number("reconnect_after_ms") as f64 / 1e3)
        }
        _ => message.to_string(),
    }
}

/// The tenant by its slug where the caller has added that, else by its id.
fn describe_connection(message: &Value) -> String {
    let slug = message["tenant_slug"].as_str().map(str::to_owned);
    let tenant = slug.unwrap_or_else(|| message["tenant_id"].as_i64().unwrap_or_default().to_string());
    match message["username"].as_str() {
        Some(username) => format!("connected as {username} in tenant {tenant}"),
        None => format!("connected with an API key in tenant {tenant}"),
    }
}

fn describe_job(message: &Value) -> String {
    let number = message["job_id"].as_i64().unwrap_or_default();
    let spider = message["spider_name"].as_str().unwrap_or_default();
    let mut words = format!("job {number} ({spider})");
    if let Some(progress) = message["progress"].as_object() {
        let count = |name: &str| progress.get(name).and_then(Value::as_i64).unwrap_or_default();
        words += &format!(" {} items, {} pages", count("items_scraped"), count("pages_crawled"));
    }
    if let Some(total) = message["total_items"].as_i64() {
        words += &format!(" {total} listings");
    }
    for name in ["finish_reason", "error"] {
        if let Some(value) = message[name].as_str() {
            words += &format!(" {value}");
        }
    }
    words
}

fn describe_property(message: &Value) -> String {
    let property = &message["property"];
    let key = property["listing_key"].as_str().unwrap_or_default();
    let city = property["address"]["city"].as_str().or(property["address"]["state_or_province"].as_str());
    let mut words = format!("{key} {}", city.unwrap_or_default());
    let currency = message["currency"].as_str().or(property["currency"].as_str());
    let old_currency = message["old_currency"].as_str().or(currency);
    let price = property["close_price"].as_f64().or(property["list_price"].as_f64());
    let (old, new) = (&message["old"], &message["new"]);
    match (old.is_null() && new.is_null(), price) {
        (false, _) => words += &format!(" {} -> {}", value(old, old_currency), value(new, currency)),
        (true, Some(price)) => words += &format!(" {}", format_amount(price, currency)),
        (true, None) => {}
    }
    words
}

/// A price, or a text such as a status.
fn value(value: &Value, currency: Option<&str>) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(word) => word.clone(),
        other => other.as_f64().map_or_else(|| other.to_string(), |price| format_amount(price, currency)),
    }
}

/// A price in the usual notation, with all decimals of its currency or none: `303,000 USD`, `12.50 EUR`, `1,234.500
/// KWD`.
pub fn format_amount(price: f64, currency: Option<&str>) -> String {
    let places = money::decimals(currency) as usize;
    let text = format!("{price:.places$}");
    let (whole, part) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let part = Some(part).filter(|part| part.bytes().any(|digit| digit != b'0'));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let part = part.map(|part| format!(".{part}")).unwrap_or_default();
    let currency = currency.map(|currency| format!(" {currency}")).unwrap_or_default();
    format!("{sign}{grouped}{part}{currency}")
}

fn describe_chat(message: &Value) -> String {
    let (sender, payload) = (&message["sender"], &message["payload"]);
    let name = sender["display_name"].as_str().or(sender["username"].as_str()).map(str::to_owned);
    let id = message["sender_id"].as_i64();
    let name = name.or_else(|| id.map(|id| format!("user {id}"))).unwrap_or_default();
    let place = match (payload["room_id"].as_str(), payload["target_user"].as_i64()) {
        (Some(room), _) => format!("in {room}"),
        (None, Some(user)) => format!("to user {user}"),
        (None, None) => String::new(),
    };
    match payload["text"].as_str() {
        Some(text) => format!("{name} {place}: {text}"),
        None => format!("{place}: message {}", payload["message_id"].as_str().unwrap_or_default()),
    }
}

fn describe_room(payload: &Value) -> String {
    let room = payload["room_id"].as_str().unwrap_or_default();
    let user = payload["user_id"].as_i64().unwrap_or_default();
    match payload["event"].as_str() {
        Some("user_joined") => format!("user {user} joined {room}"),
        Some("user_left") => format!("user {user} left {room}"),
        Some("user_disconnected") => format!("user {user} went away from {room}"),
        _ => payload["message"].as_str().unwrap_or(room).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_price_change_reads_as_one_line() {
        let message = json!({
            "type": "property_update", "event": "price_changed", "old": 100_000.0, "new": 95_000.5,
            "currency": "USD", "occurred_at": "2026-01-01T10:00:00.123Z",
            "property": { "listing_key": "LUC-1", "address": { "state_or_province": "OH" } },
        });

        let line = "10:00:00.123 price_changed      LUC-1 OH 100,000 USD -> 95,000.50 USD";
        assert_eq!(message_line(&message), line);
    }

    #[test]
    fn prices_carry_their_currency_where_it_is_known() {
        for (price, currency, words) in [
            (303_000.0, Some("USD"), "303,000 USD"),
            (1_234_567.0, None, "1,234,567"),
            (12.5, Some("EUR"), "12.50 EUR"),
            (1_234.5, Some("KWD"), "1,234.500 KWD"),
            (1_234.0, Some("KWD"), "1,234 KWD"),
            (5_000_000.0, Some("JPY"), "5,000,000 JPY"),
            (0.0, Some("EUR"), "0 EUR"),
            (-1_000.0, None, "-1,000"),
        ] {
            assert_eq!(format_amount(price, currency), words);
        }
    }

    #[test]
    fn a_first_price_and_a_new_status_are_described() {
        let of = |event: &str, old: Value, new: Value| {
            let property = json!({ "listing_key": "A-1", "address": { "city": "Toledo" } });
            describe(
                &json!({ "type": "property_update", "event": event, "old": old, "new": new, "currency": "USD",
                "property": property }),
            )
        };

        assert_eq!(of("price_changed", Value::Null, json!(5.0)), "A-1 Toledo none -> 5 USD");
        assert_eq!(of("status_changed", json!("active"), json!("closed")), "A-1 Toledo active -> closed");
    }

    #[test]
    fn chat_and_room_messages_read_as_one_line() {
        let sender = json!({ "user_id": 3, "username": "ann" });
        let of = |kind: &str, payload: Value| json!({ "type": kind, "sender_id": 3, "sender": sender, "payload": payload });

        for (message, line) in [
            (
                of("chat", json!({ "text": "hello", "room_id": "lobby" })),
                "chat               ann in lobby: hello",
            ),
            (
                of("direct_message", json!({ "text": "psst", "target_user": 7 })),
                "direct_message     ann to user 7: psst",
            ),
            (
                json!({ "type": "system", "payload": { "event": "user_joined", "user_id": 7, "room_id": "kitchen" } }),
                "user_joined        user 7 joined kitchen",
            ),
        ] {
            assert_eq!(message_line(&message).trim_start(), line);
        }
    }
}
