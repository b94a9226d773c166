//! The report as scripts see it: a value whose fields cross into Lua only when they are read, so that a report costs
//! what the script looks at and not what it carries.

use std::ptr::NonNull;

use mlua::{AnyUserData, Error, Lua, LuaString, MetaMethod, Table, UserData, UserDataMethods, Value};
use upto_wire::{Kind, Labels, Report, Status, Time, limits};

use super::output::{self, BadOutput};

/// The fields, as they are named in Lua, in the order in which a loop sees them.
pub(super) const FIELDS: [&str; 8] = ["context", "name", "type", "time", "host", "timeline", "status", "labels"];

/// The one report value of a state, which shows one report after another.
pub(super) struct View {
    handle: AnyUserData,
    pointer: *const std::ffi::c_void,
}

// SAFETY: the pointer is only compared, never followed.
unsafe impl Send for View {}

impl View {
    pub(super) fn new(lua: &Lua) -> mlua::Result<View> {
        let handle = lua.create_userdata(Shown::default())?;
        Ok(View { pointer: handle.to_pointer(), handle })
    }

    /// Shows a report while `f` runs.
    pub(super) fn show<R>(&self, report: &Report<'_>, f: impl FnOnce(&View) -> mlua::Result<R>) -> mlua::Result<R> {
        {
            let mut shown = self.handle.borrow_mut::<Shown>()?;
            *shown = Shown { report: Some(NonNull::from(report).cast()), ..Shown::default() };
        }
        let _hide = Hide(&self.handle);
        f(self)
    }

    pub(super) fn handle(&self) -> &AnyUserData {
        &self.handle
    }

    /// Whether a value is this very report.
    pub(super) fn is(&self, other: &AnyUserData) -> bool {
        other.to_pointer() == self.pointer
    }

    /// The report with the script's changes, or `None` where there are none.
    pub(super) fn changed(&self) -> mlua::Result<Option<Report<'static>>> {
        self.handle.borrow::<Shown>()?.changed()
    }

    /// Whether the server is to fill the report's host.
    pub(super) fn auto_ip(&self) -> mlua::Result<bool> {
        Ok(self.handle.borrow::<Shown>()?.report()?.auto_ip)
    }

    /// The report with the script's changes.
    pub(super) fn current(&self) -> mlua::Result<Report<'static>> {
        let shown = self.handle.borrow::<Shown>()?;
        Ok(match shown.changed()? {
            Some(changed) => changed,
            None => shown.report()?.clone().into_owned(),
        })
    }
}

/// Hides the report when its call ends, however it ends.
struct Hide<'a>(&'a AnyUserData);

impl Drop for Hide<'_> {
    fn drop(&mut self) {
        if let Ok(mut shown) = self.0.borrow_mut::<Shown>() {
            *shown = Shown::default();
        }
    }
}

/// The report that is shown and what the script set. `Some` is what differs from the report.
#[derive(Default)]
struct Shown {
    /// Lives as long as the call of [`View::show`] that set it, which clears it; its lifetimes are erased.
    report: Option<NonNull<Report<'static>>>,
    context: Option<String>,
    name: Option<String>,
    kind: Option<Kind>,
    time: Option<Option<Time>>,
    host: Option<String>,
    timeline: Option<Option<String>>,
    status: Option<Option<Status>>,
    /// The table that the script was given or set; it may have written to it.
    labels: Option<Table>,
}

// SAFETY: a state and all that is in it is run by one thread at a time: `Function::transform` takes `&mut self`.
unsafe impl Send for Shown {}
// SAFETY: as above; there is never a second thread.
unsafe impl Sync for Shown {}

