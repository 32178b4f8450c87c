//! The keys that sign our tokens: from the configuration, else from the data folder, readable by the owner only. In
//! the folder the newest file signs and all of them verify; missing keys are generated once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;

use super::file_modes::write_privately;
use super::issuers::refuse_shared_secrets;
use super::start_error::StartError;
use crate::auth::token::key_ring::{Algorithm, KeyPairKind, KeyRing, SigningKey};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::config::{AuthSettings, OwnAlgorithm, Settings};
use crate::domain::identity::Identity;
use crate::domain::op::Services;

/// Files of a shared secret contain `kid secret created-at`, one line.
const SECRET_EXTENSION: &str = "key";
/// Files of a key pair; their age is that of the file.
const PAIR_EXTENSION: &str = "pem";

/// What to do where no keys are configured and the data folder has none of the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKeys {
    /// Generate a key and save it.
    Generate,
    /// Generate a key that ends with the process: nothing is written.
    Temporary,
    Refuse,
}

/// The ring that signs and verifies.
pub fn load(
    settings: &Settings,
    clock: &Clock,
    entropy: Entropy,
    missing: MissingKeys,
) -> Result<KeyRing, StartError> {
    let auth = &settings.auth;
    let wanted = to_algorithm(auth.algorithm);
    let keys = if has_configured_keys(auth) {
        configured(auth, wanted)?
    } else {
        load_or_generate(settings, clock, entropy, missing)?
    };
    let keys = keys.into_iter().map(|key| if key.algorithm() == wanted { key } else { key.verifying_only() });
    KeyRing::new(keys.collect()).map_err(|error| StartError::Keys(error.to_string()))
}

/// Reads the keys again and replaces the ring, without a restart: a new key signs from now on, tokens of keys that
/// still exist stay valid, and those of removed keys become invalid. On an error nothing changes.
pub fn reload(settings: &Settings, identity: &Identity) -> Result<(), StartError> {
    install(load_checked(settings, identity)?, identity);
    Ok(())
}

/// The current keys, checked against the foreign issuers.
pub fn load_checked(settings: &Settings, identity: &Identity) -> Result<KeyRing, StartError> {
    let Services { clock, entropy, .. } = &identity.services;
    let ring = load(settings, clock, *entropy, MissingKeys::Generate)?;
    refuse_shared_secrets(identity.issuers().foreign(), &ring)?;
    Ok(ring)
}

/// Replaces the ring.
pub fn install(ring: KeyRing, identity: &Identity) {
    let kid = ring.signing_key(identity.now()).kid().to_owned();
    identity.replace_ring(ring);
    tracing::info!(kid, "the signing keys were read again");
}

/// Whether the configuration has keys, so that those of the data folder are not used.
pub(super) fn has_configured_keys(auth: &AuthSettings) -> bool {
    !auth.keys.is_empty() || !auth.key_files.is_empty()
}

fn to_algorithm(algorithm: OwnAlgorithm) -> Algorithm {
    match algorithm {
        OwnAlgorithm::Hs256 => Algorithm::Hs256,
        OwnAlgorithm::EdDsa => Algorithm::EdDsa,
        OwnAlgorithm::Rs256 => Algorithm::Rs256,
    }
}

/// The first of the algorithm signs: later ones get an earlier start, so that the newest active key is the first.
fn configured(auth: &AuthSettings, wanted: Algorithm) -> Result<Vec<SigningKey>, StartError> {
    let count = auth.keys.len() + auth.key_files.len();
    let from = |index: usize| DateTime::UNIX_EPOCH + TimeDelta::seconds((count - index) as i64);
    let secrets = auth.keys.iter().enumerate().map(|(index, key)| {
        SigningKey::new(&key.kid, key.secret.expose_secret().as_bytes(), from(index))
            .map_err(|error| StartError::Keys(format!("auth.keys, {}: {error}", key.kid)))
    });
    let pairs = auth.key_files.iter().enumerate().map(|(index, path)| {
        let pem =
            fs::read_to_string(path).map_err(|cause| StartError::Folder { path: path.clone(), cause })?;
        SigningKey::from_pem(&pem, from(auth.keys.len() + index)).map_err(|error| unusable(path, &error))
    });
    let keys = secrets.chain(pairs).collect::<Result<Vec<_>, _>>()?;
    if keys.iter().all(|key| key.algorithm() != wanted) {
        let words = format!("auth.algorithm is {}, and no key is for it", wanted.name());
        return Err(StartError::Keys(words));
    }
    Ok(keys)
}

