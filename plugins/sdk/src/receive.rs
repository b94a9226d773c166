//! Requests and what is made of them, for the other entry point.

use crate::bindings::receiver::upto::transform::requests;
use crate::{Report, known, owned};

pub use requests::{Rejection, Request};

/// What a receiver makes of a request, as the contract has it.
pub fn receive<'a>(
    request: Request,
    receiver: impl FnOnce(Request) -> Result<Vec<Report<'a>>, Rejection>,
) -> Result<Vec<requests::Report>, Rejection> {
    known::forget();
    Ok(receiver(request)?.into_iter().map(Into::into).collect())
}

impl From<Report<'_>> for requests::Report {
    fn from(report: Report<'_>) -> Self {
        requests::Report {
            context: report.context.into_owned(),
            name: report.name.into_owned(),
            kind: report.kind,
            time: report.time,
            host: report.host.into_owned(),
            timeline: report.timeline.map(Into::into),
            status: report.status,
            labels: owned(report.labels),
        }
    }
}

/// A message is a failure of the function.
impl From<String> for Rejection {
    fn from(message: String) -> Self {
        Rejection::Fail(message)
    }
}

/// The value of the first of some headers or parameters that has this name.
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Status};

    fn request() -> Request {
        Request {
            method: "POST".into(),
            path: "/".into(),
            query: Vec::new(),
            headers: vec![("x-token".into(), "a".into())],
            body: Vec::new(),
            received: 7,
        }
    }

    #[test]
    fn reports_are_handed_over_whole_and_messages_are_failures() {
        let made = receive(request(), |request| {
            Ok(vec![Report {
                context: "shop".into(),
                name: value(&request.headers, "x-token").unwrap().to_owned().into(),
                kind: Kind::End,
                time: Some(request.received),
                host: "web-1".into(),
                timeline: Some("41".into()),
                status: Some(Status::Success),
                labels: vec![("k".into(), "v".into())].into(),
            }])
        });
        let wanted = requests::Report {
            context: "shop".into(),
            name: "a".into(),
            kind: Kind::End,
            time: Some(7),
            host: "web-1".into(),
            timeline: Some("41".into()),
            status: Some(Status::Success),
            labels: vec![("k".into(), "v".into())],
        };
        assert!(made.is_ok_and(|made| made == [wanted]));
        let failed = receive(request(), |request| {
            Err(value(&request.headers, "x-other").unwrap_or("it is not there").to_owned())?
        });
        assert!(matches!(failed, Err(Rejection::Fail(message)) if message == "it is not there"));
    }

    #[test]
    fn each_request_sees_the_tables_as_they_are_then() {
        for value in ["old", "new"] {
            let made = receive(request(), |_| {
                Err(known::lookup("hosts", "a", |_, _| Some(value.to_owned())).unwrap_or_default())?
            });
            assert!(matches!(made, Err(Rejection::Fail(message)) if message == value));
        }
    }
}
