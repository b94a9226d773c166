//! Requests as scripts see them, and the reports that `receive` returns.

use mlua::{Error, Lua, Table, Value};
use upto_wire::Report;

use super::output::{self, BadOutput};
use super::sandbox::{State, failure, root};
use crate::transform::{Rejection, Request, budget};

impl State {
    /// What the script makes of a request.
    pub(super) fn receive(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        self.clock.start(request.time());
        let made = self.make(request);
        if self.clock.expired() {
            return Err(self.clock.late().into());
        }
        made.unwrap_or_else(|error| match root(&error) {
            Error::ExternalError(external) if external.is::<Rejection>() => {
                Err(external.downcast_ref().cloned().unwrap_or_else(|| failure(&error, &self.clock).into()))
            }
            _ => Err(failure(&error, &self.clock).into()),
        })
    }

    fn make(&self, request: &Request<'_>) -> mlua::Result<Result<Vec<Report<'static>>, Rejection>> {
        let Some(receive) = &self.receive else {
            return Err(Error::runtime("it defines no function \"receive\""));
        };
        match receive.call(table(&self.lua, request)?)? {
            Value::Nil => Ok(Ok(Vec::new())),
            Value::Table(table) => match table.raw_get::<Value>("context")? {
                Value::Nil => list(&table),
                _ => one(&table).map(|report| Ok(vec![report?])),
            },
            other => Err(BadOutput::wrong("the result of receive", "a report, a list of reports or nil", &other)),
        }
    }
}

fn table(lua: &Lua, request: &Request<'_>) -> mlua::Result<Table> {
    let pairs = |pairs: &[(String, String)]| lua.create_table_from(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let table = lua.create_table_with_capacity(0, 6)?;
    table.raw_set("method", &*request.method)?;
    table.raw_set("path", &*request.path)?;
    table.raw_set("query", pairs(&request.query)?)?;
    table.raw_set("headers", pairs(&request.headers)?)?;
    table.raw_set("body", lua.create_string(&request.body)?)?;
    table.raw_set("time", request.received.micros() as f64)?;
    Ok(table)
}

fn list(table: &Table) -> mlua::Result<Result<Vec<Report<'static>>, Rejection>> {
    const LIMIT: usize = budget::REQUEST_REPORTS;
    let length = table.raw_len();
    if length > LIMIT {
        return Err(BadOutput::error(format!("receive returned {length} reports; at most {LIMIT} are allowed")));
    }
    if length == 0 && !table.is_empty() {
        return Err(BadOutput::error(
            "receive returned a table that is neither a report (it has no context) nor a list",
        ));
    }
    let mut reports = Vec::with_capacity(length);
    for at in 1..=length {
        match table.raw_get::<Value>(at)? {
            Value::Table(item) => match one(&item)? {
                Ok(report) => reports.push(report),
                Err(rejection) => return Ok(Err(rejection)),
            },
            other => return Err(BadOutput::wrong(&format!("item {at} of the result"), "a report", &other)),
        }
    }
    Ok(Ok(reports))
}

fn one(table: &Table) -> mlua::Result<Result<Report<'static>, Rejection>> {
    Ok(output::checked(output::report(table, false)?).map_err(Rejection::from))
}
