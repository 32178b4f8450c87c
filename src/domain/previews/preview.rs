//! The preview of one page, for admins: what a crawl with given rules would read of it.

use std::time::Duration;

use super::page_reader::{OwnHosts, PreviewRequest};
use crate::auth::permission::Permission;
use crate::base::web_url;
use crate::domain::error::Result;
use crate::domain::jobs::validation::{FieldErrors, ensure_valid, field_step};
use crate::domain::op::Op;
use crate::domain::spiders::{self, SpiderShape, rule_errors};
use crate::protocol::preview::{NewPreview, Preview};
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::protocol::spider::{AUTO, Runner};
use crate::protocol::spider_rules::{SpiderRules, preset_rules};

/// How long a preview may take, with waiting for its host.
const MOST_TIME: Duration = Duration::from_secs(50);
/// Seconds after which a preview that took too long is worth another try.
const RETRY_AFTER: u32 = 10;

/// Requests a page and reads it; stores nothing. One at a time of a tenant, else 429.
pub async fn preview(op: &Op, new: NewPreview) -> Result<Preview> {
    op.require(Permission::ManageSpiders)?;
    ensure_valid(validate(&new))?;
    let request = request_of(op, new).await?;
    let tenant = op.scope.tenant_id();
    let previews = &op.services.previews;
    let reader = previews.require_reader()?;
    let _permit = previews.acquire(tenant).await?;
    tokio::select! {
        preview = reader.preview(tenant, &request) => preview,
        () = op.services.clock.sleep(MOST_TIME) => {
            let words = format!("The preview took more than {} seconds.", MOST_TIME.as_secs());
            Err(Problem::new(Code::Unavailable, words).retry_after(RETRY_AFTER))
        }
    }
}

/// Every bad field, as far as known without the spider.
pub fn validate(new: &NewPreview) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.require(web_url::parse(&new.url).is_some(), "url", "url", web_url::EXPECTED);
    let is_name = new.spider.as_deref().is_none_or(spiders::is_valid_name);
    faults.require(is_name, "spider", "pattern", "must be `auto` or the name of a spider");
    let rules = new.rules.clone().unwrap_or_default();
    rule_errors::check_at(&mut faults, &[field_step("rules")], &rules, new.preset.as_deref());
    faults.into_errors()
}

/// What a spider brings into a preview.
#[derive(Default)]
struct SpiderParts {
    shape: SpiderShape,
    own_hosts: OwnHosts,
}

async fn request_of(op: &Op, new: NewPreview) -> Result<PreviewRequest> {
    let NewPreview { url, spider, rules, preset } = new;
    let url = web_url::parse(&url).ok_or_else(|| bad_field("url", "url", web_url::EXPECTED))?;
    let SpiderParts { shape, own_hosts } = spider_parts(op, spider.as_deref()).await?;
    let replaces = rules.is_some() || preset.is_some();
    let base = preset.as_deref().and_then(preset_rules).unwrap_or_default();
    let given: SpiderRules = rules.unwrap_or_default().over(base);
    let rules = if replaces { given } else { shape.rules };
    Ok(PreviewRequest { url, rules, headers: shape.headers, own_hosts })
}

async fn spider_parts(op: &Op, name: Option<&str>) -> Result<SpiderParts> {
    let Some(name) = name.filter(|name| *name != AUTO) else { return Ok(SpiderParts::default()) };
    let spider = spiders::get(op, name).await.map_err(|problem| match problem.code {
        Code::NotFound => bad_field("spider", "unknown", "must be `auto` or a spider of this tenant"),
        _ => problem,
    })?;
    if spider.runner != Runner::Builtin {
        return Err(bad_field("spider", "runner", "must be a spider that the built-in crawler runs"));
    }
    let shape = spiders::shape(op, name).await?;
    if let Some(reason) = &shape.refusal {
        return Err(Problem::new(Code::Conflict, reason.clone()));
    }
    let own_hosts = shape.own_hosts.clone();
    Ok(SpiderParts { shape, own_hosts })
}

