use super::*;
use crate::transform::canary::Canary;
use crate::transform::{Applied, Failure, FailureCause, budget};

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

fn rename(report: &Report<'_>, name: String) -> Outcome {
    Changes::to(renamed(report, name)).outcome(report).unwrap()
}

fn append(name: &'static str, letter: char) -> Arc<dyn Program> {
    native(name, move |report| rename(report, format!("{}{letter}", report.name)))
}

fn fail(cause: FailureCause) -> Outcome {
    Outcome::Fail(Failure { cause, message: "no".into() })
}

fn names(reports: &[Report<'_>]) -> Vec<String> {
    reports.iter().map(|report| report.name.to_string()).collect()
}

/// What a chain makes of reports of these names.
fn apply<'a>(chain: &mut Chain, names: impl IntoIterator<Item = &'a str>) -> Applied<'a> {
    chain.apply(names.into_iter().map(report).collect())
}

/// A function under settings of its own.
fn with_settings(program: Arc<dyn Program>, settings: &str, stats: &Stats) -> Live {
    let settings = Settings::parse(program.name(), settings).unwrap();
    Version::new(1, program, settings, stats).into()
}

#[test]
fn reports_pass_all_functions_in_order_and_keep_their_own() {
    let stats = Stats::default();
    let mut chain = Chain::new(&live(&[append("b", 'b'), append("10-c", 'c'), append("a", 'a')], &stats));
    let texts: Vec<String> = (0..700).map(|i| format!("n{i}")).collect();
    let applied = apply(&mut chain, texts.iter().map(String::as_str));
    assert_eq!(applied.counts, Counts::default());
    assert_eq!(names(&applied.reports), texts.iter().map(|name| format!("{name}cab")).collect::<Vec<_>>());
    assert!(stats.snapshot().iter().all(|s| s.changed == 700));
}

#[test]
fn each_outcome_is_accounted_for() {
    let by_name = native("mixed", |report| match &*report.name {
        "drop" => Outcome::Drop,
        "change" => rename(report, "changed".into()),
        "three" => Outcome::Expand((0..3).map(|i| renamed(report, format!("three{i}"))).collect()),
        "none" => Outcome::Expand(Vec::new()),
        "fail" => fail(FailureCause::Error),
        "late" => fail(FailureCause::Time),
        _ => Outcome::Keep,
    });
    let stats = Stats::default();
    let mut chain = Chain::new(&live(&[by_name], &stats));
    let given = ["keep", "drop", "change", "three", "none", "fail", "late", "keep"];
    let applied = apply(&mut chain, given);
    assert_eq!(names(&applied.reports), ["keep", "changed", "three0", "three1", "three2", "fail", "late", "keep"]);
    assert_eq!(applied.counts, Counts { dropped: 2, added: 2 });
    assert_eq!(given.len() - applied.counts.dropped + applied.counts.added, applied.reports.len());
    let changed: Vec<_> = applied.changed_by.iter().map(|by| chain.names(*by).as_str() == "mixed").collect();
    assert_eq!(changed, [false, true, true, true, true, false, false, false]);
    let s = &stats.snapshot()[0];
    assert_eq!((s.received, s.kept, s.changed, s.dropped, s.expanded, s.made, s.skipped), (8, 2, 1, 2, 1, 3, 0));
    assert_eq!(s.failed, [1, 1, 0, 0]);
    assert_eq!(s.received, s.kept + s.changed + s.dropped + s.expanded + s.failed.iter().sum::<u64>());
    let error = s.last_error.as_ref().unwrap();
    assert_eq!((error.failure.message.as_str(), &*error.report.as_ref().unwrap().name), ("no", "late"));
}

