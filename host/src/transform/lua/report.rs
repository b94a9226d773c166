//! The report as scripts see it: a value whose fields cross into Lua only when they are read, so that a report costs
//! what the script looks at and not what it carries.

use std::os::raw::c_int;
use std::ptr::NonNull;

use upto_wire::{Labels, Report, Status, limits};

use super::output::{self, BadOutput};
use super::stack::{Slot, Stack};
use crate::transform::Changes;

/// The fields, as they are named in Lua, in the order in which a loop sees them.
pub(super) const FIELDS: [&str; 8] = ["context", "name", "type", "time", "host", "timeline", "status", "labels"];

/// A field of a report.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    Context,
    Name,
    Kind,
    Time,
    Host,
    Timeline,
    Status,
    Labels,
}

impl Field {
    /// All, in the order of [`FIELDS`].
    const ALL: [Field; FIELDS.len()] = [
        Field::Context,
        Field::Name,
        Field::Kind,
        Field::Time,
        Field::Host,
        Field::Timeline,
        Field::Status,
        Field::Labels,
    ];

    /// The field whose name has this atom, which is its index in [`FIELDS`].
    pub(super) fn of(atom: c_int) -> Option<Field> {
        Field::ALL.get(usize::try_from(atom).ok()?).copied()
    }

    /// The field of this name. A few names had no atom when Luau's own code was loaded, and so have none for good.
    pub(super) fn named(name: &Slot<'_>) -> Option<Field> {
        let Slot::Text(name) = name else { return None };
        FIELDS.iter().position(|field| field.as_bytes() == *name).map(|at| Field::ALL[at])
    }

    pub(super) fn unknown(name: &Slot<'_>) -> BadOutput {
        let name = match name {
            Slot::Text(name) => format!("{:?}", String::from_utf8_lossy(&name[..name.len().min(limits::LABEL_KEY)])),
            other => format!("that is a {}", other.type_name()),
        };
        BadOutput(format!("a report has no field {name}; it has {}", FIELDS.join(", ")))
    }
}

/// The report that is shown and what the script set.
#[derive(Default)]
pub(super) struct Shown {
    /// What `Running` shows lives until it shows another or nothing; its lifetimes are erased.
    report: Option<NonNull<Report<'static>>>,
    /// All but the labels.
    changes: Changes,
    /// Whether the script has seen or set a table of labels. It is kept by the stack.
    labels: bool,
}

impl Shown {
    /// Shows a report, without changes.
    pub(super) fn show(&mut self, report: &Report<'_>) {
        *self = Shown { report: Some(NonNull::from(report).cast()), ..Shown::default() };
    }

    /// The report as the function was given it.
    pub(super) fn report<'r>(&self) -> Result<&'r Report<'r>, BadOutput> {
        match self.report {
            // SAFETY: `Running` shows what lives until the call of the script is over, and no borrow outlives the native
            // function that asked for it.
            Some(report) => Ok(unsafe { report.as_ref() }),
            None => Err(BadOutput("a report can't be used after its call of transform".into())),
        }
    }

    /// Pushes the value of a field.
    pub(super) fn get(&mut self, stack: &mut Stack, field: Field) -> Result<(), BadOutput> {
        let (report, changes) = (self.report()?, &self.changes);
        match field {
            Field::Context => stack.push_text(changes.context.as_deref().unwrap_or(&report.context)),
            Field::Name => stack.push_text(changes.name.as_deref().unwrap_or(&report.name)),
            Field::Host => stack.push_text(changes.host.as_deref().unwrap_or(&report.host)),
            Field::Kind => stack.push_text(changes.kind.unwrap_or(report.kind).as_str()),
            Field::Timeline => {
                stack.push_optional(changes.timeline.as_ref().map_or(report.timeline.as_deref(), Option::as_deref));
            }
            Field::Status => stack.push_optional(changes.status.unwrap_or(report.status).map(Status::as_str)),
            Field::Time => match changes.time.unwrap_or(report.time) {
                Some(time) => stack.push_number(time.micros() as f64),
                None => stack.push_nil(),
            },
            Field::Labels if self.labels => stack.push_kept(),
            Field::Labels => {
                stack.push_table(report.labels.iter());
                stack.keep(-1);
                self.labels = true;
            }
        }
        Ok(())
    }

    /// Sets a field to the value at an index.
    pub(super) fn set(&mut self, stack: &mut Stack, field: Field, index: c_int) -> Result<(), BadOutput> {
        let (report, changes) = (self.report()?, &mut self.changes);
        let value = stack.value(index);
        let changed = |new: &str, old: &str| (new != old).then(|| new.to_owned());
        match field {
            Field::Context => changes.context = changed(output::text("context", &value)?, &report.context),
            Field::Name => changes.name = changed(output::text("name", &value)?, &report.name),
            Field::Host => {
                changes.host = changed(output::optional_text("host", &value)?.unwrap_or_default(), &report.host);
            }
            Field::Kind => changes.kind = Some(output::kind(&value)?),
            Field::Time => changes.time = Some(output::time(&value)?),
            Field::Timeline => {
                let timeline = output::optional_text("timeline", &value)?;
                changes.timeline = (timeline != report.timeline.as_deref()).then(|| timeline.map(str::to_owned));
            }
            Field::Status => changes.status = Some(output::status(&value)?),
            Field::Labels => {
                match value {
                    Slot::Table => stack.keep(index),
                    Slot::Nil => {
                        stack.push_table([].into_iter());
                        stack.keep(-1);
                    }
                    other => return Err(BadOutput::wrong("labels", "a table of text", &other)),
                }
                self.labels = true;
            }
        }
        Ok(())
    }

    /// What the script changed so far. It is taken out.
    pub(super) fn take_changes(&mut self, stack: &mut Stack) -> Result<Changes, BadOutput> {
        let labels = self.labels(stack)?;
        Ok(Changes { labels, ..std::mem::take(&mut self.changes) })
    }

    /// The report with the script's changes.
    pub(super) fn current(&self, stack: &mut Stack) -> Result<Report<'static>, BadOutput> {
        let changes = Changes { labels: self.labels(stack)?, ..self.changes.clone() };
        Ok(changes.apply(self.report()?.clone()).into_owned())
    }

    /// The labels, where the script changed them.
    fn labels(&self, stack: &mut Stack) -> Result<Option<Labels<'static>>, BadOutput> {
        if !self.labels {
            return Ok(None);
        }
        let report = self.report()?;
        stack.push_kept();
        let labels = output::labels(stack, stack.top())?;
        stack.truncate(stack.top() - 1);
        Ok(Some(labels).filter(|labels| *labels != report.labels))
    }
}
