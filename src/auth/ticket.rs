//! Tickets: signed, short-lived grants to open one socket or stream. Making one stores nothing, so that no number of
//! them uses storage; used tickets are recorded elsewhere.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::authenticate::TicketGrant;
use super::secret::{SecretText, TICKET_PREFIX};
use super::token::key_ring::KeyRing;
use crate::base::entropy::Entropy;

/// Separates the signatures of tickets from every other use of the same keys.
const PURPOSE: &str = "socket ticket";
const SIGNATURE_BYTES: usize = 32;
/// The longest accepted text; ours have about 350 characters.
const MAX_CHARS: usize = 512;

/// The unique id of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(Uuid);

/// Where the use of a ticket is recorded. A ticket of another realm is refused, because its use would not be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketRealm([u8; 16]);

/// What a ticket states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub grant: TicketGrant,
    pub id: TicketId,
    /// Until when it can be used for the first time, by the steady clock.
    pub expires_at: DateTime<Utc>,
}

impl TicketRealm {
    /// A new realm, of one process.
    pub fn new(entropy: Entropy) -> Self {
        Self(entropy.bytes())
    }
}

impl Ticket {
    pub fn new(grant: TicketGrant, expires_at: DateTime<Utc>, entropy: Entropy) -> Self {
        Self { grant, id: TicketId(Uuid::from_bytes(entropy.bytes())), expires_at }
    }

    /// The ticket's text: prefix, then signature and grant as base64url. It has no dot, so it cannot be taken for a
    /// token.
    pub fn sign(&self, ring: &KeyRing, now: DateTime<Utc>, realm: TicketRealm) -> SecretText {
        // Ids and dates always serialise; an empty statement would be no ticket.
        let statement = serde_json::to_vec(self).unwrap_or_default();
        let fingerprints = ring.keyed_fingerprints(now, PURPOSE, &signed_bytes(realm, &statement));
        let bytes = [&fingerprints.newest().bytes()[..], &statement].concat();
        SecretText::new(format!("{TICKET_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The ticket in `text`, if a key of the ring has signed it for this realm. Keys that no longer sign still
    /// verify.
    pub fn verify(text: &str, ring: &KeyRing, now: DateTime<Utc>, realm: TicketRealm) -> Option<Self> {
        let encoded = text.strip_prefix(TICKET_PREFIX).filter(|text| text.len() <= MAX_CHARS)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (signature, statement) = bytes.split_at_checked(SIGNATURE_BYTES)?;
        let fingerprints = ring.keyed_fingerprints(now, PURPOSE, &signed_bytes(realm, statement));
        let is_signed = fingerprints.iter().any(|mark| mark.bytes()[..].ct_eq(signature).into());
        if is_signed { serde_json::from_slice(statement).ok() } else { None }
    }
}

/// The signed bytes: the realm has a fixed length, so no two pairs have the same bytes.
fn signed_bytes(realm: TicketRealm, statement: &[u8]) -> Vec<u8> {
    [&realm.0[..], statement].concat()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::auth::key_scope::Role;
    use crate::auth::principal::sample;
    use crate::auth::token::key_ring::SigningKey;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn ring(keys: &[(&str, u8)]) -> KeyRing {
        let key = |(index, (kid, byte)): (usize, &(&str, u8))| {
            SigningKey::new(kid, &[*byte; 32], now() - TimeDelta::days(1) + TimeDelta::hours(index as i64))
                .unwrap()
        };
        KeyRing::new(keys.iter().enumerate().map(key).collect()).unwrap()
    }

    fn ticket() -> Ticket {
        let grant = TicketGrant::of(&sample::user(Role::Member), now() + TimeDelta::minutes(15)).unwrap();
        Ticket::new(grant, now() + TimeDelta::seconds(30), Entropy)
    }

    #[test]
    fn a_ticket_says_what_was_signed() {
        let (ring, realm, ticket) = (ring(&[("a", 1)]), TicketRealm::new(Entropy), ticket());

        let text = ticket.sign(&ring, now(), realm);

        assert_eq!(Ticket::verify(text.expose(), &ring, now(), realm), Some(ticket));
        assert!(text.expose().starts_with("llt_") && !text.expose().contains('.'));
        assert!(text.expose().len() < MAX_CHARS, "{}", text.expose().len());
    }

    #[test]
    fn a_ticket_of_the_former_key_is_valid_until_the_key_is_removed() {
        let (realm, ticket) = (TicketRealm::new(Entropy), ticket());
        let text = ticket.sign(&ring(&[("old", 1)]), now(), realm);

        let read = |ring: &KeyRing| Ticket::verify(text.expose(), ring, now(), realm);
        assert_eq!(read(&ring(&[("old", 1), ("new", 2)])), Some(ticket));
        assert_eq!(read(&ring(&[("new", 2)])), None);
    }

    #[test]
    fn every_changed_byte_and_every_other_realm_is_noticed() {
        let (ring, realm) = (ring(&[("a", 1)]), TicketRealm::new(Entropy));
        let text = ticket().sign(&ring, now(), realm).expose().to_owned();

        assert_eq!(Ticket::verify(&text, &ring, now(), TicketRealm::new(Entropy)), None);
        for place in 4..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Ticket::verify(&changed, &ring, now(), realm), None, "{place}");
        }
        for bad in ["", "llt_", &text[4..], &text[..text.len() - 1], &format!("{text}A"), &format!("{text}=")]
        {
            assert_eq!(Ticket::verify(bad, &ring, now(), realm), None, "{bad}");
        }
    }

    #[test]
    fn what_the_same_key_has_signed_for_another_purpose_is_no_ticket() {
        let (ring, realm) = (ring(&[("a", 1)]), TicketRealm::new(Entropy));
        let statement = serde_json::to_vec(&ticket()).unwrap();

        let fingerprint = ring.keyed_fingerprints(now(), "idempotency", &signed_bytes(realm, &statement));
        let bytes = [&fingerprint.newest().bytes()[..], &statement].concat();
        let forged = format!("{TICKET_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));

        assert_eq!(Ticket::verify(&forged, &ring, now(), realm), None);
    }
}
