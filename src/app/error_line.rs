//! Errors as one line for the command line: a refusal of a use case with the flag of every invalid field, and a
//! failed request with all of its causes.

use crate::protocol::problem::{FieldError, Problem};

/// A one-line error message of a subcommand.
pub(super) type ErrorLine = String;

/// The refusal of a use case: every invalid field with the flag that gave it.
pub(super) fn problem_line(problem: Problem) -> ErrorLine {
    if problem.errors.is_empty() {
        return problem.detail.into_owned();
    }
    let faults: Vec<String> = problem.errors.iter().map(field_line).collect();
    faults.join("; ")
}

fn field_line(error: &FieldError) -> String {
    let field = error.pointer.rsplit('/').next().unwrap_or_default();
    let flag = match field {
        "" => return error.msg.clone(),
        // Never an argument, where every user of the machine would see it.
        "password" => "password-stdin".to_owned(),
        field => field.replace('_', "-"),
    };
    // Some messages begin with the field's name as in a request body.
    let rule = error.msg.strip_prefix(&format!("{field} ")).unwrap_or(&error.msg);
    // These messages are whole sentences, while others continue the flag's name.
    let separator = if field == "password" || error.kind == "unknown" { ":" } else { "" };
    format!("--{flag}{separator} {rule}")
}

/// The whole chain of a request's error: the outer error alone does not name the cause.
pub(super) fn error_chain(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::problem::{Code, PathSegment};

    fn line_of(errors: &[(&str, &str)]) -> String {
        let errors = errors.iter().map(|(field, words)| {
            let steps = [PathSegment::Name((*field).to_owned())];
            FieldError::in_body(&steps, "invalid", *words)
        });
        problem_line(Problem::validation(errors.collect()))
    }

    #[test]
    fn every_invalid_field_names_its_flag() {
        let told = line_of(&[
            ("username", "must have 1 to 64 letters"),
            ("password", "a password has 8 to 200 characters"),
            ("display_name", "must be one line"),
        ]);

        assert_eq!(
            told,
            "--username must have 1 to 64 letters; --password-stdin: a password has 8 to 200 characters; \
             --display-name must be one line"
        );
    }

    #[test]
    fn an_unknown_name_is_reported_after_its_flag() {
        let steps = [PathSegment::Name("tenant".to_owned())];
        let mut problem = Problem::not_found();
        problem.errors = vec![FieldError::in_body(&steps, "unknown", "there is no tenant `nope`")];

        assert_eq!(problem_line(problem), "--tenant: there is no tenant `nope`");
    }

    #[test]
    fn a_problem_without_fields_keeps_its_detail() {
        let problem = Problem::new(Code::NotFound, "There is nothing here that you may see.");

        assert_eq!(problem_line(problem), "There is nothing here that you may see.");
    }
}