fn bad_field(field: &str, kind: &str, words: &str) -> Problem {
    Problem::validation(vec![FieldError::in_body(&[field_step(field)], kind, words)])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use parking_lot::Mutex;
    use poem_openapi::types::Example;
    use serde_json::json;

    use super::*;
    use crate::auth::key_scope::Role;
    use crate::base::ids::TenantId;
    use crate::domain::kept_pages::page::KeptBody;
    use crate::domain::previews::page_reader::{PageReader, ReadFields};
    use crate::domain::testing::World;
    use crate::protocol::spider::NewSpider;

    /// What was asked of it, and an answer that is the same for all.
    type Asked = (String, SpiderRules, Vec<(String, String)>, OwnHosts);

    #[derive(Default)]
    struct Recorder(Mutex<Vec<Asked>>);

    impl PageReader for Recorder {
        fn preview<'a>(&'a self, _: TenantId, request: &'a PreviewRequest) -> BoxFuture<'a, Result<Preview>> {
            let PreviewRequest { url, rules, headers, own_hosts } = request;
            let asked = (url.to_string(), rules.clone(), headers.clone(), own_hosts.clone());
            self.0.lock().push(asked);
            async { Ok(Preview::example()) }.boxed()
        }

        fn read_kept<'a>(
            &'a self,
            _: TenantId,
            _: &'a KeptBody,
            _: &'a SpiderRules,
        ) -> BoxFuture<'a, Option<ReadFields>> {
            async { None }.boxed()
        }
    }

    fn page(value: serde_json::Value) -> NewPreview {
        let mut value = value;
        value["url"] = json!("https://homes.example/home/1");
        serde_json::from_value(value).unwrap()
    }

    async fn has_spider(admin: &Op, runner: Runner) {
        let new = NewSpider {
            name: "portal".to_owned(),
            runner,
            start_urls: Some(vec!["https://homes.example/".to_owned()]),
            headers: Some(BTreeMap::from([("Cookie".to_owned(), "consent=yes".to_owned())])),
            detail: Some("/home/".to_owned()),
            ..NewSpider::default()
        };
        spiders::create(admin, new).await.unwrap();
    }

    #[tokio::test]
    async fn a_preview_is_by_auto_by_a_spider_or_by_given_rules() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        has_spider(&admin, Runner::Builtin).await;
        let recorder = Arc::new(Recorder::default());
        let reader: Arc<dyn PageReader> = Arc::clone(&recorder) as Arc<dyn PageReader>;
        admin.services.previews.set_reader(&reader);

        for asked in [
            json!({}),
            json!({"spider": "portal"}),
            json!({"rules": {"detail": "/h/"}, "preset": "houzez"}),
            json!({"spider": "portal", "rules": {"deny": ["[?]sort="]}}),
        ] {
            preview(&admin, page(asked)).await.unwrap();
        }

        let asked = recorder.0.lock();
        let details: Vec<_> = asked.iter().map(|(_, rules, ..)| rules.detail.as_deref()).collect();
        assert_eq!(details, [None, Some("/home/"), Some("/h/"), None]);
        assert!(asked[2].1.fields.as_ref().unwrap().contains_key("list_price"), "the preset is beneath");
        let headers: Vec<_> = asked.iter().map(|(_, _, headers, _)| headers.len()).collect();
        assert_eq!(headers, [0, 1, 0, 1]);
        assert_eq!(asked[3].3.start_urls, ["https://homes.example/"]);
        assert_eq!(asked[2].3, OwnHosts::default());
    }

    #[tokio::test]
    async fn only_admins_preview_and_only_what_the_crawler_runs() {
        let world = World::new().await;
        let (admin, member) = (world.user("root", Role::Admin).await, world.user("ann", Role::Member).await);
        has_spider(&admin, Runner::External).await;
        let pointer = |problem: Problem| problem.errors.first().map(|error| error.pointer.clone());

        let unknown = preview(&admin, page(json!({"spider": "unknown"}))).await.unwrap_err();
        let external = preview(&admin, page(json!({"spider": "portal"}))).await.unwrap_err();

        assert_eq!(preview(&member, page(json!({}))).await.unwrap_err().code, Code::Forbidden);
        assert_eq!(preview(&admin, page(json!({}))).await.unwrap_err().code, Code::Unavailable);
        assert_eq!(pointer(unknown).as_deref(), Some("/spider"));
        assert_eq!(pointer(external).as_deref(), Some("/spider"));
    }

    #[test]
    fn every_bad_field_is_named() {
        let new = json!({
            "url": "ftp://homes.example/", "spider": "a b", "preset": "no-such-preset",
            "rules": {"follow": ["fine", "("], "fields": {"list_price": {"css": "<"}}},
        });

        let faults = validate(&serde_json::from_value(new).unwrap());

        let mut pointers: Vec<_> = faults.iter().map(|error| error.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(
            pointers,
            ["/preset", "/rules/fields/list_price/css", "/rules/follow/1", "/spider", "/url"]
        );
    }
}
