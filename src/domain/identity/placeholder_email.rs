//! The placeholder of an e-mail address that is not known, in the column that cannot be empty. It is never shown.

/// RFC 2606: a name under `.invalid` never exists.
const DOMAIN: &str = ".invalid";

/// The placeholder for a user of a tenant.
pub(super) fn placeholder_email(username: &str, tenant: &str) -> String {
    format!("{username}@{tenant}{DOMAIN}")
}

/// The placeholder for a new name; `None` if the stored address is not the placeholder of the old one.
pub(super) fn renamed_placeholder_email(stored: &str, old: &str, new: &str) -> Option<String> {
    let domain = stored.strip_prefix(old)?.strip_prefix('@')?;
    domain.ends_with(DOMAIN).then(|| format!("{new}@{domain}"))
}

/// A user's address, if it is known.
pub(super) fn known_email(stored: String) -> Option<String> {
    Some(stored).filter(|email| !email.ends_with(DOMAIN))
}
