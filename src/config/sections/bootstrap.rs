//! `[bootstrap]`: the first tenant and its admin, for unattended starts.

use secrecy::SecretString;

use super::rules::slug;
use crate::base::text::has_length;
use crate::config::reader::ConfigReader;

/// The tenant and admin that are created when there is no tenant yet.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    pub tenant: String,
    pub username: String,
    pub password: SecretString,
}

#[derive(Clone, Debug)]
pub struct BootstrapSettings {
    pub first_admin: Option<FirstAdmin>,
}

impl BootstrapSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        let tenant = reader.optional_text("bootstrap.tenant", "a tenant's slug", slug);
        let username = reader.optional_text("bootstrap.username", "1 to 100 characters", |text| {
            has_length(text, 1, 100).then(|| text.to_owned())
        });
        let password =
            reader.secret("bootstrap.password", "8 to 200 characters", |text| has_length(text, 8, 200));
        let first_admin = match (tenant, username, password) {
            (Some(tenant), Some(username), Some(password)) => Some(FirstAdmin { tenant, username, password }),
            (None, None, None) => None,
            (tenant, username, password) => {
                refuse_incomplete(reader, [tenant.is_none(), username.is_none(), password.is_none()]);
                None
            }
        };
        Self { first_admin }
    }
}

const KEYS: [&str; 3] = ["bootstrap.tenant", "bootstrap.username", "bootstrap.password"];

/// Names the missing keys, at one that is set; unless one of the keys was already refused.
fn refuse_incomplete(reader: &mut ConfigReader, missing: [bool; 3]) {
    if !reader.all_valid(&KEYS) {
        return;
    }
    let absent = KEYS.iter().zip(missing).filter(|(_, missing)| *missing);
    let names: Vec<&str> = absent.map(|(key, _)| *key).collect();
    let present = reader.first_overridden(&KEYS).unwrap_or(KEYS[0]);
    let names = names.join(" and ");
    reader.refuse(present, format!("needs {names} beside it; give tenant, username and password, or none"));
}
