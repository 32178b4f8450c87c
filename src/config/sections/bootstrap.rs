//! `[bootstrap]`: the first tenant and its admin, for a start without anybody at a terminal.

use secrecy::SecretString;

use super::auth::slug;
use crate::base::text::fits;
use crate::config::form::Form;

/// Who is made when there is no tenant yet.
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
    pub(in crate::config) fn read(form: &mut Form) -> Self {
        let tenant = form.optional_text("bootstrap.tenant", "a tenant's slug", slug);
        let username = form.optional_text("bootstrap.username", "1 to 100 characters", |text| {
            fits(text, 1, 100).then(|| text.to_owned())
        });
        let password = form.secret("bootstrap.password", "8 to 200 characters", |text| fits(text, 8, 200));
        let first_admin = match (tenant, username, password) {
            (Some(tenant), Some(username), Some(password)) => Some(FirstAdmin { tenant, username, password }),
            (None, None, None) => None,
            (tenant, username, password) => {
                let missing = [
                    ("bootstrap.tenant", tenant.is_none()),
                    ("bootstrap.username", username.is_none()),
                    ("bootstrap.password", password.is_none()),
                ];
                refuse_half(form, &missing);
                None
            }
        };
        Self { first_admin }
    }
}

/// Names the keys that are missing, unless they were given and refused already.
fn refuse_half(form: &mut Form, missing: &[(&'static str, bool)]) {
    for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
        if form.sound(&[key]) {
            form.refuse(key, "is empty; give tenant, username and password, or none of them");
        }
    }
}
