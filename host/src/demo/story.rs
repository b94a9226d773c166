//! What the demo tells: the runs of the original's mock, and a deployment to 40 hosts in several runs, of which one is
//! slower, one had trouble and one goes on. The same at each start, but for the clock.

use upto_wire::{Kind, Labels, Report, Status, Time};

use super::after;

const TEST: &str = "test";
const DEPLOY: &str = "deploy of shop";
/// Hosts that are served at the same time during a rollout.
const WAVE: usize = 10;

/// Reports of the runs that are over, in the order of their times within each run.
pub fn past(now: Time) -> Vec<Report<'static>> {
    let hours = |hours: f64| after(now, -hours * 3_600.0);
    let mut reports = server_update(hours(6.0));
    reports.extend(hierarchy(hours(5.5)));
    let runs = [
        (0.8, Trouble::None),
        (1.0, Trouble::None),
        (0.9, Trouble::Unhealthy),
        (1.0, Trouble::Slow),
        (0.95, Trouble::None),
    ];
    for (run, (pace, trouble)) in runs.into_iter().enumerate() {
        let deployment = Deployment { number: 37 + run as u32, pace, trouble };
        reports.extend(deployment.reports(hours(5.0 - run as f64)));
    }
    reports
}

/// Reports of a run that begins now, in the order of their times.
pub fn live(now: Time) -> Vec<Report<'static>> {
    Deployment { number: 42, pace: 0.35, trouble: Trouble::None }.reports(now)
}

/// The original's mock: a file copy, a database update in two procedures, a server start.
fn server_update(at: Time) -> Vec<Report<'static>> {
    let mut run = Run::new(TEST, None, &[], at);
    run.step("copy files", "", 0.0, 42.0);
    run.step("database.update.procedure 1", "db-1", 42.0, 130.0);
    run.step("database.update.procedure 2", "db-1", 130.0, 171.0);
    run.point("database.version 7", "db-1", 171.0);
    run.step("server.start", "app-1", 172.0, 204.0);
    run.finish()
}

/// The original's mock of a hierarchy.
fn hierarchy(at: Time) -> Vec<Report<'static>> {
    let mut run = Run::new(TEST, None, &[], at);
    run.step("a.b", "", 0.0, 20.0);
    run.step("a.c.d.e", "", 8.0, 31.0);
    run.step("a.c.d.f", "", 31.0, 45.0);
    run.finish()
}

#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    None,
    /// A migration that takes four times as long, and a host with a slow disk.
    Slow,
    /// A host that is not healthy at first and is tried again; and a test that fails.
    Unhealthy,
}

struct Deployment {
    number: u32,
    /// Factor of all durations.
    pace: f64,
    trouble: Trouble,
}

