//! The key of a blob: ids alone, so that no name that a user chose ever becomes a path.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::base::ids::{TenantId, UploadId};

/// A blob of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobKey {
    pub tenant_id: TenantId,
    pub upload_id: UploadId,
}

impl BlobKey {
    /// Parses the output of [`BlobKey::to_string`], and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (tenant, shard, name) = (parts.next()?, parts.next()?, parts.next()?);
        let key = Self { tenant_id: tenant.parse().ok()?, upload_id: name.parse().ok()? };
        (parts.next().is_none() && shard == key.shard() && key.to_string() == text).then_some(key)
    }

    /// When the upload was created, according to its id.
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        let (seconds, nanos) = self.upload_id.0.get_timestamp()?.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    }

    /// The last two digits, which are random, so that the files are spread over folders.
    fn shard(&self) -> String {
        let name = self.upload_id.to_string();
        name.chars().skip(name.len() - 2).collect()
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant_id, self.shard(), self.upload_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_nothing_else_is_one() {
        let text = "7/9f/0198c0de-0000-7000-8000-00000000009f";
        let key = BlobKey::parse(text).unwrap();

        assert_eq!(key.to_string(), text);
        assert_eq!(key.created_at().unwrap().timestamp(), 0x0198_c0de_0000 / 1_000);
        for text in [
            "",
            "7",
            "7/9f/x",
            "7/00/0198c0de-0000-7000-8000-00000000009f",
            "07/9f/0198c0de-0000-7000-8000-00000000009f",
            "../9f/0198c0de-0000-7000-8000-00000000009f",
            "7/9f/0198C0DE-0000-7000-8000-00000000009F",
            "7/9f/0198c0de-0000-7000-8000-00000000009f/x",
        ] {
            assert_eq!(BlobKey::parse(text), None, "{text:?}");
        }
    }
}
