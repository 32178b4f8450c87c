//! Every table of the store with its columns.

use super::table::table;

table!(tenants, "tenants", owned by Id, {
    #[sea_orm(primary_key)]
    id: i64,
    slug: String,
    name: String,
    is_active: bool,
    quotas: Option<String>,
    removal: Option<String>,
    created_at: i64,
    updated_at: i64,
});

table!(operators, "operators", {
    #[sea_orm(primary_key)]
    id: i64,
    username: String,
    username_key: String,
    password_hash: String,
    is_active: bool,
    created_at: i64,
});

table!(users, "users", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    username: String,
    username_key: String,
    username_skeleton: String,
    key_skeleton: String,
    email: String,
    email_key: String,
    key_clash: Option<String>,
    display_name: Option<String>,
    avatar_url: Option<String>,
    role: String,
    password_hash: Option<String>,
    is_active: bool,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
});

table!(sessions, "sessions", owned by TenantId, {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    tenant_id: Option<i64>,
    user_id: Option<i64>,
    operator_id: Option<i64>,
    user_agent: Option<String>,
    address: Option<String>,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
});

table!(refresh_tokens, "refresh_tokens", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: Option<i64>,
    session_id: Uuid,
    secret_hash: String,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
});

table!(sign_in_addresses, "sign_in_addresses", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: Option<i64>,
    user_id: Option<i64>,
    operator_id: Option<i64>,
    mark: String,
    used_at: i64,
});

table!(platform_marks, "platform_marks", {
    #[sea_orm(primary_key)]
    id: i64,
    name: String,
    made_at: i64,
});

table!(password_links, "password_links", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    user_id: i64,
    secret_hash: String,
    created_by: Option<i64>,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
});

table!(api_keys, "api_keys", owned by TenantId, {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    tenant_id: i64,
    name: String,
    secret_hash: String,
    scopes: String,
    made_by: i64,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
    null_semantics: String,
});

table!(audit_log, "audit_log", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: Option<i64>,
    at: i64,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: Option<String>,
    action: String,
    target_kind: Option<String>,
    target_id: Option<String>,
    detail: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
});

table!(tenant_logs, "tenant_logs", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    epoch: i64,
    head: i64,
    trimmed: i64,
    bytes: i64,
    filter_facts_after: i64,
});

table!(events, "events", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    seq: i64,
    kind: String,
    routing: String,
    subject: Option<String>,
    body: String,
    bytes: i64,
    occurred_at: i64,
});

table!(spiders, "spiders", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    name: String,
    runner: String,
    start_urls: String,
    allowed_hosts: String,
    list_items: bool,
    created_at: i64,
    updated_at: i64,
    rules: Option<String>,
    preset: Option<String>,
    header_names: Option<String>,
    sealed_headers: Option<String>,
});

table!(schedules, "schedules", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    spider_name: String,
    cron: String,
    timezone: String,
    jitter_seconds: i64,
    set_by: i64,
    next_run_at: Option<i64>,
    last_run_at: Option<i64>,
    last_job_id: Option<i64>,
    skipped_runs: i64,
    refused: bool,
    created_at: i64,
    updated_at: i64,
});

table!(jobs, "jobs", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    spider_name: String,
    runner: String,
    target_urls: String,
    settings: String,
    tags: String,
    status: String,
    created_by: i64,
    created_at: i64,
    updated_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    items_scraped: i64,
    pages_crawled: i64,
    finish_reason: Option<String>,
    error: Option<String>,
    stats: Option<String>,
    execution_id: Option<i64>,
    attempt: i64,
    first_attempt: i64,
    cancel_requested: bool,
    lease_hash: Option<String>,
    lease_expires_at: Option<i64>,
    progress_sequence: i64,
    progress_pending: bool,
    progress_told_at: Option<i64>,
    summary_told_at: Option<i64>,
    summary_pending: i64,
    summary_places: Option<String>,
    logs_trimmed: Option<i64>,
    attachments: Option<String>,
    not_before: Option<i64>,
    claimed_by: Option<String>,
    scheduled: bool,
    ownerless: bool,
});

table!(executions, "executions", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    job_id: i64,
    attempt: i64,
    status: String,
    worker: Option<String>,
    queued_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    items_scraped: i64,
    pages_crawled: i64,
    finish_reason: Option<String>,
    error: Option<String>,
    stats: Option<String>,
    lease_hash: Option<String>,
});

table!(job_logs, "job_logs", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    job_id: i64,
    execution_id: Option<i64>,
    level: String,
    message: String,
    at: i64,
    stored_at: i64,
});

