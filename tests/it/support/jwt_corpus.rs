//! Tokens that no endpoint may accept, as one table: the unit tests of `auth` run it against `verify`, the
//! integration tests against every endpoint. It signs with the server's own keys, so that each entry is wrong in one
//! respect only, and does not depend on the code under test.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

/// What a forger can have at best: the keys of the server under test and facts about one of its users.
pub struct SampleKeys {
    pub issuer: String,
    pub audience: String,
    pub kid: String,
    pub secret: Vec<u8>,
    /// The time of the server's clock, in seconds since the epoch.
    pub now: i64,
    pub user_id: i64,
    pub tenant_id: i64,
    pub username: String,
    pub role: String,
    /// A live session of the user.
    pub session_id: String,
    /// The secret of the issuer with `default = true` (HS256, `sub` is the user name, no audience), if there is one.
    pub foreign_secret: Option<Vec<u8>>,
}

/// A token that must be accepted, as a control that the others are refused for the intended reason.
pub fn valid(keys: &SampleKeys) -> String {
    Forge(keys).own(&keys.header(), &keys.claims())
}

/// A foreign token that must be accepted wherever the default issuer is configured.
pub fn valid_foreign(keys: &SampleKeys) -> Option<String> {
    let forge = Forge(keys);
    keys.foreign_secret
        .as_deref()
        .map(|secret| forge.foreign(secret, &json!({"alg": "HS256"}), &keys.foreign_claims()))
}

/// Hostile tokens, each named after its fault.
pub fn corpus(keys: &SampleKeys) -> Vec<(String, String)> {
    let forge = Forge(keys);
    let mut table = Vec::new();
    forge.shapes(&mut table);
    forge.algorithms(&mut table);
    forge.headers(&mut table);
    forge.key_ids(&mut table);
    forge.signatures(&mut table);
    forge.claim_types(&mut table);
    forge.times(&mut table);
    forge.parties(&mut table);
    forge.documents(&mut table);
    forge.other_credentials(&mut table);
    if let Some(secret) = keys.foreign_secret.as_deref() {
        forge.foreigners(secret, &mut table);
    }
    table
}

type Table = Vec<(String, String)>;

impl SampleKeys {
    fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": "HS256", "kid": self.kid})
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": self.audience, "sub": self.user_id.to_string(), "username": self.username,
            "tid": self.tenant_id, "role": self.role, "sid": self.session_id, "jti": "corpus",
            "iat": self.now, "nbf": self.now, "exp": self.now + 600,
        })
    }

    fn foreign_claims(&self) -> Value {
        json!({"sub": self.username, "exp": self.now + 600})
    }
}

/// `object` with one member set.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.remove(name);
    }
    object
}

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn sign(message: &str, secret: &[u8], algorithm: Algorithm) -> String {
    // An HMAC never fails; the control token proves it.
    crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), algorithm).unwrap_or_default()
}

/// A printable name for a token, unique for its length.
fn short(name: String) -> String {
    let chars = name.chars().count();
    if chars <= 60 {
        name
    } else {
        format!("{}… ({chars} characters)", name.chars().take(60).collect::<String>())
    }
}

struct Forge<'a>(&'a SampleKeys);

