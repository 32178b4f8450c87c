//! Tenants, users and what they hold: keys, sign-ins, entries of the audit log.

use poem_openapi::types::Example;

use super::{EMAIL, TENANT, USER, USERNAME, after, far_future, uuid};
use crate::base::clock::rfc3339;
use crate::protocol::api_key::{ApiKeyCreated, KeyView, NullSemantics, ScopeView};
use crate::protocol::audit_log::AuditEntry;
use crate::protocol::role::Role;
use crate::protocol::session::SessionView;
use crate::protocol::tenant::{QuotasView, TenantCreated, TenantView};
use crate::protocol::user::{DirectoryEntry, PasswordLinkView, UserView};

impl Example for TenantView {
    fn example() -> Self {
        Self {
            id: TENANT,
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            is_active: true,
            is_being_removed: false,
            quotas: QuotasView::default(),
            created_at: after(0),
            updated_at: after(0),
        }
    }
}

impl Example for TenantCreated {
    fn example() -> Self {
        let TenantView { id, slug, name, is_active, created_at, updated_at, .. } = TenantView::example();
        let (admin, password_link) = (Some(UserView::example()), Some(PasswordLinkView::example()));
        Self { id, slug, name, is_active, created_at, updated_at, admin, password_link }
    }
}

impl Example for UserView {
    fn example() -> Self {
        Self {
            id: USER,
            tenant_id: TENANT,
            username: USERNAME.to_owned(),
            email: Some(EMAIL.to_owned()),
            display_name: Some("Ann".to_owned()),
            avatar_url: None,
            role: Role::Admin,
            is_active: true,
            has_password: true,
            created_at: after(0),
            updated_at: after(0),
        }
    }
}

impl Example for DirectoryEntry {
    fn example() -> Self {
        Self {
            id: USER,
            username: USERNAME.to_owned(),
            display_name: Some("Ann".to_owned()),
            avatar_url: None,
        }
    }
}

impl Example for PasswordLinkView {
    fn example() -> Self {
        Self {
            url: format!("https://api.acme.example/set-password#token={}", "llp_Xq0mB7sKfV1tYnRdAcJ3vE5g"),
            expires_at: after(24 * 60),
        }
    }
}

impl Example for KeyView {
    fn example() -> Self {
        Self {
            id: uuid(),
            name: "crawler in the cellar".to_owned(),
            scopes: vec![ScopeView::JobsRun, ScopeView::PropertiesWrite],
            made_by: USER,
            created_at: after(0),
            expires_at: Some(rfc3339(far_future())),
            last_used_at: Some(after(5)),
            null_semantics: NullSemantics::Empty,
        }
    }
}

impl Example for ApiKeyCreated {
    fn example() -> Self {
        let KeyView { id, name, scopes, made_by, created_at, expires_at, null_semantics, .. } =
            KeyView::example();
        let key = format!("llk_{}_{}", id.simple(), "9r2Xq0mB7sKfV1tYnRdAcJ3vE5gLhW8p");
        Self { id, key, name, scopes, made_by, created_at, expires_at, null_semantics }
    }
}

impl Example for SessionView {
    fn example() -> Self {
        Self {
            id: uuid(),
            current: true,
            user_agent: Some("Mozilla/5.0".to_owned()),
            address: Some("192.0.2.7".to_owned()),
            created_at: after(0),
            last_used_at: after(5),
            expires_at: after(7 * 24 * 60),
        }
    }
}

impl Example for AuditEntry {
    fn example() -> Self {
        Self {
            id: 12,
            at: after(0),
            actor_kind: "user".to_owned(),
            actor_id: Some(USER.to_string()),
            actor_name: Some(USERNAME.to_owned()),
            action: "user.created".to_owned(),
            target_kind: Some("user".to_owned()),
            target_id: Some("8".to_owned()),
            detail: Some(serde_json::json!({ "role": Role::Member.name() })),
            address: Some("192.0.2.7".to_owned()),
            request_id: Some("0198c0de000070008000000000000000".to_owned()),
        }
    }
}
