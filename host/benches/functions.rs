//! What functions cost: processor time for a report, in batches of the largest size, natively, in Lua and in Wasm.
//!
//! All reports are of one host, so that in Wasm the guest crate asks the host for it once in a call. `make bench` runs
//! it. The table at the end has the medians, and what must be reached.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use upto::transform::compile::{Surroundings, compile};
use upto::transform::live::FOLDER;
use upto::transform::log::Log;
use upto::transform::tables::{Table, Tables};
use upto::transform::{Changes, Function, Language, Outcome, Program, budget};
use upto_wire::{Kind, Report, Time};

/// The host's allocator: functions allocate.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The work, and what it may cost in Lua and in Wasm in µs a report.
const WORK: [(&str, Option<f64>, Option<f64>); 6] = [
    ("no-op", None, Some(0.25)),
    ("one field", Some(0.5), None),
    ("rename", None, None),
    ("map host", None, None),
    ("rename, map host", Some(1.2), Some(0.5)),
    ("drop", None, None),
];
/// What the start of an instance in Wasm may cost, in µs.
const START: f64 = 20.0;

/// The last is an instance that lives for longer than a call.
const LANGUAGES: [&str; 4] = ["native", "Lua", "Wasm", MEMORY];
const MEMORY: &str = "Wasm, memory";

/// Medians in µs, by work and language.
type Figures = RefCell<BTreeMap<(String, &'static str), f64>>;

fn main() {
    let mut criterion = Criterion::default().warm_up_time(Duration::from_millis(500)).configure_from_args();
    let figures = Figures::default();
    let names: Vec<String> = (0..budget::BATCH).map(|i| format!("Db.Migrate.Step{i}")).collect();
    for (work, ..) in WORK {
        let reports: Vec<_> = names.iter().map(|name| report(work, name)).collect();
        let mut group = criterion.benchmark_group(work);
        group.throughput(Throughput::Elements(reports.len() as u64));
        for language in LANGUAGES {
            let (mut function, mut outcomes) = (function(language, work), Vec::new());
            let run = || {
                outcomes.clear();
                function.transform(black_box(&reports), &mut outcomes);
            };
            measure(&mut group, &figures, (work, language), reports.len(), run);
            assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::Fail(_))), "{language}: {outcomes:?}");
        }
    }
    let mut group = criterion.benchmark_group("start");
    for language in ["Lua", "Wasm"] {
        let program = program(language, "no-op");
        measure(&mut group, &figures, ("start", language), 1, || drop(program.instantiate().expect("it starts")));
    }
    group.finish();
    criterion.final_summary();
    print(&figures.borrow());
}

/// Measures processor time, as others may use the machine.
fn measure(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    figures: &Figures,
    (work, language): (&str, &'static str),
    reports: usize,
    mut run: impl FnMut(),
) {
    let mut samples = Vec::new();
    group.bench_function(language, |bencher| {
        bencher.iter_custom(|rounds| {
            let start = processor_time();
            (0..rounds).for_each(|_| run());
            let time = processor_time() - start;
            samples.push(time.as_secs_f64() * 1e6 / (rounds as usize * reports) as f64);
            time
        });
    });
    samples.sort_by(f64::total_cmp);
    if let Some(median) = samples.get(samples.len() / 2) {
        figures.borrow_mut().insert((work.to_owned(), language), *median);
    }
}

/// Processor time of this thread.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of this frame, which the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[expect(clippy::print_stdout, reason = "the table is for the reader of the terminal")]
fn print(figures: &BTreeMap<(String, &'static str), f64>) {
    let cell = |work: &str, language: &'static str, limit: Option<f64>| {
        let Some(figure) = figures.get(&(work.to_owned(), language)) else { return String::new() };
        let judged = limit.map(|limit| format!(" (≤ {limit}: {})", if *figure <= limit { "yes" } else { "NO" }));
        format!("{figure:.3}{}", judged.unwrap_or_default())
    };
    println!("\nProcessor time in µs for a report, in batches of {}; for a start in µs", budget::BATCH);
    println!("{:<18}{:<10}{:<22}{:<22}{:<22}", "", LANGUAGES[0], LANGUAGES[1], LANGUAGES[2], LANGUAGES[3]);
    for (work, lua, wasm) in WORK.into_iter().chain([("start", None, Some(START))]) {
        let cells = [("native", None), ("Lua", lua), ("Wasm", wasm), (MEMORY, wasm)];
        let [native, lua, wasm, memory] = cells.map(|(language, limit)| cell(work, language, limit));
        println!("{work:<18}{native:<10}{lua:<22}{wasm:<22}{memory:<22}");
    }
}

fn report<'a>(context: &'a str, name: &'a str) -> Report<'a> {
    let mut report = Report::new(Kind::End, context, name);
    report.host = "ip-10-0-3-17.ec2.internal".into();
    report.time = Some(Time::from_micros(1_700_000_000_123_456));
    report.labels.set("branch", "main");
    report
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn function(language: &str, work: &'static str) -> Box<dyn Function> {
    match language {
        "native" => Box::new(Native { work, hosts: tables().get("hosts").expect("the table is there") }),
        other => program(other, work).instantiate().expect("it starts"),
    }
}

fn program(language: &str, work: &str) -> Arc<dyn Program> {
    let memory = language == MEMORY;
    let (language, code) = match language {
        "Lua" => (Language::Lua, script(work).into_bytes()),
        _ => {
            let guest = root().join("target/wasm32-wasip2/release/rust_bench.wasm");
            (Language::Wasm, std::fs::read(&guest).expect("`make -C plugins bench` builds the guest"))
        }
    };
    let log = Arc::new(Log::new("bench", FOLDER, Arc::default()));
    let surroundings = Surroundings { tables: tables(), secrets: Arc::default(), log, memory, large_components: false };
    compile("bench", language, &code, surroundings).expect("it compiles")
}

fn tables() -> Arc<Tables> {
    Arc::new(Tables::beside(&root().join("scripts/bench.lua")).expect("the tables of the examples are sound"))
}

/// The work in Lua; `plugins/rust-bench` has it for Wasm.
fn script(work: &str) -> String {
    const RENAME: &str = "report.name = report.name:lower()";
    const MAP: &str = "report.host = upto.lookup('hosts', report.host) or report.host";
    let body = match work {
        "no-op" => "",
        "one field" => "report.host = 'web-1'",
        "rename" => RENAME,
        "map host" => MAP,
        "rename, map host" => &format!("{RENAME} {MAP}"),
        "drop" => "if report then return nil end",
        other => panic!("there is no work {other:?}"),
    };
    format!("function transform(report) {body} return report end")
}

/// The work in Rust, in the host itself.
struct Native {
    work: &'static str,
    hosts: Arc<Table>,
}

impl Function for Native {
    fn transform(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        outcomes.extend(reports.iter().map(|report| self.one(report)));
    }
}

impl Native {
    fn one(&self, report: &Report<'_>) -> Outcome {
        let (rename, map) = match self.work {
            "no-op" => return Outcome::Keep,
            "drop" => return Outcome::Drop,
            "rename" => (true, false),
            "rename, map host" => (true, true),
            _ => (false, true),
        };
        let mut changes = Changes::default();
        if rename {
            changes.name = Some(report.name.to_ascii_lowercase());
        }
        if map {
            changes.host = self.hosts.get(&report.host).map(str::to_owned);
        }
        changes.outcome(report).expect("it is a report still")
    }
}
