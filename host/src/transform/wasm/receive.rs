//! Requests and datagrams that guests make reports of.

use upto_wire::Report;
use wasmtime::Store;
use wasmtime::component::{ComponentType, Func, Lift, Lower};

use super::bindings::upto::transform::types::{Kind, Status};
use super::host::State;
use super::{Compiled, allow, convert, failure, missing, store};
use crate::transform::{Failure, FailureCause, Rejection, Request, budget};

/// The name of the function.
pub(super) const EXPORT: &str = "receive";
/// The interface that holds its types.
pub(super) const TYPES: &str = "upto:transform/requests@0.1.0";

/// `request` of the contract.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Given<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    received: i64,
}

/// `report` of the interface [`TYPES`].
#[derive(ComponentType, Lift)]
#[component(record)]
struct Made {
    context: String,
    name: String,
    kind: Kind,
    time: Option<i64>,
    host: String,
    timeline: Option<String>,
    status: Option<Status>,
    labels: Vec<(String, String)>,
}

/// `rejection` of the contract.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum Rejected {
    #[component(name = "refuse")]
    Refuse((u16, String)),
    #[component(name = "fail")]
    Fail(String),
}

type Returned = (Result<Vec<Made>, Rejected>,);

/// A store with the component in it, for its function `receive`.
pub(super) struct Instance {
    store: Store<State>,
    receive: Func,
    calls: u32,
}

impl Instance {
    pub(super) fn new(program: &Compiled) -> Result<Instance, Failure> {
        let component = program.receiver.as_ref().ok_or_else(|| missing(EXPORT))?;
        let mut store = store(program);
        let instance = component.instantiate(&mut store).map_err(|error| failure(&error, store.data_mut()))?;
        let receive = instance.get_func(&mut store, EXPORT).ok_or_else(|| missing(EXPORT))?;
        if let Err(error) = receive.typed::<(Given<'_>,), Returned>(&store) {
            return Err(failure(&error, store.data_mut()));
        }
        Ok(Instance { store, receive, calls: 0 })
    }

    /// Bytes of its memory.
    pub(super) fn memory(&self) -> usize {
        self.store.data().limiter.memory()
    }

    /// Calls that it has served.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    pub(super) fn call(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        self.calls += 1;
        self.store.data_mut().tables.refresh();
        allow(&mut self.store, request.time());
        let (query, headers) = (pairs(&request.query), pairs(&request.headers));
        let given = Given {
            method: &request.method,
            path: &request.path,
            query: &query,
            headers: &headers,
            body: &request.body,
            received: request.received.micros(),
        };
        let receive = self.receive.typed::<(Given<'_>,), Returned>(&self.store);
        match receive.and_then(|receive| receive.call(&mut self.store, (given,))) {
            Ok((Ok(made),)) => reports(made),
            Ok((Err(rejected),)) => Err(rejection(rejected)),
            Err(error) => Err(failure(&error, self.store.data_mut()).into()),
        }
    }
}

fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn reports(made: Vec<Made>) -> Result<Vec<Report<'static>>, Rejection> {
    const LIMIT: usize = budget::REQUEST_REPORTS;
    if made.len() > LIMIT {
        let message = format!("it made {} reports of one request; at most {LIMIT} are allowed", made.len());
        return Err(Failure::new(FailureCause::Output, message).into());
    }
    made.into_iter().map(|made| report(made).map_err(Rejection::from)).collect()
}

fn report(made: Made) -> Result<Report<'static>, Failure> {
    convert::checked(Report {
        context: made.context.into(),
        name: made.name.into(),
        kind: convert::kind_out(made.kind),
        time: made.time.map(convert::time).transpose()?,
        host: made.host.into(),
        auto_ip: false,
        timeline: made.timeline.map(Into::into),
        status: made.status.map(convert::status_out),
        labels: convert::labels(made.labels)?,
    })
}

fn rejection(rejected: Rejected) -> Rejection {
    let fail = |message: String| Rejection::Failed(Failure::new(FailureCause::Error, message));
    match rejected {
        Rejected::Refuse((status, message)) => Rejection::refused(f64::from(status), &message).unwrap_or_else(fail),
        Rejected::Fail(message) => fail(message),
    }
}