/// All keys of the data folder, and a new one if there is none of the algorithm.
fn load_or_generate(
    settings: &Settings,
    clock: &Clock,
    entropy: Entropy,
    missing: MissingKeys,
) -> Result<Vec<SigningKey>, StartError> {
    let (folder, algorithm) = (settings.keys_dir(), settings.auth.algorithm);
    let wanted = to_algorithm(algorithm);
    let mut keys = load_folder(&folder)?;
    if keys.iter().any(|key| key.algorithm() == wanted) {
        return Ok(keys);
    }
    if missing == MissingKeys::Refuse {
        return Err(StartError::NoKeys { algorithm: wanted.name(), folder });
    }
    let new = generate(algorithm, clock.now(), entropy)?;
    if missing == MissingKeys::Generate {
        save(&folder, &new)?;
    }
    keys.push(new.key);
    Ok(keys)
}

fn load_folder(folder: &Path) -> Result<Vec<SigningKey>, StartError> {
    let unreadable = |cause| StartError::Folder { path: folder.to_owned(), cause };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(unreadable(cause)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()
        .map_err(unreadable)?;
    // Among files of the same age the last by name is the newest.
    paths.sort();
    paths.iter().filter_map(|path| read_key_file(path).transpose()).collect()
}

/// The key in a file; `None` for files of other kinds.
fn read_key_file(path: &Path) -> Result<Option<SigningKey>, StartError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let text =
        || fs::read_to_string(path).map_err(|cause| StartError::Folder { path: path.to_owned(), cause });
    match extension {
        Some(SECRET_EXTENSION) => parse_secret(&text()?).map(Some).ok_or_else(|| {
            StartError::Keys(format!("{} is not a key file of ours; remove it", path.display()))
        }),
        Some(PAIR_EXTENSION) => {
            let age = fs::metadata(path).and_then(|metadata| metadata.modified());
            let age = age.map_err(|cause| StartError::Folder { path: path.to_owned(), cause })?;
            SigningKey::from_pem(&text()?, age.into()).map(Some).map_err(|error| unusable(path, &error))
        }
        _ => Ok(None),
    }
}

/// A generated key, and the file that it is saved to.
struct GeneratedKey {
    file_name: &'static str,
    text: String,
    key: SigningKey,
}

fn generate(
    algorithm: OwnAlgorithm,
    now: DateTime<Utc>,
    entropy: Entropy,
) -> Result<GeneratedKey, StartError> {
    let broken = |error: &dyn std::fmt::Display| StartError::Keys(error.to_string());
    let pair = |kind| {
        let pem = SigningKey::generate_pem(kind).map_err(|error| broken(&error))?;
        let key = SigningKey::from_pem(&pem, now).map_err(|error| broken(&error))?;
        Ok::<_, StartError>(GeneratedKey { file_name: "signing.pem", text: pem, key })
    };
    match algorithm {
        OwnAlgorithm::Hs256 => {
            let (kid, secret) = SigningKey::generate(entropy);
            let line = format!("{kid} {} {}\n", URL_SAFE_NO_PAD.encode(secret), now.timestamp());
            let key = SigningKey::new(&kid, &secret, now).map_err(|error| broken(&error))?;
            Ok(GeneratedKey { file_name: "signing.key", text: line, key })
        }
        OwnAlgorithm::EdDsa => pair(KeyPairKind::Ed25519),
        OwnAlgorithm::Rs256 => pair(KeyPairKind::Rsa),
    }
}

fn save(folder: &Path, new: &GeneratedKey) -> Result<(), StartError> {
    // A pair of the other kind keeps its file: its tokens stay valid.
    let is_taken = folder.join(new.file_name).exists();
    let path = folder.join(if is_taken { "signing-2.pem" } else { new.file_name });
    fs::create_dir_all(folder)
        .and_then(|()| write_privately(&path, &new.text))
        .map_err(|cause| StartError::Folder { path: path.clone(), cause })
}

fn parse_secret(text: &str) -> Option<SigningKey> {
    let mut words = text.split_whitespace();
    let (kid, secret, made_at) = (words.next()?, words.next()?, words.next()?);
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
    let made_at = DateTime::from_timestamp(made_at.parse().ok()?, 0)?;
    SigningKey::new(kid, &secret, made_at).ok()
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> StartError {
    StartError::Keys(format!("{}: {error}", path.display()))
}
