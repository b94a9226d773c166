//! Requests as scripts see them, and the reports that `receive` returns.

use mlua::{Error, Lua, Table, Value};
use upto_wire::Report;

use super::output;
use super::sandbox::{State, failure, root};
use super::stack::Stack;
use crate::transform::{Failure, Rejection, Request};

impl State {
    /// What the script makes of a request.
    pub(super) fn receive(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        self.running.begin(request.time());
        let made = self.make(request);
        let clock = self.running.clock();
        if clock.expired() {
            return Err(clock.late().into());
        }
        match made {
            Ok(made) => made.map_err(Rejection::from),
            Err(error) => Err(match root(&error) {
                Error::ExternalError(external) => external.downcast_ref::<Rejection>().cloned(),
                _ => None,
            }
            .unwrap_or_else(|| failure(&error, clock).into())),
        }
    }

    fn make(&self, request: &Request<'_>) -> mlua::Result<Result<Vec<Report<'static>>, Failure>> {
        let Some(receive) = self.receiver()? else {
            return Err(Error::runtime("it defines no function \"receive\""));
        };
        let returned: Value = receive.call(table(&self.lua, request)?)?;
        let mut made = Ok(Vec::new());
        // SAFETY: it runs as a native function of its own, with what was returned on top of its stack.
        unsafe { self.lua.exec_raw::<()>(returned, |state| made = output::received(&mut Stack::of(state)))? };
        Ok(made)
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
