//! The configuration of a node under test, as its environment would set it.

use std::path::Path;

use lotline::config::Settings;

/// A setting: its variable and its value.
pub type Setting = (&'static str, &'static str);

/// The secret that signs tokens, with which a test forges tokens.
pub const SIGNING_SECRET: &str = "every test knows this secret of over 32 bytes";
pub const SIGNING_KID: &str = "test";
/// The key for reading metrics.
pub const METRICS_KEY: &str = "every-test-knows-this-key";

/// The settings of every test: a free port, cheap passwords, no crawling, no rate limits.
const COMMON: &[Setting] = &[
    ("LOTLINE__SERVER__BIND", "127.0.0.1:0"),
    ("LOTLINE__AUTH__PASSWORD_MEMORY_KIB", "64"),
    ("LOTLINE__AUTH__PASSWORD_ITERATIONS", "1"),
    ("LOTLINE__CRAWLER__ENABLED", "false"),
    ("LOTLINE__TELEMETRY__METRICS_KEY", METRICS_KEY),
    // No rate limit recovers while the clock is not advanced; tests of limits set their own.
    ("LOTLINE__LIMITS__REQUESTS_PER_USER", "0"),
    ("LOTLINE__LIMITS__SIGN_INS_PER_USER", "0"),
    ("LOTLINE__LIMITS__SIGN_INS_PER_TENANT", "0"),
];

/// The settings in use: the common ones, those of the store, those of the test.
pub fn load(folder: &Path, store: &[(String, String)], extra: &[Setting]) -> Settings {
    let data = ("LOTLINE__SERVER__DATA_DIR".to_owned(), folder.display().to_string());
    let keys = ("LOTLINE__AUTH__KEYS".to_owned(), format!("{SIGNING_KID}:{SIGNING_SECRET}"));
    let fixed = COMMON.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all = [data, keys].into_iter().chain(fixed).chain(store.iter().cloned());
    // A later value of the same name wins.
    let all: std::collections::HashMap<String, String> = all.collect();
    Settings::load(None, all.into_iter())
        .unwrap_or_else(|faults| panic!("{}", lotline::config::format_errors(&faults)))
}

/// The bytes of the signing key.
pub fn signing_secret() -> Vec<u8> {
    SIGNING_SECRET.as_bytes().to_vec()
}
