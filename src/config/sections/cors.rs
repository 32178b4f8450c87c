//! `[cors]`: the origins of pages that may call.

use url::Url;

use crate::config::reader::ConfigReader;

#[derive(Clone, Debug)]
pub struct CorsSettings {
    /// In the form that browsers send: scheme and host in lower case, no default port.
    pub allowed_origins: Vec<String>,
}

impl CorsSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        let accepted = "scheme://host[:port] without a path or a wildcard, such as https://app.example.com";
        Self { allowed_origins: reader.list("cors.allowed_origins", accepted, origin) }
    }
}

fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    // A wildcard would match no page: browsers send full origins, and these are compared for equality.
    let web = matches!(url.scheme(), "http" | "https") && !text.contains('*');
    // The whole text must be the origin: a path or a user name means that something else was intended.
    let whole = url.as_str().trim_end_matches('/') == url.origin().ascii_serialization();
    (web && whole).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_whole_and_has_no_wildcard() {
        assert_eq!(origin("https://App.example.com").as_deref(), Some("https://app.example.com"));
        for bad in ["*", "https://*", "https://*.example.com", "*.example.com", "null", "https://a.example/x"]
        {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