#[test]
fn functions_can_not_multiply_without_end() {
    let double =
        |name| native(name, |report| Outcome::Expand(vec![report.clone().into_owned(); budget::OUTPUT_REPORTS]));
    let stats = Stats::default();
    let mut chain = Chain::new(&live(&[double("a"), double("b")], &stats));
    let applied = apply(&mut chain, ["x"]);
    assert_eq!(applied.counts, Counts { dropped: 0, added: 99 });
    assert_eq!(applied.reports.len(), 100);
    assert_eq!(stats.snapshot()[1].failed, [0, 0, 0, 100]);
}

#[test]
fn a_function_that_hangs_again_and_again_rests_and_counts_outlive_the_chain() {
    let stats = Stats::default();
    let set = live(&[native("slow", |_| fail(FailureCause::Time))], &stats);
    let mut chain = Chain::new(&set);
    for _ in 0..7 {
        assert_eq!(names(&apply(&mut chain, ["x"]).reports), ["x"]);
    }
    let s = stats.snapshot().remove(0);
    assert_eq!((s.received, s.failed[1], s.skipped, s.resting), (7, 5, 2, true));
    apply(&mut Chain::new(&set), ["x"]);
    assert_eq!(stats.snapshot()[0].received, 8);
}

#[test]
fn a_function_that_fails_on_every_report_rests_and_one_that_fails_on_most_does_not() {
    let stats = Stats::default();
    let picky =
        native("picky", |report| if *report.name == *"good" { Outcome::Keep } else { fail(FailureCause::Error) });
    let set = live(&[picky], &stats);
    let mut chain = Chain::new(&set);
    for _ in 0..10 {
        apply(&mut chain, ["bad"; 60].into_iter().chain(["good"]));
    }
    assert!(!stats.snapshot()[0].resting);
    apply(&mut chain, ["bad"; 99]);
    assert!(!stats.snapshot()[0].resting);
    apply(&mut chain, ["bad"]);
    assert!(stats.snapshot()[0].resting);
    apply(&mut chain, ["good"]);
    assert_eq!(stats.snapshot()[0].skipped, 1);
}

#[test]
fn a_rest_begins_within_a_chunk_and_ends_with_the_version() {
    let stats = Stats::default();
    let slow = native("slow", |_| fail(FailureCause::Time));
    let set = live(std::slice::from_ref(&slow), &stats);
    let applied = apply(&mut Chain::new(&set), ["x"; 2_000]);
    assert_eq!(applied.reports.len(), 2_000, "what it does not see goes on unchanged");
    let s = stats.snapshot().remove(0);
    assert_eq!((s.received, s.failed[1], s.skipped, s.resting), (2_000, 256, 1_744, true));
    live(&[slow], &stats);
    assert!(!stats.snapshot()[0].resting, "it is loaded anew");
}

