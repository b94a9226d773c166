//! What a function changed in a report: only what differs goes from the function into the report, so that a change costs
//! what it changes and not what the report carries.

use std::borrow::Cow;

use upto_wire::{Kind, Labels, Report, Status, Time, WireError};

use super::Outcome;

/// Changes to one report: `Some` is a field's new value. Those within an [`Outcome`] differ from what the report had, so
/// that equal changes are equal results.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// [`Report::context`].
    pub context: Option<String>,
    /// [`Report::name`].
    pub name: Option<String>,
    /// [`Report::kind`].
    pub kind: Option<Kind>,
    /// [`Report::time`].
    pub time: Option<Option<Time>>,
    /// [`Report::host`].
    pub host: Option<String>,
    /// [`Report::timeline`].
    pub timeline: Option<Option<String>>,
    /// [`Report::status`].
    pub status: Option<Option<Status>>,
    /// [`Report::labels`].
    pub labels: Option<Labels<'static>>,
}

impl Changes {
    /// Those that make a report of another one. Whether the server fills the host is never changed.
    pub fn to(new: Report<'static>) -> Self {
        Changes {
            context: Some(new.context.into_owned()),
            name: Some(new.name.into_owned()),
            kind: Some(new.kind),
            time: Some(new.time),
            host: Some(new.host.into_owned()),
            timeline: Some(new.timeline.map(Cow::into_owned)),
            status: Some(new.status),
            labels: Some(new.labels),
        }
    }

    /// The outcome for a report that is as [`Report::check`] leaves it.
    ///
    /// # Errors
    /// Why it is no report any more once it is changed.
    pub fn outcome(mut self, original: &Report<'_>) -> Result<Outcome, WireError> {
        if self.is_empty() {
            return Ok(Outcome::Keep);
        }
        self.check(original)?;
        self.context.take_if(|new| **new == *original.context);
        self.name.take_if(|new| **new == *original.name);
        self.kind.take_if(|new| *new == original.kind);
        self.time.take_if(|new| *new == original.time);
        self.host.take_if(|new| **new == *original.host);
        self.timeline.take_if(|new| new.as_deref() == original.timeline.as_deref());
        self.status.take_if(|new| *new == original.status);
        self.labels.take_if(|new| *new == original.labels);
        Ok(if self.is_empty() { Outcome::Keep } else { Outcome::Change(Box::new(self)) })
    }

    /// The report with the changes.
    pub fn apply<'a>(self, mut report: Report<'a>) -> Report<'a> {
        fn set<T>(field: &mut T, new: Option<impl Into<T>>) {
            if let Some(new) = new {
                *field = new.into();
            }
        }
        set(&mut report.context, self.context);
        set(&mut report.name, self.name);
        set(&mut report.kind, self.kind);
        set(&mut report.time, self.time);
        set(&mut report.host, self.host);
        set(&mut report.timeline, self.timeline.map(|new| new.map(Cow::Owned)));
        set(&mut report.status, self.status);
        set(&mut report.labels, self.labels);
        report
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Changes::default()
    }

    /// Checks the report as it is with the changes, and brings these into normal form. What stays was checked when the
    /// report was taken in, so that it stands here as something short; but for the name, which must fit a new kind.
    fn check(&mut self, original: &Report<'_>) -> Result<(), WireError> {
        const FINE: &str = "-";
        let name = if self.kind.is_some() { &*original.name } else { FINE };
        let timeline = self.timeline.as_ref().and_then(Option::as_deref);
        let new_labels = self.labels.is_some();
        let mut changed = Report {
            context: self.context.as_deref().unwrap_or(FINE).into(),
            name: self.name.as_deref().unwrap_or(name).into(),
            kind: self.kind.unwrap_or(original.kind),
            time: None,
            host: self.host.as_deref().unwrap_or_default().into(),
            auto_ip: false,
            timeline: timeline.map(Cow::Borrowed),
            status: self.status.unwrap_or(original.status),
            labels: self.labels.take().unwrap_or_default(),
        };
        changed.check()?;
        let Report { name, timeline, labels, .. } = changed;
        let labels = new_labels.then(|| labels.into_owned());
        let is_named = timeline.is_some();
        let normal = if let Cow::Owned(name) = name { Some(name) } else { None };
        self.timeline = self.timeline.take().map(|new| new.filter(|_| is_named));
        self.name = normal.or(self.name.take());
        self.labels = labels;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original() -> Report<'static> {
        let mut report = Report::new(Kind::End, "deploy", "db.migrate");
        (report.host, report.auto_ip, report.status) = ("web-1".into(), true, Some(Status::Success));
        (report.time, report.timeline) = (Some(Time::from_micros(7)), Some("blue".into()));
        report.labels.set("branch", "main");
        report
    }

    #[test]
    fn what_is_as_it_was_is_no_change() {
        assert_eq!(Changes::default().outcome(&original()), Ok(Outcome::Keep));
        assert_eq!(Changes::to(original()).outcome(&original()), Ok(Outcome::Keep));
        let long = Changes { name: Some(".db..migrate.".into()), ..Changes::default() };
        assert_eq!(long.outcome(&original()), Ok(Outcome::Keep), "in normal form it is the same name");
        let same = Changes { host: Some("web-2".into()), kind: Some(Kind::End), ..Changes::default() };
        let wanted = Changes { host: Some("web-2".into()), ..Changes::default() };
        assert_eq!(same.outcome(&original()), Ok(Outcome::Change(Box::new(wanted))));
    }

    #[test]
    fn a_changed_report_is_what_the_function_made() {
        let mut new = Report::new(Kind::Point, "build", "test.unit");
        (new.auto_ip, new.status) = (true, Some(Status::Error));
        new.labels.set("try", "2");
        let Ok(Outcome::Change(changes)) = Changes::to(new.clone()).outcome(&original()) else { panic!() };
        assert_eq!(changes.apply(original()), new);
        let unnamed = Changes { timeline: Some(Some(String::new())), ..Changes::default() };
        let Ok(Outcome::Change(changes)) = unnamed.outcome(&original()) else { panic!() };
        assert_eq!(changes.apply(original()), Report { timeline: None, ..original() });
    }

    #[test]
    fn rules_between_changed_and_unchanged_fields_hold() {
        let start = Changes { kind: Some(Kind::Start), ..Changes::default() };
        assert!(start.outcome(&original()).is_err(), "a start has no status");
        let bare = Changes { kind: Some(Kind::Start), status: Some(None), ..Changes::default() };
        assert!(bare.outcome(&original()).is_ok());
        let unnamed = Report { name: "".into(), kind: Kind::New, status: None, ..original() };
        let kind = |kind| Changes { kind: Some(kind), ..Changes::default() };
        assert!(kind(Kind::Point).outcome(&unnamed).is_err(), "only what begins a timeline has no name");
        let nameless = Changes { name: Some("..".into()), ..Changes::default() };
        assert!(nameless.outcome(&original()).is_err());
        let labels = Labels::from_iter([("", "x")]);
        assert!(Changes { labels: Some(labels), ..Changes::default() }.outcome(&original()).is_err());
    }
}
