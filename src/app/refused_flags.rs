//! A refusal of a use case as one line for the command line: every bad field by the flag that gave it.

use super::people::Refused;
use crate::protocol::problem::{FieldError, Problem};

/// The line.
pub(super) fn words(problem: Problem) -> Refused {
    if problem.errors.is_empty() {
        return problem.detail.into_owned();
    }
    let faults: Vec<String> = problem.errors.iter().map(fault).collect();
    faults.join("; ")
}

fn fault(error: &FieldError) -> String {
    let field = error.pointer.rsplit('/').next().unwrap_or_default();
    let flag = match field {
        "" => return error.msg.clone(),
        // Never on the command line, where every user of the machine would see it.
        "password" => "password-stdin".to_owned(),
        field => field.replace('_', "-"),
    };
    // The words of some rules begin with the field's name as a body has it.
    let rule = error.msg.strip_prefix(&format!("{field} ")).unwrap_or(&error.msg);
    // Words of their own subject, where those of other rules go on from the flag.
    let mark = if field == "password" || error.kind == "unknown" { ":" } else { "" };
    format!("--{flag}{mark} {rule}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::problem::{Code, Step};

    fn of(errors: &[(&str, &str)]) -> String {
        let errors = errors.iter().map(|(field, words)| {
            let steps = [Step::Name((*field).to_owned())];
            FieldError::in_body(&steps, "invalid", *words)
        });
        words(Problem::validation(errors.collect()))
    }

    #[test]
    fn every_fault_names_its_flag() {
        let told = of(&[
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
    fn a_name_that_stands_for_nothing_follows_its_flag() {
        let steps = [Step::Name("tenant".to_owned())];
        let mut problem = Problem::not_found();
        problem.errors = vec![FieldError::in_body(&steps, "unknown", "there is no tenant `nope`")];

        assert_eq!(words(problem), "--tenant: there is no tenant `nope`");
    }

    #[test]
    fn a_refusal_without_fields_keeps_its_words() {
        let problem = Problem::new(Code::NotFound, "There is nothing here that you may see.");

        assert_eq!(words(problem), "There is nothing here that you may see.");
    }
}