#[test]
fn what_is_judged_is_the_last_minute() {
    let stats = Stats::default();
    let picky = native("f", |report| if *report.name == *"bad" { fail(FailureCause::Error) } else { Outcome::Keep });
    let canary = trial(r#"{"version": 2, "max_error_rate": 0.1}"#, picky, &stats);
    let set = Live { canary: Some(canary.clone()), ..with_settings(append("f", 'a'), "{}", &stats) };
    let mut chain = Chain::new(&[set].into());
    let version = &canary.version;
    let start = Instant::now();
    apply(&mut chain, ["good"; 10_000]);
    for second in 0..100 {
        version.stats.mark(start + Duration::from_secs(second));
    }
    apply(&mut chain, ["bad"; 60]);
    assert_eq!(version.stats.lately(), (60, 60));
    assert!(canary.fault().is_some(), "a good past does not outweigh it");
}

#[test]
fn where_few_reports_come_all_of_the_trial_are_judged() {
    let stats = Stats::default();
    let failing = native("f", |_| fail(FailureCause::Error));
    let canary = trial(r#"{"version": 2}"#, failing, &stats);
    let set = Live { canary: Some(canary.clone()), ..with_settings(append("f", 'a'), "{}", &stats) };
    let mut chain = Chain::new(&[set].into());
    let start = Instant::now();
    for minute in 0..4 {
        assert_eq!(canary.fault(), None, "{minute}");
        apply(&mut chain, ["x"; 15]);
        canary.version.stats.mark(start + Duration::from_secs(60 * minute));
    }
    assert!(canary.version.stats.lately().1 < 50);
    assert!(canary.fault().is_some_and(|fault| fault.starts_with("60 of 60 reports failed")));
}

#[test]
fn a_shadow_sees_the_contexts_that_it_names() {
    let stats = Stats::default();
    let settings = Settings::parse("f", r#"{"contexts": ["build"]}"#).unwrap();
    let version = Version::new(2, append("f", 'c'), settings, &stats);
    let canary = Canary::new(version, serde_json::from_str(r#"{"version": 2, "shadow": true}"#).unwrap());
    let comparison = canary.comparison.clone();
    let set = Live { canary: Some(canary), ..with_settings(append("f", 'a'), "{}", &stats) };
    let mut build = report("build");
    build.context = "build".into();
    let mut chain = Chain::new(&[set].into());
    assert_eq!(names(&chain.apply(vec![report("deploy"), build]).reports), ["deploya", "builda"]);
    let (same, different, difference) = comparison.snapshot();
    assert_eq!((same, different, &*difference.unwrap().before.name), (0, 1, "build"));
}

#[test]
fn a_canary_sees_the_contexts_that_it_names() {
    let stats = Stats::default();
    let settings = Settings::parse("f", r#"{"contexts": ["build"]}"#).unwrap();
    let version = Version::new(2, append("f", 'c'), settings, &stats);
    let canary = Canary::new(version, serde_json::from_str(r#"{"version": 2}"#).unwrap());
    let set = Live { canary: Some(canary), ..with_settings(append("f", 'a'), r#"{"contexts": ["deploy"]}"#, &stats) };
    let mut chain = Chain::new(&[set].into());
    assert_eq!(names(&apply(&mut chain, ["x"]).reports), ["x"], "its context is deploy");
    let mut build = report("x");
    build.context = "build".into();
    assert_eq!(names(&chain.apply(vec![build]).reports), ["xc"], "the active version does not see it");
}

#[test]
fn a_function_sees_the_contexts_that_it_names() {
    let stats = Stats::default();
    let set = [with_settings(append("a", 'a'), r#"{"contexts": ["deploy-*"]}"#, &stats)];
    let mut chain = Chain::new(&in_order(set.into()).0);
    let contexts = ["deploy-x", "build", "deploy-y", "build"];
    let reports = contexts.iter().enumerate().map(|(at, context)| {
        let mut report = report(["0", "1", "2", "3"][at]);
        report.context = (*context).into();
        report
    });
    let applied = chain.apply(reports.collect());
    assert_eq!(names(&applied.reports), ["0a", "1", "2a", "3"]);
    assert_eq!(changed_by(&mut chain, &applied), ["a@1", "", "a@1", ""]);
    assert_eq!(stats.snapshot()[0].received, 2);
}

/// Which functions changed each report.
fn changed_by(chain: &mut Chain, applied: &Applied<'_>) -> Vec<String> {
    applied.changed_by.iter().map(|by| chain.names(*by).as_str().to_owned()).collect()
}

#[test]
fn the_settings_say_what_becomes_of_failures() {
    let stats = Stats::default();
    let failing =
        |name| native(name, |report| if *report.name == *"bad" { fail(FailureCause::Error) } else { Outcome::Keep });
    for (policy, left, dropped, dead) in
        [("pass", vec!["a", "bad", "b"], 0, 0), ("drop", vec!["a", "b"], 1, 0), ("dead-letter", vec!["a", "b"], 0, 1)]
    {
        let set = [with_settings(failing("picky"), &format!(r#"{{"on_error": "{policy}"}}"#), &stats)];
        let applied = apply(&mut Chain::new(&in_order(set.into()).0), ["a", "bad", "b"]);
        assert_eq!(names(&applied.reports), left, "{policy}");
        assert_eq!((applied.counts.dropped, applied.dead.len()), (dropped, dead), "{policy}");
        for letter in applied.dead {
            assert_eq!((letter.function.as_str(), letter.version, &*letter.report.name), ("picky", 1, "bad"));
            assert_eq!(letter.failure.cause, FailureCause::Error);
        }
    }
}

#[test]
fn they_say_as_well_what_becomes_of_those_that_come_while_it_rests() {
    for (policy, left, dropped, dead) in [("pass", 1, 0, 0), ("drop", 0, 1, 0), ("dead-letter", 0, 0, 1)] {
        let stats = Stats::default();
        let settings = format!(r#"{{"on_error": "{policy}"}}"#);
        let slow = with_settings(native("slow", |_| fail(FailureCause::Time)), &settings, &stats);
        let mut chain = Chain::new(&[slow].into());
        (0..5).for_each(|_| drop(apply(&mut chain, ["x"])));
        let applied = apply(&mut chain, ["while it rests"]);
        assert_eq!(stats.snapshot()[0].skipped, 1, "{policy}");
        assert_eq!(
            (applied.reports.len(), applied.counts.dropped, applied.dead.len()),
            (left, dropped, dead),
            "{policy}"
        );
    }
}

#[test]
fn reports_that_come_back_go_on_where_they_left() {
    let stats = Stats::default();
    let mut chain = Chain::new(&live(&[append("10-a", 'a'), append("20-b", 'b'), append("30-c", 'c')], &stats));
    assert_eq!(names(&chain.resume((20, "20-b"), vec![report("x")]).reports), ["xbc"]);
    assert_eq!(names(&chain.resume((25, "gone"), vec![report("x")]).reports), ["xc"]);
    assert_eq!(names(&chain.resume((99, "z"), vec![report("x")]).reports), ["x"]);
}

fn trial(plan: &str, candidate: Arc<dyn Program>, stats: &Stats) -> Canary {
    Canary::new(Version::new(2, candidate, Settings::default(), stats), serde_json::from_str(plan).unwrap())
}

#[test]
fn a_canary_has_its_share_and_the_order_stays() {
    let stats = Stats::default();
    let canary = trial(r#"{"version": 2, "share": 0.5, "by": "host"}"#, append("f", 'c'), &stats);
    let set = Live { canary: Some(canary), ..with_settings(append("f", 'a'), "{}", &stats) };
    let mut chain = Chain::new(&[set].into());
    let hosts: Vec<String> = (0..200).map(|i| format!("web-{i}")).collect();
    let reports = hosts.iter().map(|host| {
        let mut report = report(host);
        report.host = host.as_str().into();
        report
    });
    let applied = chain.apply(reports.collect());
    let by_canary = names(&applied.reports).iter().filter(|name| name.ends_with('c')).count();
    assert!((60..140).contains(&by_canary), "{by_canary}");
    for ((report, by), host) in applied.reports.iter().zip(&applied.changed_by).zip(&hosts) {
        let (letter, label) = if report.name.ends_with('c') { ('c', "f@2") } else { ('a', "f@1") };
        assert_eq!((&*report.name, chain.names(*by).as_str()), (format!("{host}{letter}").as_str(), label));
    }
    let counts: Vec<_> = stats.snapshot().iter().map(|s| s.changed).collect();
    assert_eq!(counts, [200 - by_canary as u64, by_canary as u64]);
}

#[test]
fn a_shadow_is_compared_and_changes_nothing() {
    let stats = Stats::default();
    let candidate = native("f", |report| match &*report.name {
        "same" => rename(report, "samea".into()),
        _ => Outcome::Drop,
    });
    let canary = trial(r#"{"version": 2, "shadow": true}"#, candidate, &stats);
    let comparison = canary.comparison.clone();
    let set = Live { canary: Some(canary), ..with_settings(append("f", 'a'), "{}", &stats) };
    let mut chain = Chain::new(&[set].into());
    let applied = apply(&mut chain, ["same", "other", "same"]);
    assert_eq!(names(&applied.reports), ["samea", "othera", "samea"]);
    assert_eq!(changed_by(&mut chain, &applied), ["f@1"; 3]);
    let (same, different, difference) = comparison.snapshot();
    assert_eq!((same, different), (2, 1));
    let difference = difference.unwrap();
    assert_eq!((&*difference.before.name, difference.canary), ("other", Outcome::Drop));
}

#[test]
fn a_canary_is_at_fault_once_enough_of_its_reports_failed() {
    let stats = Stats::default();
    let candidate =
        native("f", |report| if *report.name == *"bad" { fail(FailureCause::Error) } else { Outcome::Keep });
    let canary = trial(r#"{"version": 2, "max_error_rate": 0.1}"#, candidate, &stats);
    let set = Live { canary: Some(canary.clone()), ..with_settings(append("f", 'a'), "{}", &stats) };
    let mut chain = Chain::new(&[set].into());
    apply(&mut chain, ["bad"; 10]);
    assert_eq!(canary.fault(), None, "too few to tell");
    apply(&mut chain, ["good"; 90]);
    assert_eq!(canary.fault(), None, "a tenth is allowed");
    apply(&mut chain, ["bad"; 10]);
    assert_eq!(canary.fault().unwrap(), "20 of 110 reports failed (18.2 %), over the limit of 10.0 %; the last: no");
    let again = Canary::new(canary.version.clone(), canary.plan.clone());
    assert_eq!(again.fault(), None, "what it did before the trial does not count");
    let observed = again.observed();
    assert_eq!((observed.received, observed.kept, observed.failed, observed.last_error), (0, 0, [0; 4], None));
}

#[test]
fn instances_of_what_stays_are_kept() {
    let stats = Stats::default();
    let counted = |name| {
        let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        (Arc::new(Counted(append(name, 'x'), made.clone())) as Arc<dyn Program>, made)
    };
    let ((stays, made), (goes, _)) = (counted("a"), counted("b"));
    let set = live(&[stays, goes], &stats);
    let mut chain = Chain::new(&set);
    apply(&mut chain, ["x"]);
    chain.update(&[set[0].clone()].into());
    assert_eq!(names(&apply(&mut chain, ["x"]).reports), ["xx"]);
    assert_eq!(made.load(std::sync::atomic::Ordering::Relaxed), 1);
}

/// Counts its instances.
struct Counted(Arc<dyn Program>, Arc<std::sync::atomic::AtomicUsize>);

impl Program for Counted {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn instantiate(&self) -> Result<Box<dyn Function>, Failure> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.instantiate()
    }
}

/// Takes this long to start.
struct SlowStart(Arc<dyn Program>, Duration);

impl Program for SlowStart {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn instantiate(&self) -> Result<Box<dyn Function>, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < self.1 {
            std::hint::spin_loop();
        }
        self.0.instantiate()
    }
}

#[test]
fn the_start_of_an_instance_is_no_time_for_a_report() {
    let (stats, start) = (Stats::default(), Duration::from_millis(200));
    let mut chain = Chain::new(&live(&[Arc::new(SlowStart(append("f", 'a'), start))], &stats));
    apply(&mut chain, ["x"]);
    let counted = stats.snapshot().remove(0);
    assert!(counted.busy >= start && counted.p50 < start / 2, "{counted:?}");
}

#[test]
fn a_tap_shows_reports_before_and_after_and_not_too_many() {
    let stats = Stats::default();
    let set = live(&[append("f", 'a')], &stats);
    let mut chain = Chain::new(&set);
    apply(&mut chain, ["unseen"]);
    let mut samples = stats.tap("f").watch();
    apply(&mut chain, ["x"; 100]);
    let sample = samples.try_recv().unwrap();
    assert_eq!(&*sample.before.name, "x");
    assert_eq!(&*changed(sample.outcome, &sample.before).name, "xa");
    let more = std::iter::from_fn(|| samples.try_recv().ok()).count();
    assert!(more < 64, "{more}");
}
