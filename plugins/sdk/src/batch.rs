//! Reports and outcomes between the contract, where texts are apart from reports, and what functions see.

use std::borrow::Cow;

use crate::bindings::upto::transform::types::{self, Absent, Changes};
use crate::known::{self, same};
use crate::{Outcome, Report};

/// What reports refer to.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// Their texts.
    pub texts: &'a [String],
    /// Their labels, of texts.
    pub labels: &'a [Vec<(u32, u32)>],
}

impl<'a> Batch<'a> {
    /// The outcomes of reports, as the contract has them.
    pub fn transform(
        self,
        reports: Vec<types::Report>,
        function: impl Fn(Report<'a>) -> Outcome<'a>,
    ) -> Vec<types::Outcome> {
        known::forget();
        let outcome = |given: types::Report| match function(self.report(given)) {
            Outcome::Keep => types::Outcome::Keep,
            Outcome::Drop => types::Outcome::Drop,
            Outcome::Replace(new) => match self.changes(given, new) {
                same if same == unchanged() => types::Outcome::Keep,
                changes => types::Outcome::Change(changes),
            },
            Outcome::Expand(several) => {
                types::Outcome::Expand(several.into_iter().map(|new| self.changes(given, new)).collect())
            }
            Outcome::Fail(reason) => types::Outcome::Fail(reason),
        };
        reports.into_iter().map(outcome).collect()
    }

    fn text(self, index: u32) -> &'a str {
        &self.texts[index as usize]
    }

    fn labels(self, given: types::Report) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> {
        self.labels[given.labels as usize].iter().map(move |(key, value)| (self.text(*key), self.text(*value)))
    }

    fn report(self, given: types::Report) -> Report<'a> {
        let text = |index: u32| Cow::Borrowed(self.text(index));
        Report {
            context: text(given.context),
            name: text(given.name),
            kind: given.kind,
            time: given.time,
            host: text(given.host),
            timeline: given.timeline.map(text),
            status: given.status,
            labels: self.labels(given).map(|(key, value)| (key.into(), value.into())).collect(),
        }
    }

    /// What makes the new report of the given one.
    fn changes(self, given: types::Report, new: Report<'_>) -> Changes {
        let changed = |new: Cow<'_, str>, old: u32| (!same(&new, self.text(old))).then(|| new.into_owned());
        let same_labels = new.labels.len() == self.labels(given).len()
            && new.labels.iter().zip(self.labels(given)).all(|(new, old)| same(&new.0, old.0) && same(&new.1, old.1));
        let absent = |is: bool, field: Absent| if is { field } else { Absent::empty() };
        Changes {
            context: changed(new.context, given.context),
            name: changed(new.name, given.name),
            kind: (new.kind != given.kind).then_some(new.kind),
            time: new.time.filter(|_| new.time != given.time),
            host: changed(new.host, given.host),
            timeline: match (new.timeline, given.timeline) {
                (Some(new), Some(old)) => changed(new, old),
                (Some(new), None) => Some(new.into_owned()),
                (None, Some(_)) => Some(String::new()),
                (None, None) => None,
            },
            status: new.status.filter(|_| new.status != given.status),
            labels: (!same_labels)
                .then(|| new.labels.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()),
            without: absent(new.time.is_none() && given.time.is_some(), Absent::TIME)
                | absent(new.status.is_none() && given.status.is_some(), Absent::STATUS),
        }
    }
}

fn unchanged() -> Changes {
    Changes {
        context: None,
        name: None,
        kind: None,
        time: None,
        host: None,
        timeline: None,
        status: None,
        labels: None,
        without: Absent::empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Status};

    fn made(function: fn(Report<'_>) -> Outcome<'_>) -> types::Outcome {
        let texts = ["", "deploy", "Db.Migrate", "web-1", "k", "v", "blue"].map(str::to_owned);
        let report = types::Report {
            context: 1,
            name: 2,
            kind: Kind::End,
            time: Some(7),
            host: 3,
            timeline: Some(6),
            status: Some(Status::Success),
            labels: 1,
        };
        let batch = Batch { texts: &texts, labels: &[Vec::new(), vec![(4, 5)]] };
        batch.transform(vec![report], function).remove(0)
    }

    #[test]
    fn what_is_the_same_is_kept() {
        fn same(report: Report<'_>) -> Outcome<'_> {
            Outcome::Replace(report)
        }
        fn rewritten(mut report: Report<'_>) -> Outcome<'_> {
            report.name = "Db.Migrate".to_owned().into();
            report.labels = vec![("k".into(), "v".to_owned().into())];
            Outcome::Replace(report)
        }
        assert_eq!(made(same), types::Outcome::Keep);
        assert_eq!(made(rewritten), types::Outcome::Keep);
    }

    #[test]
    fn only_what_was_changed_goes_back() {
        fn lowered(mut report: Report<'_>) -> Outcome<'_> {
            report.name = report.name.to_lowercase().into();
            report.labels.push(("new".into(), report.host.clone()));
            Outcome::Replace(report)
        }
        let labels = [("k", "v"), ("new", "web-1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let wanted = Changes { name: Some("db.migrate".into()), labels: Some(labels.into()), ..unchanged() };
        assert_eq!(made(lowered), types::Outcome::Change(wanted));
    }

    #[test]
    fn fields_can_be_taken_away() {
        fn emptied(report: Report<'_>) -> Outcome<'_> {
            let Report { context, name, kind, .. } = report;
            let (host, labels) = ("".into(), Vec::new());
            Outcome::Expand(vec![Report {
                context,
                name,
                kind,
                time: None,
                host,
                timeline: None,
                status: None,
                labels,
            }])
        }
        let wanted = Changes {
            host: Some(String::new()),
            timeline: Some(String::new()),
            labels: Some(Vec::new()),
            without: Absent::TIME | Absent::STATUS,
            ..unchanged()
        };
        assert_eq!(made(emptied), types::Outcome::Expand(vec![wanted]));
    }
}
