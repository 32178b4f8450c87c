//! The client messages of the upload socket, besides the chunks. Parsed as leniently as on any socket: fields may be
//! in `payload` or at the top, unknown ones are ignored.

use serde_json::Value;

use super::command::{CommandError, Fields, invalid, missing, read, unknown_type};
use crate::base::json_integer::as_integer;

/// One text message of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum UploadCommand {
    Metadata(Metadata),
    Complete,
    Resume { upload_id: String },
    Ping,
    RefreshToken { token: String },
}

/// The announcement of a file, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Present unless there is a fault.
    pub filename: Option<String>,
    pub size: Option<i64>,
    pub content_type: Option<String>,
    pub sha256: Option<String>,
    /// What is wrong with each field that could not be read. The others are checked too before it is refused.
    pub faults: Vec<String>,
}

/// Parses a text message. Returns the `id` for its answer as well.
pub fn parse(text: &str) -> (Option<Value>, Result<UploadCommand, CommandError>) {
    read(text, command)
}

fn command(kind: &str, fields: &Fields<'_>) -> Result<UploadCommand, CommandError> {
    match kind {
        "metadata" => Ok(UploadCommand::Metadata(metadata(kind, fields))),
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

fn metadata(kind: &str, fields: &Fields<'_>) -> Metadata {
    let mut faults = Vec::new();
    let filename = keep(fields.required_text(kind, "filename").map(Some), &mut faults);
    let size = keep(size(fields), &mut faults);
    let content_type = keep(fields.optional_text(kind, "content_type"), &mut faults);
    let sha256 = keep(fields.optional_text(kind, "sha256"), &mut faults);
    Metadata { filename, size, content_type: content_type.filter(|text| !text.is_empty()), sha256, faults }
}

/// The value of a field that could be read; else its fault is added to the others.
fn keep<T>(read: Result<Option<T>, CommandError>, faults: &mut Vec<String>) -> Option<T> {
    match read {
        Ok(value) => value,
        Err(CommandError::Command { message, .. } | CommandError::Subscription { message, .. }) => {
            faults.push(message);
            None
        }
    }
}

fn size(fields: &Fields<'_>) -> Result<Option<i64>, CommandError> {
    match fields.get("size") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match as_integer(value) {
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
        let wanted =
            UploadCommand::Metadata(Metadata { filename: Some("a".to_owned()), ..Metadata::default() });
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
    }

    fn metadata_of(text: &str) -> Metadata {
        match parse(text).1.unwrap() {
            UploadCommand::Metadata(metadata) => metadata,
            other => panic!("{other:?} is no metadata"),
        }
    }

    #[test]
    fn a_whole_number_of_bytes_is_one_however_it_is_written() {
        for (size, wanted) in [("5", Some(5)), ("5.0", Some(5)), ("5e2", Some(500)), ("null", None)] {
            let read = metadata_of(&format!(r#"{{"type":"metadata","filename":"a","size":{size}}}"#));
            assert_eq!((read.size, read.faults), (wanted, Vec::new()), "{size}");
        }
        for size in ["1.5", "\"5\"", "true", "1e30"] {
            let read = metadata_of(&format!(r#"{{"type":"metadata","filename":"a","size":{size}}}"#));
            assert_eq!(read.faults, ["size of metadata must be a whole number of bytes"], "{size}");
        }
    }

    #[test]
    fn every_field_that_cannot_be_read_is_named_and_the_others_are_kept() {
        let read = metadata_of(r#"{"type":"metadata","size":"x","content_type":7,"sha256":"ab"}"#);

        let faults = [
            "metadata needs the field filename, as text",
            "size of metadata must be a whole number of bytes",
            "content_type of metadata must be text",
        ];
        assert_eq!(read.faults, faults);
        assert_eq!((read.filename, read.sha256.as_deref()), (None, Some("ab")));
    }
}
