//! The key that signs our tokens: from the configuration, else made once and kept in the data folder, for the owner's
//! eyes only.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;

use super::start_error::StartError;
use crate::auth::token::keys::{KeyRing, SigningKey};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::config::{AuthSettings, Settings};

/// The generated key's file: `kid secret made-at`, one line.
const FILE: &str = "signing.key";

/// The ring that signs and verifies.
pub fn load(settings: &Settings, clock: &Clock, entropy: Entropy) -> Result<KeyRing, StartError> {
    let keys = if settings.auth.keys.is_empty() {
        vec![kept_or_made(&settings.keys_dir(), clock, entropy)?]
    } else {
        configured(&settings.auth)?
    };
    KeyRing::new(keys).map_err(|error| StartError::Keys(error.to_string()))
}

/// The first signs: later ones are given an earlier start, so that the newest that has begun is the first.
fn configured(auth: &AuthSettings) -> Result<Vec<SigningKey>, StartError> {
    let count = auth.keys.len();
    let keys = auth.keys.iter().enumerate().map(|(index, key)| {
        let signs_from = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds((count - index) as i64);
        SigningKey::new(&key.kid, key.secret.expose_secret().as_bytes(), signs_from)
            .map_err(|error| StartError::Keys(format!("auth.keys, {}: {error}", key.kid)))
    });
    keys.collect()
}

fn kept_or_made(folder: &Path, clock: &Clock, entropy: Entropy) -> Result<SigningKey, StartError> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or_else(|| {
            StartError::Keys(format!("{} is not a key file of ours; remove it", path.display()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(folder, clock.now(), entropy),
        Err(cause) => Err(StartError::Folder { path, cause }),
    }
}

fn make(folder: &Path, now: DateTime<Utc>, entropy: Entropy) -> Result<SigningKey, StartError> {
    let (kid, secret) = SigningKey::generate(entropy);
    let line = format!("{kid} {} {}\n", URL_SAFE_NO_PAD.encode(secret), now.timestamp());
    let path = folder.join(FILE);
    fs::create_dir_all(folder)
        .and_then(|()| write_privately(&path, &line))
        .map_err(|cause| StartError::Folder { path: path.clone(), cause })?;
    SigningKey::new(&kid, &secret, now).map_err(|error| StartError::Keys(error.to_string()))
}

/// Writes whole or not at all: a key that was cut short must not be found at the next start.
fn write_privately(path: &Path, line: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

fn parse(text: &str) -> Option<SigningKey> {
    let mut words = text.split_whitespace();
    let (kid, secret, made_at) = (words.next()?, words.next()?, words.next()?);
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
    let made_at = DateTime::from_timestamp(made_at.parse().ok()?, 0)?;
    SigningKey::new(kid, &secret, made_at).ok()
}
