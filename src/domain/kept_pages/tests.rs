//! Keeping pages in a store: the budget, what is cut off, and what is lost.

use std::sync::Arc;

use futures_util::TryStreamExt;
use uuid::Uuid;

use super::settings::{KeptPageSettings, KeptPages};
use super::*;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::TenantId;
use crate::blobs::PageKey;
use crate::domain::op::{Op, Services};
use crate::domain::testing::World;
use crate::storage::kept_pages as rows;

/// Noise does not become smaller: a body of this length is stored with about as many bytes.
const BODY: usize = 1_000;

fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..BODY).map(|_| next()).collect()
}

fn page(number: u64, fetched_at: i64, body: &[u8]) -> NewPage {
    NewPage {
        url: format!("https://a.example/{number}"),
        page_url: None,
        spider_name: "auto".to_owned(),
        content: "html".to_owned(),
        charset: Some("windows-1252".to_owned()),
        robots_tag: Some("nofollow".to_owned()),
        fetched_at,
        body: PackedBody::pack(body).unwrap(),
    }
}

fn op(services: &Services, tenant: TenantId) -> Op {
    Op::of_system(services, SystemReason::Crawl, tenant)
}

/// A world in which a tenant keeps this many bytes.
async fn world(budget_bytes: u64) -> (World, Op) {
    let mut world = World::new().await;
    world.services.kept_pages = Arc::new(KeptPages::new(KeptPageSettings { budget_bytes }));
    let op = op(&world.services, world.tenant);
    (world, op)
}

async fn bodies(op: &Op) -> Vec<PageKey> {
    let listed = op.services.uploads.blobs.list_pages(Some(op.scope.tenant_id())).await.unwrap();
    listed.try_collect().await.unwrap()
}

/// The kept URLs, oldest first; fails unless sum, rows and bodies agree.
async fn kept(op: &Op) -> Vec<String> {
    let tx = op.read().await.unwrap();
    let all = rows::oldest(&tx, 10_000).await.unwrap();
    let (count, bytes) = rows::count(&tx).await.unwrap();
    assert_eq!((count as usize, bytes), (all.len(), rows::bytes(&tx).await.unwrap()));
    let mut in_rows: Vec<Uuid> = all.iter().map(|row| row.body_id).collect();
    let mut in_store: Vec<Uuid> = bodies(op).await.iter().map(|key| key.id).collect();
    in_rows.sort();
    in_store.sort();
    assert_eq!(in_rows, in_store);
    all.into_iter().map(|row| row.url.replace("https://a.example/", "")).collect()
}

#[tokio::test]
async fn a_page_comes_back_as_it_was_and_of_its_own_tenant_only() {
    let (world, op) = world(1 << 20).await;
    let other = self::op(&world.services, world.another_tenant().await);
    let body = "<p>caf\u{e9}</p>".repeat(100).into_bytes();
    let redirected = NewPage { page_url: Some("https://a.example/end".to_owned()), ..page(1, 7, &body) };
    store(&op, vec![redirected]).await.unwrap();

    let found = find(&op, "https://a.example/1").await.unwrap().unwrap();

    assert_eq!((found.final_url(), found.fetched_at), ("https://a.example/end", 7));
    assert_eq!(
        (found.charset.as_deref(), found.robots_tag.as_deref()),
        (Some("windows-1252"), Some("nofollow"))
    );
    assert_eq!(load_body(&op, &found).await.unwrap(), Some(body));
    assert_eq!(find(&op, "https://a.example/2").await.unwrap(), None);
    assert_eq!(find(&other, "https://a.example/1").await.unwrap(), None);
    assert_eq!((kept(&op).await.len(), kept(&other).await.len()), (1, 0));
}

