//! What a client says on the file socket, besides the chunks. Read as leniently as on any socket: fields may stand in
//! `payload` or at the top, unknown ones are ignored.

use serde_json::Value;

use super::command::{Fields, Refused, invalid, missing, read, unknown_type};

/// One text message of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum FileCommand {
    Metadata { filename: String, size: Option<i64>, content_type: Option<String>, sha256: Option<String> },
    Complete,
    Resume { upload_id: String },
    Ping,
    RefreshToken { token: String },
}

/// Reads a text message, with the `id` that its answer is to carry.
pub fn parse(text: &str) -> (Option<Value>, Result<FileCommand, Refused>) {
    read(text, command)
}

fn command(kind: &str, fields: &Fields<'_>) -> Result<FileCommand, Refused> {
    match kind {
        "metadata" => Ok(FileCommand::Metadata {
            filename: fields.needed_text(kind, "filename")?,
            size: size(fields)?,
            content_type: fields.optional_text(kind, "content_type")?.filter(|text| !text.is_empty()),
            sha256: fields.optional_text(kind, "sha256")?,
        }),
        "complete" => Ok(FileCommand::Complete),
        "resume" => Ok(FileCommand::Resume { upload_id: fields.needed_text(kind, "upload_id")? }),
        "ping" => Ok(FileCommand::Ping),
        "refresh_token" => {
            let token = fields.text("token").ok_or_else(|| missing(kind, "token"))?;
            Ok(FileCommand::RefreshToken { token })
        }
        unknown => Err(unknown_type(unknown)),
    }
}

fn size(fields: &Fields<'_>) -> Result<Option<i64>, Refused> {
    match fields.get("size") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(size) => Ok(Some(size)),
            None => Err(invalid("size of metadata must be a whole number of bytes".to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::ToJSON;

    use super::*;
    use crate::protocol::upload::{
        UploadCommand, UploadComplete, UploadMetadata, UploadPing, UploadRefreshToken, UploadResume,
    };

    #[test]
    fn every_documented_message_is_read_by_the_socket() {
        let id = Some(Value::from(7));
        let messages = [
            UploadCommand::Metadata(UploadMetadata {
                id: id.clone(),
                filename: "a.png".to_owned(),
                size: Some(3),
                content_type: Some("image/png".to_owned()),
                sha256: Some("ab".repeat(32)),
            }),
            UploadCommand::Complete(UploadComplete { id: id.clone() }),
            UploadCommand::Resume(UploadResume { id: id.clone(), upload_id: "u".to_owned() }),
            UploadCommand::Ping(UploadPing { id: id.clone() }),
            UploadCommand::RefreshToken(UploadRefreshToken { id: id.clone(), token: "t".to_owned() }),
        ];

        for message in messages {
            let text = message.to_json_string();
            let (reply_to, command) = parse(&text);
            assert!(command.is_ok() && reply_to == id, "{text}");
        }
    }

    #[test]
    fn both_envelope_styles_are_read_and_refusals_are_those_of_every_socket() {
        let wanted =
            FileCommand::Metadata { filename: "a".to_owned(), size: None, content_type: None, sha256: None };
        assert_eq!(parse(r#"{"type":"metadata","payload":{"filename":"a"}}"#).1, Ok(wanted.clone()));
        assert_eq!(
            parse(r#"{"type":"metadata","filename":"a","size":null,"content_type":""}"#).1,
            Ok(wanted)
        );

        let words = |text: &str| match parse(text).1.unwrap_err() {
            Refused::Command { message, .. } | Refused::Subscription { message, .. } => message,
        };
        assert_eq!(words("{"), "Invalid JSON format");
        assert_eq!(words(r#"{"type":"chat"}"#), "Unknown message type: chat");
        assert_eq!(words(r#"{"type":"metadata"}"#), "metadata needs the field filename, as text");
        assert_eq!(
            words(r#"{"type":"metadata","filename":"a","size":1.5}"#),
            "size of metadata must be a whole number of bytes"
        );
    }
}
