//! The name of a sign-in: an account and its tenant.

use crate::base::lookalike::mixes_scripts;
use crate::base::normalize;
use crate::domain::error::Result;
use crate::protocol::problem::{FieldError, PathSegment, Problem};

/// Longer names are not looked at: no account has one.
const MAX_BYTES: usize = 1024;

/// The account that a sign-in names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginName {
    /// The tenant that was named; `None` for a bare name.
    pub tenant: Option<String>,
    pub username: String,
}

impl LoginName {
    /// Parses `ann`, `acme/ann`, or `ann` with the OAuth2 scope `tenant:acme`. Other scopes are ignored, as
    /// RFC 6749 section 3.3 allows: no scope grants more than the role.
    pub fn parse(username: &str, scope: Option<&str>) -> Result<Self> {
        let mut tenants: Vec<&str> =
            scope.unwrap_or_default().split(' ').filter_map(|word| word.strip_prefix("tenant:")).collect();
        tenants.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        if tenants.len() > 1 {
            let words = "may name one tenant, as in `tenant:acme`";
            let error = FieldError::in_body(&[PathSegment::Name("scope".into())], "ambiguous", words);
            return Err(Problem::validation(vec![error]));
        }
        let by_scope = tenants.pop();
        let (by_name, username) = match username.split_once('/') {
            Some((tenant, username)) => (Some(tenant), username),
            None => (None, username),
        };
        // Two tenants that differ give an empty name, which no account has.
        let agreed = match (by_scope, by_name) {
            (Some(scope), Some(name)) => slug(scope) == slug(name),
            (None, _) | (_, None) => true,
        };
        let username = if agreed { normalize(username) } else { String::new() };
        Ok(Self { tenant: by_scope.or(by_name).map(slug), username })
    }
}

/// Rejects a new name that mixes scripts as no language does: it could look like another name.
pub(super) fn refuse_mixed_scripts(path: &[&str], name: &str) -> Result<()> {
    if !mixes_scripts(name) {
        return Ok(());
    }
    let steps: Vec<PathSegment> = path.iter().map(|name| PathSegment::Name((*name).to_owned())).collect();
    let words = "mixes letters of several scripts; write it in one";
    let errors = vec![FieldError::in_body(&steps, "mixed_scripts", words)];
    Err(Problem::conflict_of(format!("The user name {words}."), errors))
}

/// The form that names are stored in: the same keys typed on another system give the same name.
pub(super) fn normalize(name: &str) -> String {
    // No account and no tenant has a name with NUL, and PostgreSQL rejects one in a query.
    if name.len() > MAX_BYTES || name.contains('\0') { String::new() } else { normalize::name(name) }
}

/// The typed slug in normal form: slugs have no capital letters, so a capital one means the small one.
fn slug(typed: &str) -> String {
    normalize(typed).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(username: &str, scope: Option<&str>) -> (Option<String>, String) {
        let name = LoginName::parse(username, scope).unwrap();
        (name.tenant, name.username)
    }

    #[test]
    fn a_tenant_is_named_before_the_name_or_in_the_scope() {
        let ann_of_acme = (Some("acme".to_owned()), "ann".to_owned());

        assert_eq!(read("acme/ann", None), ann_of_acme);
        assert_eq!(read("ann", Some("tenant:acme")), ann_of_acme);
        assert_eq!(read("acme/ann", Some("openid tenant:acme")), ann_of_acme);
        assert_eq!(read("ann", Some("")), (None, "ann".to_owned()));
    }

    #[test]
    fn a_tenant_is_named_in_capitals_too() {
        let ann_of_acme = (Some("acme".to_owned()), "ann".to_owned());

        assert_eq!(read("ACME/ann", None), ann_of_acme);
        assert_eq!(read("ann", Some("tenant:Acme tenant:ACME")), ann_of_acme);
        assert_eq!(read("acme/ann", Some("tenant:ACME")), ann_of_acme);
    }

    #[test]
    fn a_name_that_contradicts_itself_is_nobodys() {
        assert_eq!(read("acme/ann", Some("tenant:beta")).1, "");
        assert!(LoginName::parse("ann", Some("tenant:acme tenant:beta")).is_err());
    }

    #[test]
    fn a_name_has_one_form_and_a_bounded_length() {
        assert_eq!(read("ａｎｎ", None).1, "ann");
        assert_eq!(read(&"x".repeat(2000), None).1, "");
        assert_eq!(read("an\0n", None).1, "");
        assert_eq!(read("ann", Some("tenant:ac\0me")), (Some(String::new()), "ann".to_owned()));
    }
}
