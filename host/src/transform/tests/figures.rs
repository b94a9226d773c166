//! What a report costs in processor time. `cargo test --release -p upto-host --lib figures -- --ignored --nocapture`

use super::*;
use crate::transform::{budget, cpu};

const ROUNDS: usize = 400;

#[expect(clippy::print_stderr, reason = "figures are for the reader of the terminal")]
fn measure(what: &str, program: &Arc<dyn Program>) {
    let names: Vec<String> = (0..budget::BATCH).map(|i| format!("Db.Migrate.Step{i}")).collect();
    let reports: Vec<_> = names.iter().map(|name| report(name)).collect();
    let mut function = function(program);
    let mut outcomes = Vec::new();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = cpu::time();
        for _ in 0..ROUNDS {
            outcomes.clear();
            function.transform(&reports, &mut outcomes);
        }
        best = best.min((cpu::time() - start).as_secs_f64() * 1e6 / (ROUNDS * budget::BATCH) as f64);
    }
    assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::Fail(_))), "{:?}", outcomes[0]);
    eprintln!("{what:40} {best:7.3} µs a report");
}

struct Native(fn(&Report<'_>) -> Outcome);

impl Program for Native {
    fn name(&self) -> &str {
        "native"
    }

    fn instantiate(&self) -> Result<Box<dyn Function>, crate::transform::Failure> {
        Ok(Box::new(Native(self.0)))
    }
}

impl Function for Native {
    fn transform(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        outcomes.extend(reports.iter().map(self.0));
    }
}

fn native(f: fn(&Report<'_>) -> Outcome) -> Arc<dyn Program> {
    Arc::new(Native(f))
}

fn lowered(report: &Report<'_>, host: Option<&'static str>) -> Outcome {
    let mut new = report.clone().into_owned();
    new.name = report.name.to_lowercase().into();
    if let Some(host) = host {
        new.host = host.into();
    }
    Outcome::Replace(Box::new(new))
}

#[test]
#[ignore = "a measurement, for release builds"]
fn figures() {
    measure("native, no-op", &native(|_| Outcome::Keep));
    measure("native, rename", &native(|report| lowered(report, None)));
    measure("native, rename and map host", &native(|report| lowered(report, Some("web-1"))));
    let lua = |body: &str| lua_program(&format!("function transform(report) {body} return report end"));
    measure("Lua, no-op", &lua(""));
    measure("Lua, one field set", &lua("report.host = 'web-1'"));
    measure("Lua, filter by host", &lua("if report.host:find('^canary%-') then return nil end"));
    measure("Lua, rename", &lua("report.name = report.name:lower()"));
    let both = "report.name = report.name:lower() report.host = upto.lookup('hosts', report.host) or report.host";
    measure("Lua, rename and map host", &lua(both));
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/built");
    measure("Wasm, no-op", &program("noop.wasm", &wasm::guest(wasm::KEEP)).unwrap());
    for (name, what) in [("rust-normalise", "Wasm, Rust: rename"), ("c-hosts", "Wasm, C: map host")] {
        if let Ok(bytes) = std::fs::read(built.join(format!("{name}.wasm"))) {
            measure(what, &program(&format!("{name}.wasm"), &bytes).unwrap());
        }
    }
}
