//! Every error has a cause that counters know, and words for the one who sent the report.

use upto_wire::{Refusal, WireError};

fn every_error() -> Vec<WireError> {
    let field = "context";
    let refusals = [
        Refusal::Missing { field: "context" },
        Refusal::Missing { field: "name" },
        Refusal::Missing { field: "type" },
        Refusal::Missing { field: "label key" },
        Refusal::TooLong { field, length: 201, limit: 200 },
        Refusal::TooManySegments(33),
        Refusal::TooManyLabels(65),
        Refusal::StatusNotAllowed,
    ];
    let mut errors = vec![
        WireError::Empty,
        WireError::Truncated { at: 7 },
        WireError::Malformed("byte 0 is 0xc1, which MessagePack does not define".into()),
        WireError::TooDeep,
        WireError::InvalidUtf8 { field },
        WireError::Nul { field },
        WireError::WrongType { field, expected: "text", found: "an integer" },
        WireError::UnknownType("\"begin\"".into()),
        WireError::UnknownStatus("done".into()),
        WireError::BadTime("\"soon\"".into()),
    ];
    errors.extend(refusals.map(WireError::Refused));
    errors
}

/// Fails to compile when a variant is added, so that [`every_error`] is not forgotten.
fn is_listed(error: &WireError) -> bool {
    match error {
        WireError::Empty
        | WireError::Truncated { .. }
        | WireError::Malformed(_)
        | WireError::TooDeep
        | WireError::InvalidUtf8 { .. }
        | WireError::Nul { .. }
        | WireError::WrongType { .. }
        | WireError::UnknownType(_)
        | WireError::UnknownStatus(_)
        | WireError::BadTime(_)
        | WireError::Refused(
            Refusal::Missing { .. }
            | Refusal::TooLong { .. }
            | Refusal::TooManySegments(_)
            | Refusal::TooManyLabels(_)
            | Refusal::StatusNotAllowed,
        ) => true,
    }
}

#[test]
fn the_causes_are_those_of_the_list_and_no_others() {
    let mut causes: Vec<_> = every_error().iter().filter(|error| is_listed(error)).map(WireError::cause).collect();
    causes.sort_unstable();
    causes.dedup();
    let mut listed = Refusal::CAUSES.to_vec();
    listed.sort_unstable();
    assert_eq!(causes, listed);
}

#[test]
fn causes_are_fit_for_counters_and_titles_for_people() {
    for error in every_error() {
        let cause = error.cause();
        assert!(
            cause.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "{cause}"
        );
        assert!(!error.title().contains('_') && !error.to_string().is_empty());
    }
    assert_eq!(WireError::InvalidUtf8 { field: "name" }.title(), "invalid UTF-8");
    assert_eq!(WireError::Nul { field: "name" }.title(), "NUL character");
    let error = WireError::UnknownType("\"begin\"".into());
    assert_eq!(error.title(), "unknown type");
    assert_eq!(error.to_string(), "type is \"begin\"; use start, end, point or new (or 0, 1, 2, 3)");
}