impl Shown {
    fn report(&self) -> mlua::Result<&Report<'_>> {
        match self.report {
            // SAFETY: set by `View::show` from a reference that outlives the call, and cleared before it returns. The
            // result borrows `self`, whose borrows end within the call.
            Some(report) => Ok(unsafe { report.as_ref() }),
            None => Err(Error::runtime("a report can't be used after its call of transform")),
        }
    }

    fn get(&mut self, lua: &Lua, field: &[u8]) -> mlua::Result<Value> {
        let report = self.report()?;
        match field {
            b"context" => text(lua, self.context.as_deref().unwrap_or(&report.context)),
            b"name" => text(lua, self.name.as_deref().unwrap_or(&report.name)),
            b"host" => text(lua, self.host.as_deref().unwrap_or(&report.host)),
            b"type" => text(lua, self.kind.unwrap_or(report.kind).as_str()),
            b"time" => {
                let time = self.time.unwrap_or(report.time);
                Ok(time.map_or(Value::Nil, |time| Value::Number(time.micros() as f64)))
            }
            b"timeline" => {
                let original = report.timeline.as_deref();
                self.timeline.as_ref().map_or(original, Option::as_deref).map_or(Ok(Value::Nil), |name| text(lua, name))
            }
            b"status" => {
                let status = self.status.unwrap_or(report.status);
                status.map_or(Ok(Value::Nil), |status| text(lua, status.as_str()))
            }
            b"labels" => {
                if self.labels.is_none() {
                    self.labels = Some(lua.create_table_from(report.labels.iter())?);
                }
                Ok(self.labels.clone().map_or(Value::Nil, Value::Table))
            }
            other => Err(unknown(other)),
        }
    }

    fn set(&mut self, lua: &Lua, field: &[u8], value: &Value) -> mlua::Result<()> {
        let report = self.report()?;
        match field {
            b"context" => self.context = Some(output::text("context", value)?).filter(|text| *text != report.context),
            b"name" => self.name = Some(output::text("name", value)?).filter(|text| *text != report.name),
            b"host" => {
                let host = output::optional_text("host", value)?.unwrap_or_default();
                self.host = Some(host).filter(|host| *host != report.host);
            }
            b"type" => self.kind = Some(output::kind(value)?).filter(|kind| *kind != report.kind),
            b"time" => self.time = Some(output::time(value)?).filter(|time| *time != report.time),
            b"timeline" => {
                let timeline = output::optional_text("timeline", value)?;
                self.timeline = Some(timeline).filter(|name| name.as_deref() != report.timeline.as_deref());
            }
            b"status" => self.status = Some(output::status(value)?).filter(|status| *status != report.status),
            b"labels" => {
                self.labels = Some(match value {
                    Value::Table(labels) => labels.clone(),
                    Value::Nil => lua.create_table()?,
                    other => return Err(BadOutput::wrong("labels", "a table of text", other)),
                });
            }
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    fn changed(&self) -> mlua::Result<Option<Report<'static>>> {
        let report = self.report()?;
        let labels = match &self.labels {
            Some(table) => Some(output::labels(table)?).filter(|labels| *labels != report.labels),
            None => None,
        };
        let untouched = self.context.is_none() && self.name.is_none() && self.kind.is_none() && self.time.is_none();
        let untouched = untouched && self.host.is_none() && self.timeline.is_none() && self.status.is_none();
        if untouched && labels.is_none() {
            return Ok(None);
        }
        let pick = |changed: &Option<String>, original: &str| changed.as_deref().unwrap_or(original).to_owned().into();
        Ok(Some(Report {
            context: pick(&self.context, &report.context),
            name: pick(&self.name, &report.name),
            host: pick(&self.host, &report.host),
            kind: self.kind.unwrap_or(report.kind),
            time: self.time.unwrap_or(report.time),
            auto_ip: report.auto_ip,
            timeline: match &self.timeline {
                Some(changed) => changed.clone().map(Into::into),
                None => report.timeline.as_deref().map(|name| name.to_owned().into()),
            },
            status: self.status.unwrap_or(report.status),
            labels: labels.unwrap_or_else(|| report.labels.clone().into_owned()),
        }))
    }

    /// All fields as a plain table.
    fn table(&mut self, lua: &Lua) -> mlua::Result<Table> {
        let table = lua.create_table_with_capacity(0, FIELDS.len())?;
        for field in FIELDS {
            table.raw_set(field, self.get(lua, field.as_bytes())?)?;
        }
        Ok(table)
    }
}

impl UserData for Shown {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method_mut(MetaMethod::Index, |lua, shown, field: LuaString| {
            shown.get(lua, &field.as_bytes()).map_err(|error| at_line(lua, error))
        });
        methods.add_meta_method_mut(MetaMethod::NewIndex, |lua, shown, (field, value): (LuaString, Value)| {
            shown.set(lua, &field.as_bytes(), &value).map_err(|error| at_line(lua, error))
        });
        methods.add_meta_method_mut(MetaMethod::Iter, |lua, shown, ()| {
            Ok((lua.globals().get::<mlua::Function>("next")?, shown.table(lua)?))
        });
        methods.add_meta_method(MetaMethod::ToString, |_, shown, ()| {
            let report = shown.report()?;
            Ok(format!("{} {} {}", report.kind.as_str(), report.context, report.name))
        });
    }
}

/// Puts the script's line before an error, as Lua's own errors have it.
fn at_line(lua: &Lua, error: Error) -> Error {
    let position = lua.inspect_stack(1, |frame| {
        let source = frame.source().short_src.map(|source| source.into_owned()).unwrap_or_default();
        frame.current_line().map(|line| format!("{source}:{line}: "))
    });
    let reason = match &error {
        Error::RuntimeError(message) => message.clone(),
        Error::ExternalError(external) => external.to_string(),
        _ => return error,
    };
    Error::runtime(format!("{}{reason}", position.flatten().unwrap_or_default()))
}

fn unknown(field: &[u8]) -> Error {
    let field = String::from_utf8_lossy(&field[..field.len().min(limits::LABEL_KEY)]);
    Error::runtime(format!("a report has no field {field:?}; it has {}", FIELDS.join(", ")))
}

fn text(lua: &Lua, text: &str) -> mlua::Result<Value> {
    Ok(Value::String(lua.create_string(text)?))
}

/// Labels of a report in the making.
pub(super) type OwnedLabels = Labels<'static>;