impl Forge<'_> {
    /// A token of exactly these bytes, well signed with the server's key.
    fn raw(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        self.signed(header, claims, &self.0.secret, Algorithm::HS256)
    }

    fn own(&self, header: &Value, claims: &Value) -> String {
        self.raw(header.to_string(), claims.to_string())
    }

    fn signed(
        &self,
        header: impl AsRef<[u8]>,
        claims: impl AsRef<[u8]>,
        secret: &[u8],
        algorithm: Algorithm,
    ) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = sign(&message, secret, algorithm);
        format!("{message}.{signature}")
    }

    fn foreign(&self, secret: &[u8], header: &Value, claims: &Value) -> String {
        self.signed(header.to_string(), claims.to_string(), secret, Algorithm::HS256)
    }

    fn shapes(&self, table: &mut Table) {
        let good = valid(self.0);
        let (message, signature) = good.rsplit_once('.').unwrap_or_default();
        let (header, claims) = message.split_once('.').unwrap_or_default();
        let mut add = |name: &str, token: String| table.push((format!("shape: {name}"), token));
        add("a word", "undefined".into());
        add("two dots", "..".into());
        add("four dots", "....".into());
        add("two parts", message.to_owned());
        add("four parts", format!("{good}.{signature}"));
        add("five parts, as of an encrypted token", format!("{good}.{claims}.{signature}"));
        add("a leading dot", format!(".{good}"));
        add("a trailing dot", format!("{good}."));
        add("no signature", format!("{message}."));
        add("no header", format!(".{claims}.{signature}"));
        add("no claims", format!("{header}..{signature}"));
        add("padding behind the header", format!("{header}=.{claims}.{signature}"));
        add("padding behind the claims", format!("{header}.{claims}==.{signature}"));
        add("padding behind the signature", format!("{good}="));
        add("a percent-encoded dot", format!("{header}%2e{claims}.{signature}"));
        add("a character outside the alphabet", format!("{header}.{claims}!.{signature}"));
        add("a character of the other base64 alphabet", format!("{header}.{claims}+/.{signature}"));
        add("a blank inside", format!("{header}. {claims}.{signature}"));
        add("a fullwidth dot", format!("{header}\u{ff0e}{claims}.{signature}"));
        add("a zero-width space", format!("{header}.{claims}\u{200b}.{signature}"));
        add("a right-to-left mark before it", format!("\u{200f}{good}"));
        add(
            "the header's base64 cut by one",
            format!("{}.{claims}.{signature}", &header[..header.len() - 1]),
        );
        add("spare bits set at the end of the signature", spare_bits(&good));
        add(
            "a JSON serialisation",
            json!({"protected": header, "payload": claims, "signature": signature}).to_string(),
        );
        add("the scheme inside the token", format!("Bearer.{good}"));
        let long = with(self.0.claims(), "pad", "x".repeat(4096).into());
        add("more than 4 KiB, well signed", self.own(&self.0.header(), &long));
        add("12 KiB of dots", ".".repeat(12 * 1024));
        add("6 KiB without a dot", "e".repeat(6 * 1024));
    }

    fn algorithms(&self, table: &mut Table) {
        let (header, claims) = (self.0.header(), self.0.claims().to_string());
        for none in ["none", "None", "NONE", "nOnE", "none ", ""] {
            let header = with(header.clone(), "alg", none.into()).to_string();
            let good = self.raw(&header, &claims);
            let bare = good.rsplit_once('.').unwrap_or_default().0;
            table.push((format!("algorithm `{none}` without signature"), format!("{bare}.")));
            table.push((format!("algorithm `{none}` with a good signature"), good));
        }
        for name in ["RS256", "PS256", "ES256", "EdDSA", "HS1", "hs256", "HS256\u{0}", "\u{ff28}S256", "dir"]
        {
            let header = with(header.clone(), "alg", name.into());
            table.push((format!("algorithm `{name}` over an HMAC"), self.raw(header.to_string(), &claims)));
        }
        for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
            let header = with(header.clone(), "alg", name.into()).to_string();
            let token = self.signed(header, &claims, &self.0.secret, algorithm);
            table.push((format!("algorithm {name}, which the key has not"), token));
        }
        for value in [Value::Null, json!(256), json!(["HS256"]), json!({"alg": "HS256"}), json!(true)] {
            let name = format!("algorithm given as {value}");
            table.push((name, self.raw(with(header.clone(), "alg", value).to_string(), &claims)));
        }
        let token = self.raw(without(header, "alg").to_string(), &claims);
        table.push(("algorithm left out".into(), token));
    }

    fn headers(&self, table: &mut Table) {
        let (header, claims) = (self.0.header(), self.0.claims().to_string());
        let jwk = json!({"kty": "oct", "k": encode("attacker"), "alg": "HS256"});
        let brought = [
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("crit", json!(["urn:example:unknown"])),
            ("jku", json!("http://127.0.0.1:9/jwks.json")),
            ("x5u", json!("https://attacker.example/cert.pem")),
            ("x5c", json!(["MIIB"])),
            ("jwk", jwk.clone()),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("enc", json!("A256GCM")),
            ("cty", json!("JWT")),
        ];
        for (name, value) in brought {
            let token = self.raw(with(header.clone(), name, value.clone()).to_string(), &claims);
            table.push((format!("header with {name}: {value}"), token));
        }
        let embedded = with(header.clone(), "jwk", jwk).to_string();
        let token = self.signed(embedded, &claims, b"attacker", Algorithm::HS256);
        table.push(("header with its own key, signed by it".into(), token));
        for typ in
            [json!("JWT"), json!("refresh+jwt"), json!("at+jwt "), json!(""), Value::Null, json!(["at+jwt"])]
        {
            let name = format!("header of type {typ}");
            table.push((name, self.raw(with(header.clone(), "typ", typ).to_string(), &claims)));
        }
        table.push(("header without type".into(), self.raw(without(header, "typ").to_string(), &claims)));
        let kid = &self.0.kid;
        let documents = [
            (
                "the algorithm twice, none first",
                format!(r#"{{"alg":"none","typ":"at+jwt","kid":"{kid}","alg":"HS256"}}"#),
            ),
            (
                "the algorithm twice, none last",
                format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{kid}","alg":"none"}}"#),
            ),
            (
                "the algorithm twice, once escaped",
                format!(r#"{{"\u0061lg":"HS256","alg":"HS256","typ":"at+jwt","kid":"{kid}"}}"#),
            ),
            ("the key id twice", format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"other","kid":"{kid}"}}"#)),
            ("an array", format!(r#"[{{"alg":"HS256","typ":"at+jwt","kid":"{kid}"}}]"#)),
            ("something behind it", format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{kid}"}}{{}}"#)),
            (
                "a byte order mark",
                format!("\u{feff}{{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"{kid}\"}}"),
            ),
            ("upper-case names", format!(r#"{{"ALG":"HS256","TYP":"at+jwt","KID":"{kid}"}}"#)),
            ("nothing in it", "{}".to_owned()),
            ("deep nesting", format!(r#"{{"alg":"HS256","a":{}{}}}"#, "[".repeat(900), "]".repeat(900))),
        ];
        for (name, document) in documents {
            table.push((format!("header with {name}"), self.raw(document, &claims)));
        }
        let token = self.raw(b"{\"alg\":\"HS256\",\"x\":\"\xff\"}", &claims);
        table.push(("header that is not UTF-8".into(), token));
    }

    fn key_ids(&self, table: &mut Table) {
        let claims = self.0.claims();
        let values = [
            json!("../../../../dev/null"),
            json!("/etc/passwd"),
            json!("file:///dev/null"),
            json!("' OR '1'='1"),
            json!("x' UNION SELECT 'secret"),
            json!("|cat /etc/passwd"),
            json!("http://127.0.0.1:9/key"),
            json!("*"),
            json!(""),
            json!("\u{0}"),
            json!("k".repeat(129)),
            json!("k".repeat(1500)),
            json!(0),
            json!(-1),
            json!([self.0.kid.clone()]),
            json!({"$ne": ""}),
            json!(true),
            Value::Null,
            json!(format!("{}\u{0}", self.0.kid)),
            json!(format!("{} ", self.0.kid)),
            json!(format!("./{}", self.0.kid)),
        ];
        for value in values {
            let name = short(format!("key id {value}"));
            let header = with(self.0.header(), "kid", value).to_string();
            table.push((name.clone(), self.raw(&header, claims.to_string())));
            // What a lookup that reads an empty or missing key would produce.
            let token = self.signed(&header, claims.to_string(), b"", Algorithm::HS256);
            table.push((format!("{name}, signed with nothing"), token));
        }
        table.push(("key id left out".into(), self.own(&without(self.0.header(), "kid"), &claims)));
    }

    fn signatures(&self, table: &mut Table) {
        let (header, claims) = (self.0.header().to_string(), self.0.claims().to_string());
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n";
        let secrets: [(&str, &[u8]); 5] = [
            ("nothing", b""),
            ("a guess", b"secret"),
            ("the key id", self.0.kid.as_bytes()),
            ("a public key's PEM", pem.as_bytes()),
            ("the issuer's name", self.0.issuer.as_bytes()),
        ];
        for (name, secret) in secrets {
            let token = self.signed(&header, &claims, secret, Algorithm::HS256);
            table.push((format!("signed with {name}"), token));
        }
        let good = valid(self.0);
        let (message, signature) = good.rsplit_once('.').unwrap_or_default();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let mut add =
            |name: &str, signature: String| table.push((name.to_owned(), format!("{message}.{signature}")));
        add("signature cut to half", encode(&bytes[..16]));
        add("signature of one byte", encode(&bytes[..1]));
        add("signature with a byte more", encode([bytes.as_slice(), &[0]].concat()));
        add("signature of zeros", encode([0; 32]));
        add("signature in hexadecimal", bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        bytes[31] ^= 1;
        add("signature with a bit flipped", encode(&bytes));
        let other = with(self.0.claims(), "sub", json!((self.0.user_id + 1).to_string()));
        let (head, _) = message.split_once('.').unwrap_or_default();
        let swapped = format!("{head}.{}.{signature}", encode(other.to_string()));
        table.push(("claims exchanged under a good signature".into(), swapped));
        let spaced = self.0.header().to_string().replace(':', ": ");
        let swapped = format!("{}.{}.{signature}", encode(spaced), encode(&claims));
        table.push(("header written otherwise under a good signature".into(), swapped));
    }

    fn claim_types(&self, table: &mut Table) {
        let (header, claims) = (self.0.header(), self.0.claims());
        for name in ["iss", "aud", "sub", "username", "tid", "role", "sid", "jti", "iat", "nbf", "exp"] {
            let token = self.own(&header, &without(claims.clone(), name));
            table.push((format!("claim {name} left out"), token));
            for value in [Value::Null, json!([claims[name]]), json!({}), json!(""), json!(true)] {
                let token = self.own(&header, &with(claims.clone(), name, value.clone()));
                table.push((format!("claim {name} given as {value}"), token));
            }
        }
        let id = self.0.user_id;
        let subjects = [
            json!(id),
            json!(id as f64),
            json!(self.0.username.clone()),
            json!("0"),
            json!(format!("-{id}")),
            json!(format!("+{id}")),
            json!(format!("0{id}")),
            json!(format!(" {id}")),
            json!(format!("{id}\u{0}")),
            json!(format!("{id}.0")),
            json!(format!("{id}e0")),
            json!(format!("0x{id:x}")),
            json!("1 OR 1=1"),
            json!("９"),
            json!("٣"),
            json!("99999999999999999999"),
        ];
        for value in subjects {
            let token = self.own(&header, &with(claims.clone(), "sub", value.clone()));
            table.push((format!("subject {value}"), token));
        }
        let tenant = self.0.tenant_id;
        for value in
            [json!(tenant.to_string()), json!(0), json!(-tenant), json!(tenant as f64), json!(u64::MAX)]
        {
            let token = self.own(&header, &with(claims.clone(), "tid", value.clone()));
            table.push((format!("tenant {value}"), token));
        }
        for role in ["operator", "owner", "Admin", "admin ", "\u{0430}dmin", "viewer,admin"] {
            let token = self.own(&header, &with(claims.clone(), "role", role.into()));
            table.push((format!("role `{role}`"), token));
        }
        for session in
            ["0", "../session", &self.0.session_id.replace('-', ""), &format!("{{{}}}", self.0.session_id)]
        {
            let token = self.own(&header, &with(claims.clone(), "sid", session.into()));
            table.push((format!("session `{session}`"), token));
        }
        let token = self.own(&header, &with(claims, "jti", "j".repeat(65).into()));
        table.push(("token id too long".into(), token));
    }

    fn times(&self, table: &mut Table) {
        let (header, now) = (self.0.header().to_string(), self.0.now);
        // Inserted as text: JSON values cannot represent all of these.
        let literal = |name: &str, value: &str| {
            let claims = with(self.0.claims(), name, "HERE".into()).to_string().replace("\"HERE\"", value);
            self.raw(&header, claims)
        };
        let mut add = |name: String, token: String| table.push((name, token));
        for (secs, what) in [(5, "just past the leeway"), (60, "a minute ago"), (86_400, "yesterday")] {
            let early = with(with(self.0.claims(), "iat", json!(now - 90_000)), "nbf", json!(now - 90_000));
            let claims = with(early, "exp", json!(now - secs));
            add(format!("expired {what}"), self.raw(&header, claims.to_string()));
        }
        let later = now + 600;
        for exp in [
            format!("\"{later}\""),
            format!("-{later}"),
            "0".into(),
            "-0".into(),
            "-1".into(),
            "1e300".into(),
            "1e999".into(),
            "NaN".into(),
            "Infinity".into(),
            "9223372036854775807".into(),
            "9223372036854775808".into(),
            "253402300800".into(),
            "0x7fffffff".into(),
            format!("{later}000"),
            format!("[{later},{later}]"),
            "\"2099-01-01T00:00:00Z\"".into(),
        ] {
            add(format!("expiry {exp}"), literal("exp", &exp));
        }
        let future = now + 60;
        for (name, value) in [
            ("nbf", future.to_string()),
            ("iat", future.to_string()),
            ("nbf", format!("\"{now}\"")),
            ("iat", "-1".into()),
            ("iat", "1e9".into()),
            ("nbf", (now + 600).to_string()),
            ("iat", "0".into()),
        ] {
            add(format!("{name} is {value}"), literal(name, &value));
        }
        add("a life of ten years".into(), literal("exp", &(now + 315_360_000).to_string()));
        let backwards = with(with(self.0.claims(), "exp", json!(now - 1)), "iat", json!(now));
        add("ends before it was made".into(), self.raw(&header, backwards.to_string()));
    }

    fn parties(&self, table: &mut Table) {
        let (header, claims) = (self.0.header(), self.0.claims());
        let (issuer, audience) = (&self.0.issuer, &self.0.audience);
        let upper =
            if issuer.to_uppercase() == *issuer { issuer.to_lowercase() } else { issuer.to_uppercase() };
        for value in [
            json!("https://attacker.example"),
            json!(format!("{issuer}/")),
            json!(format!("{issuer} ")),
            json!(upper),
            json!([issuer, "other"]),
            json!(format!("{issuer}\u{0}")),
        ] {
            let token = self.own(&header, &with(claims.clone(), "iss", value.clone()));
            table.push((format!("issuer {value}"), token));
        }
        for value in [
            json!("another-service"),
            json!([audience, "other"]),
            json!(format!("{audience} ")),
            json!(format!("{audience}/")),
            json!("*"),
            json!(format!("{audience},other")),
            json!([]),
        ] {
            let token = self.own(&header, &with(claims.clone(), "aud", value.clone()));
            table.push((format!("audience {value}"), token));
        }
        let operators = json!(format!("{audience}/operators"));
        let as_operator = with(with(claims.clone(), "aud", operators.clone()), "role", "operator".into());
        table.push(("operator with a tenant".into(), self.own(&header, &as_operator)));
        let roleless = without(with(claims.clone(), "aud", operators), "tid");
        table.push(("operator with a tenant's role".into(), self.own(&header, &roleless)));
        let homeless = without(with(claims, "role", "operator".into()), "tid");
        table.push(("operator for the tenants' audience".into(), self.own(&header, &homeless)));
    }

    fn documents(&self, table: &mut Table) {
        let (header, claims) = (self.0.header().to_string(), self.0.claims().to_string());
        let open = &claims[..claims.len() - 1];
        let id = self.0.user_id + 1;
        let documents = [
            ("the subject twice", format!(r#"{open},"sub":"{id}"}}"#)),
            ("the tenant twice", format!(r#"{open},"tid":{}}}"#, self.0.tenant_id + 1)),
            ("the expiry twice", format!(r#"{open},"exp":{}}}"#, self.0.now + 900)),
            ("the role twice, once escaped", format!(r#"{open},"\u0072ole":"admin"}}"#)),
            ("a duplicate deep inside", format!(r#"{open},"x":{{"a":1,"a":2}}}}"#)),
            ("an array around them", format!("[{claims}]")),
            ("a string around them", json!(claims).to_string()),
            ("something behind them", format!("{claims}{claims}")),
            ("a NUL behind them", format!("{claims}\u{0}")),
            ("a byte order mark", format!("\u{feff}{claims}")),
            ("a trailing comma", format!("{open},}}")),
            ("a comment", format!("{open}/* */}}")),
            ("single quotes", claims.replace('"', "'")),
            ("half of them missing", claims[..claims.len() / 2].to_owned()),
            ("deep nesting", format!(r#"{open},"x":{}{}}}"#, "[".repeat(900), "]".repeat(900))),
            ("a lone surrogate", format!(r#"{open},"x":"\ud800"}}"#)),
            ("nothing in them", "{}".to_owned()),
            ("null", "null".to_owned()),
            ("a number", "1".to_owned()),
            ("a whole token", valid(self.0)),
        ];
        for (name, document) in documents {
            table.push((format!("claims with {name}"), self.raw(&header, document)));
        }
        let broken = [open.as_bytes(), b",\"x\":\"\xc3\x28\"}"].concat();
        table.push(("claims that are not UTF-8".into(), self.raw(&header, broken)));
    }

    fn other_credentials(&self, table: &mut Table) {
        let random = encode([7; 32]);
        let id = "0190b5c0a0007000800000000000aaaa";
        let mut add = |name: &str, token: String| table.push((format!("{name} in place of a token"), token));
        add("a refresh token", format!("llr_{random}"));
        add("a ticket", format!("llt_{random}"));
        add("a password link's secret", format!("lls_{random}"));
        add("an API key", format!("llk_{id}_{random}"));
        add("a session's id", self.0.session_id.clone());
        add("a user's id", self.0.user_id.to_string());
    }

    /// Tokens that are checked against the default issuer, because they name none.
    fn foreigners(&self, secret: &[u8], table: &mut Table) {
        let (header, claims, now) =
            (json!({"alg": "HS256", "typ": "JWT"}), self.0.foreign_claims(), self.0.now);
        let mut add = |name: &str, token: String| table.push((format!("foreign: {name}"), token));
        for value in
            [json!(self.0.user_id), json!(""), Value::Null, json!([self.0.username]), json!("x".repeat(201))]
        {
            add(
                &short(format!("subject {value}")),
                self.foreign(secret, &header, &with(claims.clone(), "sub", value.clone())),
            );
        }
        let nul = json!(format!("{}\u{0}", self.0.username));
        add("a NUL in the name", self.foreign(secret, &header, &with(claims.clone(), "sub", nul)));
        for name in ["sub", "exp"] {
            add(&format!("no {name}"), self.foreign(secret, &header, &without(claims.clone(), name)));
        }
        for (name, value) in [
            ("exp", json!(now - 5)),
            ("exp", json!((now + 600).to_string())),
            ("nbf", json!(now + 60)),
            ("iat", json!(now + 60)),
            ("nbf", json!("soon")),
            ("aud", json!("another")),
            ("aud", json!([])),
            ("iss", json!("https://attacker.example")),
            ("iss", Value::Null),
            ("iss", json!("")),
            ("iss", json!(self.0.issuer)),
        ] {
            add(
                &format!("{name} is {value}"),
                self.foreign(secret, &header, &with(claims.clone(), name, value)),
            );
        }
        for (name, value) in [
            ("typ", json!("logout+jwt")),
            ("typ", json!("dpop+jwt")),
            ("alg", json!("none")),
            ("alg", json!("RS256")),
            ("crit", json!(["exp"])),
            ("kid", json!(7)),
            ("kid", json!("")),
            ("kid", json!("k".repeat(129))),
        ] {
            add(
                &format!("{name} is {value}"),
                self.foreign(secret, &with(header.clone(), name, value), &claims),
            );
        }
        add("signed with a guess", self.foreign(b"guess", &header, &claims));
        add("signed with our own key", self.foreign(&self.0.secret, &header, &claims));
        let strong = with(header, "alg", "HS512".into()).to_string();
        add(
            "an algorithm that is not listed",
            self.signed(strong, claims.to_string(), secret, Algorithm::HS512),
        );
        let ours =
            self.signed(self.0.header().to_string(), self.0.claims().to_string(), secret, Algorithm::HS256);
        add("our own token signed with its key", ours);
    }
}

/// `token` with the unused bits of the signature's last base64 character set: a second spelling of the same bytes for
/// a lenient decoder.
fn spare_bits(token: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = token.split_at(token.len() - 1);
    let index = ALPHABET.iter().position(|byte| last.as_bytes() == [*byte]).unwrap_or_default();
    format!("{start}{}", char::from(ALPHABET[index | 1]))
}
