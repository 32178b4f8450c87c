//! The key of a kept page's body: the tenant's id, the hash of the content and an id of its own. A body that is written
//! again has another key, so that the removal of an old one never takes a new one with it.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::base::ids::TenantId;

/// The folder of a tenant that its kept pages are in.
pub(super) const FOLDER: &str = "pages";
/// Hexadecimal digits of a SHA-256, and those that name a folder.
const HASH_DIGITS: usize = 64;
const SHARD_DIGITS: usize = 2;

/// The body of a kept page of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageKey {
    pub tenant_id: TenantId,
    /// Of the body before compression, in 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Of version 7 (RFC 9562): it has the time at which the body was written.
    pub id: Uuid,
}

impl PageKey {
    /// Parses the output of [`PageKey::to_string`], and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (tenant, rest) = text.split_once('/')?;
        let name = rest.rsplit('/').next()?;
        let (sha256, id) = name.split_once('-')?;
        let is_hash = sha256.len() == HASH_DIGITS
            && sha256.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !is_hash {
            return None;
        }
        let (tenant_id, id) = (tenant.parse().ok()?, Uuid::parse_str(id).ok()?);
        let key = Self { tenant_id, sha256: sha256.to_owned(), id };
        (key.to_string() == text).then_some(key)
    }

    /// When the body was written, according to its id.
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        let (seconds, nanos) = self.id.get_timestamp()?.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    }
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shard = self.sha256.get(..SHARD_DIGITS).unwrap_or_default();
        write!(f, "{}/{FOLDER}/{shard}/{}-{}", self.tenant_id, self.sha256, self.id.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_nothing_else_is_one() {
        let hash = "ab".repeat(32);
        let text = format!("7/pages/ab/{hash}-0198c0de00007000800000000000009f");
        let key = PageKey::parse(&text).unwrap();

        assert_eq!(key.to_string(), text);
        assert_eq!((key.tenant_id, key.sha256.as_str()), (TenantId(7), hash.as_str()));
        assert_eq!(key.created_at().unwrap().timestamp(), 0x0198_c0de_0000 / 1_000);
        for text in [
            String::new(),
            "7".to_owned(),
            format!("7/pages/00/{hash}-0198c0de00007000800000000000009f"),
            format!("07/pages/ab/{hash}-0198c0de00007000800000000000009f"),
            format!("7/files/ab/{hash}-0198c0de00007000800000000000009f"),
            format!("7/pages/ab/{hash}-0198c0de-0000-7000-8000-00000000009f"),
            format!("7/pages/ab/x/{hash}-0198c0de00007000800000000000009f"),
            format!("7/pages/AB/{}-0198c0de00007000800000000000009f", hash.to_uppercase()),
            "7/9f/0198c0de-0000-7000-8000-00000000009f".to_owned(),
            "../pages/ab/x-y".to_owned(),
        ] {
            assert_eq!(PageKey::parse(&text), None, "{text:?}");
        }
    }
}
