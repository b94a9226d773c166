use super::*;
use crate::transform::{Failure, FailureCause, budget};

/// A function made of a closure.
struct Native<F>(&'static str, F);

impl<F: Fn(&Report<'_>) -> Outcome + Clone + Send + Sync + 'static> Program for Native<F> {
    fn name(&self) -> &str {
        self.0
    }

    fn instantiate(&self) -> Result<Box<dyn Function>, Failure> {
        Ok(Box::new(NativeFunction(self.1.clone())))
    }
}

struct NativeFunction<F>(F);

impl<F: Fn(&Report<'_>) -> Outcome + Send> Function for NativeFunction<F> {
    fn transform(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        assert!(reports.len() <= budget::BATCH);
        outcomes.extend(reports.iter().map(&self.0));
    }
}

fn native(name: &'static str, f: impl Fn(&Report<'_>) -> Outcome + Clone + Send + Sync + 'static) -> Arc<dyn Program> {
    Arc::new(Native(name, f))
}

fn renamed(report: &Report<'_>, name: String) -> Report<'static> {
    let mut new = report.clone().into_owned();
    new.name = name.into();
    new
}

fn append(name: &'static str, letter: char) -> Arc<dyn Program> {
    native(name, move |report| Outcome::Replace(Box::new(renamed(report, format!("{}{letter}", report.name)))))
}

fn fail(cause: FailureCause) -> Outcome {
    Outcome::Fail(Failure { cause, message: "no".into() })
}

fn names(reports: &[Report<'_>]) -> Vec<String> {
    reports.iter().map(|report| report.name.to_string()).collect()
}

#[test]
fn reports_pass_all_functions_in_order_and_keep_their_own() {
    let programs: Programs = [append("a", 'a'), append("b", 'b')].into();
    let stats = Stats::default();
    let mut chain = Chain::new(&programs, &stats);
    let texts: Vec<String> = (0..700).map(|i| format!("n{i}")).collect();
    let mut reports: Vec<_> = texts.iter().map(|name| report(name)).collect();
    assert_eq!(chain.apply(&mut reports), Counts::default());
    assert_eq!(names(&reports), texts.iter().map(|name| format!("{name}ab")).collect::<Vec<_>>());
    assert_eq!(stats.snapshot().iter().map(|s| s.changed).collect::<Vec<_>>(), [700, 700]);
}

#[test]
fn each_outcome_is_accounted_for() {
    let by_name = native("mixed", |report| match &*report.name {
        "drop" => Outcome::Drop,
        "change" => Outcome::Replace(Box::new(renamed(report, "changed".into()))),
        "three" => Outcome::Expand((0..3).map(|i| renamed(report, format!("three{i}"))).collect()),
        "none" => Outcome::Expand(Vec::new()),
        "fail" => fail(FailureCause::Error),
        "late" => fail(FailureCause::Time),
        _ => Outcome::Keep,
    });
    let stats = Stats::default();
    let mut chain = Chain::new(&[by_name].into(), &stats);
    let mut reports: Vec<_> = ["keep", "drop", "change", "three", "none", "fail", "late", "keep"].map(report).into();
    let before = reports.len();
    let counts = chain.apply(&mut reports);
    assert_eq!(names(&reports), ["keep", "changed", "three0", "three1", "three2", "fail", "late", "keep"]);
    assert_eq!(counts, Counts { dropped: 2, added: 2 });
    assert_eq!(before - counts.dropped + counts.added, reports.len());
    let s = &stats.snapshot()[0];
    assert_eq!((s.received, s.kept, s.changed, s.dropped, s.expanded, s.made, s.skipped), (8, 2, 1, 2, 1, 3, 0));
    assert_eq!(s.failed, [1, 1, 0, 0]);
    assert_eq!(s.received, s.kept + s.changed + s.dropped + s.expanded + s.failed.iter().sum::<u64>());
    assert_eq!(s.last_error.as_ref().unwrap().failure.message, "no");
}

#[test]
fn functions_can_not_multiply_without_end() {
    let double =
        |name| native(name, |report| Outcome::Expand(vec![report.clone().into_owned(); budget::OUTPUT_REPORTS]));
    let stats = Stats::default();
    let mut chain = Chain::new(&[double("a"), double("b")].into(), &stats);
    let mut reports = vec![report("x")];
    assert_eq!(chain.apply(&mut reports), Counts { dropped: 0, added: 99 });
    assert_eq!(reports.len(), 100);
    assert_eq!(stats.snapshot()[1].failed, [0, 0, 0, 100]);
}

#[test]
fn a_function_that_hangs_again_and_again_rests_and_counts_outlive_the_chain() {
    let stats = Stats::default();
    let programs: Programs = [native("slow", |_| fail(FailureCause::Time))].into();
    let mut chain = Chain::new(&programs, &stats);
    for _ in 0..7 {
        assert_eq!(chain.apply(&mut vec![report("x")]), Counts::default());
    }
    let s = stats.snapshot().remove(0);
    assert_eq!((s.received, s.failed[1], s.skipped), (7, 5, 2));
    Chain::new(&programs, &stats).apply(&mut vec![report("x")]);
    assert_eq!(stats.snapshot()[0].received, 8);
}
