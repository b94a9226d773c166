//! Reports and outcomes between the contract, where texts are apart from reports, and what functions see.

use std::borrow::Cow;

use crate::bindings::upto::transform::types::{self, Absent, Batch, Changes};
use crate::known::{self, same};
use crate::{Kind, Label, Outcome, Report, Status, owned};

/// The outcomes of the reports of a batch, as the contract has them.
pub fn transform(batch: &Batch, function: impl for<'a> Fn(Report<'a>) -> Outcome<'a>) -> Vec<types::Outcome> {
    known::forget();
    let texts = texts(batch);
    let text = |index: &u32| texts[*index as usize];
    let label = |(key, value): &(u32, u32)| (text(key).into(), text(value).into());
    let label_sets: Vec<Vec<Label<'_>>> = batch.label_sets.iter().map(|set| set.iter().map(label).collect()).collect();
    let report = |at: usize| Given {
        context: text(&batch.contexts[at]),
        name: text(&batch.names[at]),
        kind: batch.kinds[at],
        time: Some(batch.times[at]).filter(|time| *time >= 0),
        host: text(&batch.hosts[at]),
        timeline: Some(text(&batch.timelines[at])).filter(|timeline| !timeline.is_empty()),
        status: batch.statuses[at],
        labels: &label_sets[batch.labels[at] as usize],
    };
    (0..batch.names.len()).map(|at| report(at).outcome(&function)).collect()
}

/// The texts of a batch.
fn texts(batch: &Batch) -> Vec<&str> {
    let all = str::from_utf8(&batch.texts).expect("the host's texts are UTF-8");
    batch.offsets.windows(2).map(|offsets| &all[offsets[0] as usize..offsets[1] as usize]).collect()
}

/// A report of a batch.
struct Given<'a> {
    context: &'a str,
    name: &'a str,
    kind: Kind,
    time: Option<i64>,
    host: &'a str,
    timeline: Option<&'a str>,
    status: Option<Status>,
    labels: &'a [Label<'a>],
}

impl<'a> Given<'a> {
    fn outcome(&self, function: impl Fn(Report<'a>) -> Outcome<'a>) -> types::Outcome {
        match function(self.report()) {
            Outcome::Keep => types::Outcome::Keep,
            Outcome::Drop => types::Outcome::Drop,
            Outcome::Replace(new) => match self.changes(new) {
                same if same == unchanged() => types::Outcome::Keep,
                changes => types::Outcome::Change(changes),
            },
            Outcome::Expand(several) => {
                types::Outcome::Expand(several.into_iter().map(|new| self.changes(new)).collect())
            }
            Outcome::Fail(reason) => types::Outcome::Fail(reason),
        }
    }

    fn report(&self) -> Report<'a> {
        Report {
            context: self.context.into(),
            name: self.name.into(),
            kind: self.kind,
            time: self.time,
            host: self.host.into(),
            timeline: self.timeline.map(Into::into),
            status: self.status,
            labels: self.labels.into(),
        }
    }

    /// What makes the new report of the given one.
    fn changes(&self, new: Report<'_>) -> Changes {
        let changed = |new: Cow<'_, str>, old: &str| (!same(&new, old)).then(|| new.into_owned());
        let same_labels = std::ptr::eq(&*new.labels, self.labels) || *new.labels == *self.labels;
        let absent = |is: bool, field: Absent| if is { field } else { Absent::empty() };
        Changes {
            context: changed(new.context, self.context),
            name: changed(new.name, self.name),
            kind: (new.kind != self.kind).then_some(new.kind),
            time: new.time.filter(|_| new.time != self.time),
            host: changed(new.host, self.host),
            timeline: match (new.timeline, self.timeline) {
                (Some(new), Some(old)) => changed(new, old),
                (Some(new), None) => Some(new.into_owned()),
                (None, Some(_)) => Some(String::new()),
                (None, None) => None,
            },
            status: new.status.filter(|_| new.status != self.status),
            labels: (!same_labels).then(|| owned(new.labels)),
            without: absent(new.time.is_none() && self.time.is_some(), Absent::TIME)
                | absent(new.status.is_none() && self.status.is_some(), Absent::STATUS),
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

    fn made(function: fn(Report<'_>) -> Outcome<'_>) -> types::Outcome {
        transform(&batch(), function).remove(0)
    }

    fn batch() -> Batch {
        Batch {
            texts: b"deployDb.Migrateweb-1kvblue".to_vec(),
            offsets: vec![0, 0, 6, 16, 21, 22, 23, 27],
            label_sets: vec![Vec::new(), vec![(4, 5)]],
            contexts: vec![1],
            names: vec![2],
            kinds: vec![Kind::End],
            times: vec![7],
            hosts: vec![3],
            timelines: vec![6],
            statuses: vec![Some(Status::Success)],
            labels: vec![1],
        }
    }

    #[test]
    fn what_a_report_lacks_is_none() {
        fn is_bare(report: Report<'_>) -> Outcome<'_> {
            let Report { name, time, timeline, status, labels, .. } = report;
            assert_eq!((&*name, time, timeline, status, labels.len()), ("Db.Migrate", None, None, None, 0));
            Outcome::Keep
        }
        let bare = Batch { times: vec![-1], timelines: vec![0], statuses: vec![None], labels: vec![0], ..batch() };
        assert_eq!(transform(&bare, is_bare), [types::Outcome::Keep]);
    }

    #[test]
    #[should_panic(expected = "UTF-8")]
    fn what_is_no_text_is_not_taken_for_one() {
        fn kept(_: Report<'_>) -> Outcome<'_> {
            Outcome::Keep
        }
        transform(&Batch { texts: vec![0xff; 27], ..batch() }, kept);
    }

    #[test]
    fn what_is_the_same_is_kept() {
        fn same(report: Report<'_>) -> Outcome<'_> {
            Outcome::Replace(report)
        }
        fn rewritten(mut report: Report<'_>) -> Outcome<'_> {
            report.name = "Db.Migrate".to_owned().into();
            report.labels = vec![("k".into(), "v".to_owned().into())].into();
            Outcome::Replace(report)
        }
        assert_eq!(made(same), types::Outcome::Keep);
        assert_eq!(made(rewritten), types::Outcome::Keep);
    }

    #[test]
    fn only_what_was_changed_goes_back() {
        fn lowered(mut report: Report<'_>) -> Outcome<'_> {
            report.name = report.name.to_lowercase().into();
            report.labels.to_mut().push(("new".into(), report.host.clone()));
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
            let (host, labels) = ("".into(), Cow::default());
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
