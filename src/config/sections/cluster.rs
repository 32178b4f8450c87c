//! `[cluster]`: how several nodes are connected.

use secrecy::SecretString;

use crate::base::text::is_slug;
use crate::config::reader::ConfigReader;

#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// `None`: a single node without a cluster.
    pub url: Option<SecretString>,
    pub prefix: String,
}

impl ClusterSettings {
    /// The prefix of a node without a configured one.
    pub const PREFIX: &str = "lotline";

    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        let address = "redis://HOST or rediss://HOST";
        let prefix = "1 to 32 of a-z, 0-9 and -";
        Self {
            url: reader.connection("cluster.url", address, redis),
            prefix: reader
                .text("cluster.prefix", prefix, |text| is_slug(text, 32).then(|| text.to_owned()))
                .unwrap_or_default(),
        }
    }
}

fn redis(text: &str) -> Option<SecretString> {
    let url = url::Url::parse(text).ok()?;
    let usable = matches!(url.scheme(), "redis" | "rediss") && url.has_host();
    usable.then(|| SecretString::from(text))
}