impl Deployment {
    fn reports(&self, at: Time) -> Vec<Report<'static>> {
        let number = self.number;
        let labels =
            [("branch", "main".to_owned()), ("commit", format!("{:07x}", 0x9e3779b9u32.wrapping_mul(number) >> 4))];
        let mut run = Run::new(DEPLOY, Some(format!("release-{number}")), &labels, at);
        let built = self.build(&mut run);
        let migrated = self.migrate(&mut run, built);
        let rolled_out = self.roll_out(&mut run, migrated);
        self.verify(&mut run, rolled_out);
        run.finish()
    }

    /// A duration in seconds, a little different for each run and key.
    fn takes(&self, seconds: f64, key: usize) -> f64 {
        let mixed = (key as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ u64::from(self.number).wrapping_mul(0xd1b5_4a32_d192_ed03);
        let jitter = (mixed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f64 / (1u64 << 24) as f64;
        seconds * self.pace * (0.85 + 0.3 * jitter)
    }

    fn build(&self, run: &mut Run) -> f64 {
        let checkout = run.step("build.checkout", "ci-1", 0.0, self.takes(9.0, 1));
        let mut compiled: f64 = 0.0;
        for (key, (part, host, seconds)) in
            [("api", "ci-1", 95.0), ("web", "ci-2", 70.0), ("worker", "ci-3", 48.0)].into_iter().enumerate()
        {
            let end =
                run.step(&format!("build.compile.{part}"), host, checkout, checkout + self.takes(seconds, 10 + key));
            compiled = compiled.max(end);
        }
        let unit = run.step("build.test.unit", "ci-1", compiled, compiled + self.takes(40.0, 20));
        let integration = run.step("build.test.integration", "ci-2", compiled, compiled + self.takes(75.0, 21));
        let tested = unit.max(integration);
        let image = run.step("build.image", "ci-1", tested, tested + self.takes(22.0, 22));
        run.point("approved", "", image + self.takes(6.0, 23))
    }

    fn migrate(&self, run: &mut Run, from: f64) -> f64 {
        let backup = run.step("database.backup", "db-1", from, from + self.takes(35.0, 30));
        let factor = if self.trouble == Trouble::Slow { 4.0 } else { 1.0 };
        let expand = run.step("database.migrate.expand", "db-1", backup, backup + factor * self.takes(38.0, 31));
        run.step("database.replica.catch up", "db-2", backup + 4.0, expand + self.takes(8.0, 32))
    }

    fn roll_out(&self, run: &mut Run, from: f64) -> f64 {
        let hosts = hosts();
        let mut at = from;
        for (wave, members) in hosts.chunks(WAVE).enumerate() {
            let mut last: f64 = at;
            for (member, host) in members.iter().enumerate() {
                last = last.max(self.host(run, host, at, wave * WAVE + member));
            }
            at = run.point(&format!("rollout.wave {} done", wave + 1), "", last);
        }
        at
    }

    /// One host: out of the balancer, new version, restart, back once it is healthy.
    fn host(&self, run: &mut Run, host: &str, from: f64, key: usize) -> f64 {
        let slow = if self.trouble == Trouble::Slow && host == "web-17" { 5.0 } else { 1.0 };
        let drained = run.step("rollout.drain", host, from, from + self.takes(6.0, 100 + key));
        let installed = run.step("rollout.install", host, drained, drained + slow * self.takes(24.0, 200 + key));
        let restarted = run.step("rollout.restart", host, installed, installed + self.takes(9.0, 300 + key));
        let healthy = restarted + self.takes(7.0, 400 + key);
        if self.trouble == Trouble::Unhealthy && host == "api-03" {
            let failed = run.ended("rollout.health", host, restarted, healthy, Status::Timeout);
            return run.step("rollout.health", host, failed + 3.0, failed + 3.0 + self.takes(7.0, 500 + key));
        }
        run.step("rollout.health", host, restarted, healthy)
    }

    fn verify(&self, run: &mut Run, from: f64) {
        let switched = run.point("traffic switched", "", from + 1.0);
        let mut smoke: f64 = switched;
        for (key, check) in ["login", "search", "checkout"].into_iter().enumerate() {
            let (name, end) =
                (format!("verify.smoke.{check}"), switched + self.takes(12.0 + 5.0 * key as f64, 600 + key));
            let failed = self.trouble == Trouble::Unhealthy && check == "checkout";
            smoke = smoke.max(match failed {
                true => run.ended(&name, "ci-2", switched, end, Status::Failure),
                false => run.step(&name, "ci-2", switched, end),
            });
        }
        run.step("verify.error rate", "ci-1", switched, smoke + self.takes(20.0, 610));
        run.step("database.migrate.contract", "db-1", smoke, smoke + self.takes(16.0, 611));
    }
}

/// The 40 hosts of the shop.
fn hosts() -> Vec<String> {
    let named = |kind: &'static str, count: u32| (1..=count).map(move |number| format!("{kind}-{number:02}"));
    named("web", 24).chain(named("api", 10)).chain(named("worker", 6)).collect()
}

/// Reports of one run, collected in seconds from its begin.
struct Run {
    context: &'static str,
    timeline: Option<String>,
    begin: Time,
    reports: Vec<Report<'static>>,
}

impl Run {
    fn new(context: &'static str, timeline: Option<String>, labels: &[(&'static str, String)], begin: Time) -> Self {
        let mut run = Run { context, timeline, begin, reports: Vec::new() };
        let labels: Labels<'static> = labels.iter().map(|(key, value)| (*key, value.clone())).collect();
        run.report(Kind::New, "", "", 0.0, |report| report.labels = labels);
        run
    }

    /// A step from `start` to `end`; returns `end`.
    fn step(&mut self, name: &str, host: &str, start: f64, end: f64) -> f64 {
        self.ended(name, host, start, end, Status::Success)
    }

    fn ended(&mut self, name: &str, host: &str, start: f64, end: f64, status: Status) -> f64 {
        self.report(Kind::Start, name, host, start, |_| {});
        self.report(Kind::End, name, host, end, |report| report.status = Some(status));
        end
    }

    fn point(&mut self, name: &str, host: &str, at: f64) -> f64 {
        self.report(Kind::Point, name, host, at, |_| {});
        at
    }

    fn report(&mut self, kind: Kind, name: &str, host: &str, at: f64, more: impl FnOnce(&mut Report<'static>)) {
        let mut report = Report::new(kind, self.context, name.to_owned());
        report.host = host.to_owned().into();
        report.timeline = self.timeline.clone().map(Into::into);
        report.time = Some(after(self.begin, at));
        more(&mut report);
        self.reports.push(report);
    }

    fn finish(mut self) -> Vec<Report<'static>> {
        // Stable, so that what begins a run stays first.
        self.reports.sort_by_key(|report| report.time);
        self.reports
    }
}
