//! The client messages of the upload socket, besides the chunks. Parsed as leniently as on any socket: fields may be
//! in `payload` or at the top, unknown ones are ignored.

use serde_json::Value;

use super::command::{CommandError, Fields, invalid, missing, read, unknown_type};

/// One text message of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum UploadCommand {
    Metadata { filename: String, size: Option<i64>, content_type: Option<String>, sha256: Option<String> },
    Complete,
    Resume { upload_id: String },
    Ping,
    RefreshToken { token: String },
}

/// Parses a text message. Returns the `id` for its answer as well.
pub fn parse(text: &str) -> (Option<Value>, Result<UploadCommand, CommandError>) {
    read(text, command)
}

fn command(kind: &str, fields: &Fields<'_>) -> Result<UploadCommand, CommandError> {
    match kind {
        "metadata" => Ok(UploadCommand::Metadata {
            filename: fields.required_text(kind, "filename")?,
            size: size(fields)?,
            content_type: fields.optional_text(kind, "content_type")?.filter(|text| !text.is_empty()),
            sha256: fields.optional_text(kind, "sha256")?,
        }),
        "complete" => Ok(UploadCommand::Complete),
        "resume" => Ok(UploadCommand::Resume { upload_id: fields.required_text(kind, "upload_id")? }),
        "ping" => Ok(UploadCommand::Ping),
        "refresh_token" => {
            let token = fields.text("token").ok_or_else(|| missing(kind, "token"))?;
            Ok(UploadCommand::RefreshToken { token })
        }
        unknown => Err(unknown_type(unknown)),
    }
}

fn size(fields: &Fields<'_>) -> Result<Option<i64>, CommandError> {
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
        CompleteUpload, ResumeUpload, UploadClientMessage, UploadMetadata, UploadPing, UploadRefreshToken,
    };

    #[test]
    fn every_documented_message_is_read_by_the_socket() {
        let id = Some(Value::from(7));
        let messages = [
            UploadClientMessage::Metadata(UploadMetadata {
                id: id.clone(),
                filename: "a.png".to_owned(),
                size: Some(3),
                content_type: Some("image/png".to_owned()),
                sha256: Some("ab".repeat(32)),
            }),
            UploadClientMessage::Complete(CompleteUpload { id: id.clone() }),
            UploadClientMessage::Resume(ResumeUpload { id: id.clone(), upload_id: "u".to_owned() }),
            UploadClientMessage::Ping(UploadPing { id: id.clone() }),
            UploadClientMessage::RefreshToken(UploadRefreshToken { id: id.clone(), token: "t".to_owned() }),
        ];

        for message in messages {
            let text = message.to_json_string();
            let (reply_to, command) = parse(&text);
            assert!(command.is_ok() && reply_to == id, "{text}");
        }
    }

    #[test]
    fn both_envelope_styles_are_read_and_refusals_are_those_of_every_socket() {
        let wanted = UploadCommand::Metadata {
            filename: "a".to_owned(),
            size: None,
            content_type: None,
            sha256: None,
        };
        assert_eq!(parse(r#"{"type":"metadata","payload":{"filename":"a"}}"#).1, Ok(wanted.clone()));
        assert_eq!(
            parse(r#"{"type":"metadata","filename":"a","size":null,"content_type":""}"#).1,
            Ok(wanted)
        );

        let words = |text: &str| match parse(text).1.unwrap_err() {
            CommandError::Command { message, .. } | CommandError::Subscription { message, .. } => message,
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
