//! Which callers may use an operation: turns the permission in a handler's signature into a description and into
//! members for programs.

use serde_json::{Map, Value, json};

use crate::auth::key_scope::Role;
use crate::auth::permission::Permission;

/// The prefix of a permission among the security requirements of an operation, where extractors of callers put it. It
/// never reaches the document.
pub const PERMISSION: &str = "permission:";

/// The scheme of a password sign-in: useless where only API keys are allowed.
const SIGN_IN: &str = "sign_in";

/// The callers that are allowed.
#[derive(Default)]
struct Access {
    roles: Vec<Role>,
    scopes: Vec<&'static str>,
    operators: bool,
    anonymous: bool,
}

/// Replaces the permissions of an operation by their meaning.
pub(super) fn describe(operation: &mut Map<String, Value>) {
    let requirements = operation.get("security").and_then(Value::as_array).cloned().unwrap_or_default();
    let access = access(&requirements);
    let is_sign_in_useful = !access.roles.is_empty() || access.operators;
    let kept = requirements.into_iter().filter(|one| {
        let name = one.as_object().and_then(|one| one.keys().next());
        name.is_none_or(|name| !name.starts_with(PERMISSION) && (is_sign_in_useful || name != SIGN_IN))
    });
    operation.insert("security".to_owned(), kept.collect());
    let words = words(&access);
    let description = match operation.get("description").and_then(Value::as_str) {
        Some(before) => format!("{before}\n\n{words}"),
        None => words,
    };
    operation.insert("description".to_owned(), description.into());
    let roles = access.roles.iter().map(|role| role.name()).chain(access.operators.then_some("operator"));
    operation.insert("x-roles".to_owned(), roles.collect());
    operation.insert("x-key-scopes".to_owned(), json!(access.scopes));
}

fn access(requirements: &[Value]) -> Access {
    let names = requirements.iter().filter_map(Value::as_object).flat_map(Map::keys);
    let permissions = names.filter_map(|name| Permission::from_name(name.strip_prefix(PERMISSION)?));
    let mut access = Access {
        anonymous: requirements.is_empty() || requirements.contains(&json!({})),
        ..Access::default()
    };
    for granted in permissions.map(Permission::granted) {
        access
            .roles
            .extend(Role::ALL.into_iter().filter(|role| granted.min_role.is_some_and(|from| *role >= from)));
        access.scopes.extend(granted.scopes.iter().map(|scope| scope.name()));
        access.operators |= granted.operators;
    }
    access.roles.sort_unstable();
    access.roles.dedup();
    access
}

fn words(access: &Access) -> String {
    let mut parties = Vec::new();
    match access.roles.first() {
        Some(Role::Viewer) => {
            parties.push("every user of the tenant (role `viewer`, `member` or `admin`)".to_owned());
        }
        Some(Role::Member) => parties.push("users with the role `member` or `admin`".to_owned()),
        Some(Role::Admin) => parties.push("users with the role `admin`".to_owned()),
        None => {}
    }
    if !access.scopes.is_empty() {
        let scopes: Vec<String> = access.scopes.iter().map(|scope| format!("`{scope}`")).collect();
        parties.push(format!("API keys with the scope {}", scopes.join(" or ")));
    }
    if access.operators {
        parties.push("operators".to_owned());
    }
    match (parties.is_empty(), access.anonymous) {
        (true, _) => "**Access:** no credential is needed.".to_owned(),
        (false, true) => format!("**Access:** {}, or no credential at all.", parties.join("; ")),
        (false, false) => format!("**Access:** {}.", parties.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(requirements: Value) -> Value {
        let mut operation = Map::from_iter([("security".to_owned(), requirements)]);
        describe(&mut operation);
        Value::Object(operation)
    }

    #[test]
    fn a_permission_becomes_roles_scopes_and_words() {
        let said = said(json!([{ "sign_in": [] }, { "bearer": [] }, { "permission:StartJobs": [] }]));

        assert_eq!(said["security"], json!([{ "sign_in": [] }, { "bearer": [] }]));
        assert_eq!(said["x-roles"], json!(["member", "admin"]));
        assert_eq!(said["x-key-scopes"], json!(["jobs:run"]));
        assert_eq!(
            said["description"],
            "**Access:** users with the role `member` or `admin`; API keys with the scope `jobs:run`."
        );
    }

    #[test]
    fn what_only_keys_may_do_cannot_be_signed_in_for() {
        let said = said(json!([{ "sign_in": [] }, { "bearer": [] }, { "permission:RunJobs": [] }]));

        assert_eq!(said["security"], json!([{ "bearer": [] }]));
        assert_eq!(said["x-roles"], json!([]));
    }

    #[test]
    fn where_nothing_is_asked_for_the_document_says_so() {
        let mut operation = Map::new();
        describe(&mut operation);

        assert_eq!(operation["security"], json!([]));
        assert_eq!(operation["description"], "**Access:** no credential is needed.");
    }
}