table!(properties, "properties", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    source: String,
    listing_key: String,
    source_url: Option<String>,
    source_host: Option<String>,
    standard_status: String,
    listing_type: Option<String>,
    rental_period: Option<String>,
    list_price: Option<i64>,
    list_price_low: Option<i64>,
    list_price_high: Option<i64>,
    original_list_price: Option<i64>,
    close_price: Option<i64>,
    current_price: Option<i64>,
    currency: Option<String>,
    property_type: Option<String>,
    property_type_key: Option<String>,
    bedrooms_total: Option<i64>,
    bathrooms_total: Option<f64>,
    rooms_total: Option<f64>,
    living_area: Option<f64>,
    living_area_units: Option<String>,
    lot_size_area: Option<f64>,
    lot_size_units: Option<String>,
    year_built: Option<i64>,
    stories: Option<f64>,
    parking_total: Option<i64>,
    energy_rating: Option<String>,
    tenure: Option<String>,
    address: Option<String>,
    city_key: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    listed_at: Option<i64>,
    price_changed_at: Option<i64>,
    closed_at: Option<i64>,
    first_seen_at: i64,
    last_seen_at: i64,
    updated_at: i64,
    description: Option<String>,
    media: Option<String>,
    list_office_name: Option<String>,
    list_agent_name: Option<String>,
    attributes: Option<String>,
    search_text: String,
    removed: bool,
    writer: String,
    read_at: Option<i64>,
});

table!(price_history, "price_history", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    property_id: i64,
    price: Option<i64>,
    currency: Option<String>,
    standard_status: String,
    observed_at: i64,
});

table!(property_addresses, "property_addresses", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    url_hash: String,
    property_id: i64,
});

table!(page_visits, "page_visits", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    url_hash: String,
    url: String,
    etag: Option<String>,
    last_modified: Option<String>,
    extractor_version: i64,
    read_scope: String,
    property_id: i64,
    links: String,
    read_at: i64,
});

table!(property_evidence, "property_evidence", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    property_id: i64,
    evidence: String,
    read_at: i64,
});

table!(kept_pages, "kept_pages", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    url_hash: String,
    url: String,
    page_url: Option<String>,
    spider_name: String,
    content: String,
    charset: Option<String>,
    robots_tag: Option<String>,
    sha256: String,
    body_id: Uuid,
    stored_bytes: i64,
    body_bytes: i64,
    fetched_at: i64,
});

table!(kept_page_totals, "kept_page_totals", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    bytes: i64,
});

table!(job_items, "job_items", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    job_id: i64,
    execution_id: i64,
    property_id: i64,
    status: String,
    at: i64,
});

table!(job_coverage, "job_coverage", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    spider_name: String,
    source: String,
    job_id: i64,
    pages: i64,
    fields: String,
    low: Option<String>,
    finished_at: i64,
});

table!(notifications, "notifications", owned by TenantId, {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    tenant_id: i64,
    seq: i64,
    kind: String,
    audience: String,
    body: String,
    created_at: i64,
});

table!(notification_reads, "notification_reads", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    notification_id: Uuid,
    user_id: i64,
    read_at: i64,
});

table!(platform_broadcasts, "platform_broadcasts", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    message: String,
    category: Option<String>,
    start_time: i64,
    created_at: i64,
    after_tenant: i64,
    finished_at: Option<i64>,
    sent_by: Option<i64>,
    sender_name: Option<String>,
});

table!(crawl_urls, "crawl_urls", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    job_id: i64,
    url: String,
    url_hash: String,
    depth: i64,
    state: String,
    attempts: i64,
    items: i64,
    outcome: Option<String>,
    known: Option<String>,
    worth: i64,
});

table!(idempotency_keys, "idempotency_keys", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: Option<i64>,
    digest: String,
    fingerprint: String,
    answer: String,
    created_at: i64,
    expires_at: i64,
    subject: Option<String>,
});

table!(rooms, "rooms", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    slug: String,
    name: String,
    topic: Option<String>,
    visibility: String,
    everyone: bool,
    user_low: Option<i64>,
    user_high: Option<i64>,
    created_by: Option<i64>,
    created_at: i64,
    updated_at: i64,
    archived_at: Option<i64>,
});

table!(room_members, "room_members", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    room_id: i64,
    user_id: i64,
    owner: bool,
    joined_after: i64,
    joined_at: i64,
});

table!(room_reads, "room_reads", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    room_id: i64,
    user_id: i64,
    last_read: i64,
    read_at: i64,
});

table!(messages, "messages", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    room_id: i64,
    message_id: Uuid,
    sender_id: i64,
    text: String,
    client_message_id: Option<String>,
    attachments: Option<String>,
    created_at: i64,
    edited_at: Option<i64>,
    deleted_at: Option<i64>,
});

table!(uploads, "uploads", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    upload_id: Uuid,
    user_id: i64,
    filename: String,
    declared_type: Option<String>,
    declared_size: Option<i64>,
    declared_sha256: Option<String>,
    content_type: Option<String>,
    state: String,
    stored: i64,
    reserved: i64,
    hash_state: Option<String>,
    progress: Option<String>,
    sha256: Option<String>,
    writer: i64,
    created_at: i64,
    updated_at: i64,
    completed_at: Option<i64>,
    expires_at: Option<i64>,
});

table!(upload_totals, "upload_totals", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    bytes: i64,
});

table!(upload_attachments, "upload_attachments", owned by TenantId, {
    #[sea_orm(primary_key)]
    id: i64,
    tenant_id: i64,
    upload_id: i64,
    message_id: Option<i64>,
    room_id: Option<i64>,
    job_id: Option<i64>,
});