#[tokio::test]
async fn the_oldest_go_when_a_tenant_has_more_than_it_may() {
    let (world, op) = world(5_500).await;
    let other = self::op(&world.services, world.another_tenant().await);
    store(&other, (0..3).map(|number| page(number, 0, &noise(number))).collect()).await.unwrap();

    for number in 1..=8 {
        store(&op, vec![page(number, number as i64, &noise(number))]).await.unwrap();
    }
    // An early page is seen again, and then is not the oldest any more.
    store(&op, vec![page(4, 9, &noise(4))]).await.unwrap();
    store(&op, vec![page(9, 10, &noise(9))]).await.unwrap();

    assert_eq!(kept(&op).await, ["6", "7", "8", "4", "9"]);
    assert_eq!(kept(&other).await.len(), 3, "another tenant's are its own");
}

#[tokio::test]
async fn a_changed_page_replaces_the_earlier_one_and_an_earlier_visit_never_the_later() {
    let (_world, op) = world(1 << 20).await;
    store(&op, vec![page(1, 5, b"first")]).await.unwrap();
    store(&op, vec![page(1, 6, b"second")]).await.unwrap();
    let before = bodies(&op).await;
    store(&op, vec![page(1, 4, b"zeroth")]).await.unwrap();
    store(&op, vec![page(1, 7, b"second")]).await.unwrap();

    assert_eq!(kept(&op).await, ["1"]);
    assert_eq!(bodies(&op).await, before, "an unchanged body is not written again");
    let found = find(&op, "https://a.example/1").await.unwrap().unwrap();
    assert_eq!(found.fetched_at, 7);
    assert_eq!(load_body(&op, &found).await.unwrap().as_deref(), Some(&b"second"[..]));
}

#[tokio::test]
async fn jobs_that_keep_pages_at_the_same_time_count_every_byte_once() {
    let (_world, op) = world(20_500).await;
    let store_some = |job: u64| {
        let op = op.clone();
        async move {
            for round in 0..10 {
                // Each page is kept by two jobs.
                let pages = (0..5).map(|at| {
                    let number = (job / 2) * 50 + round * 5 + at;
                    page(number, (round * 5 + at) as i64, &noise(number * 2 + job % 2))
                });
                store(&op, pages.collect()).await.unwrap();
            }
        }
    };

    tokio::join!(store_some(0), store_some(1), store_some(2), store_some(3));

    let left = kept(&op).await.len();
    assert!((18..=20).contains(&left), "{left} pages of about 1,000 bytes in 20,500");
}

#[tokio::test]
async fn a_body_without_a_row_is_removed_by_the_sweep_when_it_is_old() {
    let (world, op) = world(1 << 20).await;
    store(&op, vec![page(1, 1, b"kept")]).await.unwrap();
    let orphan = |body: &[u8]| {
        let packed = PackedBody::pack(body).unwrap();
        let id = crate::base::ids::uuid_v7(&world.services.clock);
        (PageKey { tenant_id: world.tenant, sha256: packed.sha256.clone(), id }, packed.bytes)
    };
    op.services.uploads.blobs.put_pages(vec![orphan(b"cut off")]).await.unwrap();

    assert_eq!(sweep_orphans(&world.services).await.unwrap(), 0, "its row may come yet");
    world.advance_ms(25 * 3_600_000);
    op.services.uploads.blobs.put_pages(vec![orphan(b"just now")]).await.unwrap();

    assert_eq!(sweep_orphans(&world.services).await.unwrap(), 1);
    assert_eq!(bodies(&op).await.len(), 2);
    world.advance_ms(25 * 3_600_000);
    assert_eq!(sweep_orphans(&world.services).await.unwrap(), 1);
    assert_eq!(kept(&op).await, ["1"]);
}

#[tokio::test]
async fn a_row_without_its_body_or_with_another_one_is_no_longer_kept() {
    let (_world, op) = world(1 << 20).await;
    store(&op, vec![page(1, 1, b"missing"), page(2, 2, b"damaged"), page(3, 3, b"whole")]).await.unwrap();
    let urls = ["https://a.example/1", "https://a.example/2", "https://a.example/3"];
    let [missing, damaged, whole] = urls.map(|url| find(&op, url));
    let (missing, damaged) = (missing.await.unwrap().unwrap(), damaged.await.unwrap().unwrap());
    let blobs = &op.services.uploads.blobs;
    blobs.remove_pages(std::slice::from_ref(&missing.key)).await.unwrap();
    let zeros = vec![0_u8; damaged.stored_bytes as usize];
    blobs.put_pages(vec![(damaged.key.clone(), zeros.into())]).await.unwrap();

    assert_eq!(load_body(&op, &missing).await.unwrap(), None);
    assert_eq!(load_body(&op, &damaged).await.unwrap(), None);

    assert_eq!(load_body(&op, &whole.await.unwrap().unwrap()).await.unwrap().as_deref(), Some(&b"whole"[..]));
    assert_eq!(kept(&op).await, ["3"]);
}

#[tokio::test]
async fn a_lowered_limit_holds_after_the_sweep_and_none_keeps_nothing() {
    let (world, op) = world(1 << 20).await;
    store(&op, (0..20).map(|number| page(number, number as i64, &noise(number))).collect()).await.unwrap();

    let limited = |budget_bytes: u64| {
        let mut services = world.services.clone();
        services.kept_pages = Arc::new(KeptPages::new(KeptPageSettings { budget_bytes }));
        services
    };
    sweep(&limited(3_500)).await.unwrap();
    assert_eq!(kept(&op).await, ["17", "18", "19"]);

    let none = limited(0);
    sweep(&none).await.unwrap();
    store(&self::op(&none, world.tenant), vec![page(1, 1, b"more")]).await.unwrap();

    assert_eq!(kept(&op).await, [] as [&str; 0]);
}

#[tokio::test]
async fn pages_of_a_spider_are_listed_from_a_time_on_and_latest_first() {
    let (world, op) = world(1 << 20).await;
    let admin = world.user("root", crate::auth::key_scope::Role::Admin).await;
    let of_other = NewPage { spider_name: "other".to_owned(), ..page(9, 9, b"other") };
    let pages = (1..=4).map(|number| page(number, number as i64, &noise(number)));
    store(&op, pages.chain([of_other]).collect()).await.unwrap();
    let numbers = |pages: &[KeptPage]| pages.iter().map(|page| page.fetched_at).collect::<Vec<_>>();

    let first = of_spider(&op, "auto", 2, None, 2).await.unwrap();
    let rest = of_spider(&op, "auto", 2, first.last().map(KeptPage::position), 2).await.unwrap();
    let latest = latest(&admin, "auto", 3).await.unwrap();

    assert_eq!((numbers(&first), numbers(&rest)), (vec![2, 3], vec![4]));
    assert_eq!(numbers(&latest), [4, 3, 2]);
}

#[tokio::test]
async fn a_page_that_is_gone_is_forgotten() {
    let (_world, op) = world(1 << 20).await;
    store(&op, vec![page(1, 1, b"one"), page(2, 2, b"two")]).await.unwrap();

    forget(&op, &["https://a.example/1".to_owned(), "https://a.example/7".to_owned()]).await.unwrap();

    assert_eq!(kept(&op).await, ["2"]);
}

#[tokio::test]
async fn the_bodies_of_a_removed_tenant_go_a_batch_at_a_time() {
    let (world, op) = world(1 << 20).await;
    let other = self::op(&world.services, world.another_tenant().await);
    for op in [&op, &other] {
        store(op, (0..5).map(|number| page(number, 1, &noise(number))).collect()).await.unwrap();
    }

    let gone = remove_bodies(&world.services, world.tenant, 3).await.unwrap();
    let rest = remove_bodies(&world.services, world.tenant, 3).await.unwrap();

    assert_eq!((gone, rest, bodies(&op).await.len()), (3, 2, 0));
    assert_eq!(kept(&other).await.len(), 5);
}
