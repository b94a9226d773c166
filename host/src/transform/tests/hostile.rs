//! The hostile corpora of `tests/hostile`: each file is run with an honest function behind it, without and with a memory, and
//! each component once more in the size of one that is compiled by other means, where there are such.
//!
//! The first line of a file says what it tries, the second what comes of it: `expect: END or END: WORDS`, where an end
//! is a cause of failure, a count of [`Snapshot`] or `refused`, and the words are in the message. The rest is given to the
//! host, with `{{TEXT*N}}` replaced by N times TEXT, in which `#` is the number of the repetition and `\xNN` a byte.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::wasm::{core_component, guest, large};
use super::*;
use crate::transform::{Applied, FailureCause, Snapshot, cpu};

/// Bytes by which the host may grow, for one attack and for all of them.
const GROWTH: usize = 48 << 20;
/// Attacks in each language at the least.
const ATTACKS: [(&str, usize); 2] = [("lua", 60), ("wat", 40)];

/// Wall time that three reports may take on a machine that others use too; what counts is the processor's time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Wall time without the processor after which a call may be out of time for no fault of its own.
const STARVED: Duration = Duration::from_millis(20);

/// Written to `/proc/self/clear_refs`, it has the system measure the peak of memory from now on.
const FORGET_PEAK: &str = "5";

/// One file of a corpus.
struct Attack {
    /// The name that its function is given.
    file: String,
    /// Its bytes as they would be deployed.
    code: Vec<u8>,
    ends: Vec<String>,
    words: String,
}

impl Attack {
    fn read(path: &Path) -> Attack {
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text.splitn(3, '\n');
        let expectation = lines.nth(1).unwrap().split_once("expect: ").expect("the second line says what to expect").1;
        let (ends, words) = expectation.split_once(": ").unwrap_or((expectation, ""));
        let rest = lines.next().unwrap_or_default();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let (file, code) = match path.extension().unwrap() == "lua" {
            true => (format!("{stem}.lua"), unfold(rest)),
            false => (format!("{stem}.wasm"), assemble(rest)),
        };
        Attack { file, code, ends: ends.split(" or ").map(str::to_owned).collect(), words: words.to_owned() }
    }

    fn expects(&self, end: &str) -> bool {
        self.ends.iter().any(|expected| expected == end)
    }

    /// Runs it twice on three reports before an honest function, and checks that each report comes out and is counted.
    /// Gives the longest time that the three took, and the bytes by which the host grew; nothing where it is refused.
    fn run(&self, memory: bool) -> Option<(Duration, usize)> {
        let program = match program_with(&self.file, &self.code, memory) {
            Ok(program) => program,
            Err(CompileError(sentence)) => {
                assert!(self.expects("refused"), "{}: {sentence}", self.file);
                assert!(sentence.contains(&self.words) && sentence.len() > 10, "{}: {sentence}", self.file);
                return None;
            }
        };
        let honest = "function transform(report) report.labels.honest = 'yes' return report end";
        let honest = super::program("zz-honest.lua", honest.as_bytes()).unwrap();
        let resident = status("VmRSS:");
        fs::write("/proc/self/clear_refs", FORGET_PEAK).unwrap();
        let stats = Stats::default();
        let mut chain = Chain::new(&live(&[program.clone(), honest], &stats));
        let (mut served, mut starved, mut longest) = (0, false, Duration::ZERO);
        for _ in 0..2 {
            let reports = ["evil1", "evil2", "evil3"].map(report).to_vec();
            let (before, start) = (cpu::time(), Instant::now());
            let Applied { reports, counts, .. } = chain.apply(reports);
            let (ran, took) = (cpu::time() - before, start.elapsed());
            longest = longest.max(ran);
            starved |= took - ran.min(took) > STARVED;
            assert!(ran < LIMIT && took < PATIENCE, "{} ran for {ran:?} and took {took:?}", self.file);
            assert_eq!(reports.len(), 3 - counts.dropped + counts.added, "{}", self.file);
            assert!(reports.iter().all(|report| report.labels.get("honest") == Some("yes")), "{}", self.file);
            served += reports.len() as u64;
        }
        let grown = status("VmHWM:").saturating_sub(resident);
        assert!(grown <= GROWTH, "{} made the host grow by {grown} bytes", self.file);
        let of = |name: &str| stats.snapshot().into_iter().find(|counts| counts.function == name).unwrap();
        assert_eq!(of("zz-honest").changed, served, "{}", self.file);
        self.check(&of(program.name()), starved);
        Some((longest, grown))
    }

    /// Where others took the processor away for long, what would have ended otherwise may be out of time before.
    fn check(&self, counts: &Snapshot, starved: bool) {
        let failed = FailureCause::ALL.map(|cause| (cause.as_str(), counts.failed[cause as usize]));
        let others = [
            ("kept", counts.kept),
            ("changed", counts.changed),
            ("dropped", counts.dropped),
            ("expanded", counts.expanded),
            ("skipped", counts.skipped),
        ];
        let ends: Vec<_> = failed.into_iter().chain(others).filter(|(_, count)| *count > 0).collect();
        let message = counts.last_error.as_ref().map_or("", |error| &error.failure.message);
        assert_eq!(ends.iter().map(|(_, count)| count).sum::<u64>(), counts.received, "{}", self.file);
        let late = |end: &str| starved && end == "time";
        assert!(ends.iter().all(|(end, _)| self.expects(end) || late(end)), "{}: {ends:?} {message}", self.file);
        assert!(message.contains(&self.words) || ends.iter().any(|(end, _)| late(end)), "{}: {message}", self.file);
        assert!(message.len() <= 600 && failed.iter().all(|(_, count)| *count == 0) == message.is_empty());
    }
}

/// Replaces each `{{TEXT*N}}`.
fn unfold(mut text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    while let Some(at) = text.find("{{") {
        out.extend(text[..at].bytes());
        text = &text[at + 2..];
        let (star, digits) = text
            .match_indices('*')
            .find_map(|(star, _)| {
                let digits = text[star + 1..].bytes().take_while(u8::is_ascii_digit).count();
                (digits > 0 && text[star + 1 + digits..].starts_with("}}")).then_some((star, digits))
            })
            .expect("{{ is followed by TEXT*N}}");
        let times: usize = text[star + 1..star + 1 + digits].parse().unwrap();
        let piece = &text[..star];
        match piece.contains('#') {
            true => (0..times).for_each(|number| out.extend(unescape(&piece.replace('#', &number.to_string())))),
            false => out.extend(unescape(piece).repeat(times)),
        }
        text = &text[star + 1 + digits + 2..];
    }
    out.extend(text.bytes());
    out
}

/// Text with its `\xNN` as bytes.
fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut out = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        out.push(u8::from_str_radix(&part[..2], 16).unwrap());
        out.extend(part[2..].bytes());
    }
    out
}

/// The component of a file: it holds a component, a core module that is made one, or instructions for [`guest`].
/// Comments may say what it imports (`world:`) and in which form it is given (`given as:`).
fn assemble(text: &str) -> Vec<u8> {
    let note = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let body: String = text.lines().filter(|line| !line.starts_with(";;")).flat_map(|line| [line, "\n"]).collect();
    let bytes = unfold(body.trim_end());
    let wat = || String::from_utf8(bytes.clone()).unwrap();
    match note(";; given as: ") {
        Some("text") => bytes,
        Some("itself") => wat::parse_str(wat()).unwrap(),
        Some("half") => {
            let whole = guest(&wat());
            whole[..whole.len() / 2].to_vec()
        }
        _ if bytes.starts_with(b"(component") => wat::parse_str(wat()).unwrap(),
        _ if bytes.starts_with(b"(module") => core_component(note(";; world: ").unwrap_or_default(), &wat()),
        _ => guest(&wat()),
    }
}

fn corpus(ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile").join(match ending {
        "lua" => "lua",
        _ => "wasm",
    });
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == ending));
    files.sort();
    files
}

/// Memory of this process by its name in `/proc/self/status`, in bytes.
fn status(name: &str) -> usize {
    // SAFETY: it gives memory that is free back to the system, so that what is left is what is used.
    unsafe { libc::malloc_trim(0) };
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

#[expect(clippy::print_stderr, reason = "where the process dies, the last line names the culprit")]
fn tell(ran: Option<(Duration, usize)>) {
    match ran {
        Some((ran, grown)) => eprint!("{:8.1} ms {:6.1} MiB", ran.as_secs_f64() * 1e3, grown as f64 / 1048576.0),
        None => eprint!(" refused"),
    }
}

/// All attacks of a corpus, in a process in which nothing else runs.
#[test]
#[ignore = "its memory is that of the process; another test starts it in one of its own"]
#[expect(clippy::print_stderr, reason = "where the process dies, the last line names the culprit")]
fn attacks() {
    for (ending, least) in ATTACKS {
        let files = corpus(ending);
        assert!(files.len() >= least, "{} attacks of {ending}", files.len());
        let mut resident = 0;
        for (number, file) in files.iter().enumerate() {
            eprint!("{:80}", file.display());
            let mut attack = Attack::read(file);
            tell(attack.run(false));
            tell(attack.run(true));
            if cfg!(target_arch = "x86_64") && attack.file.ends_with(".wasm") {
                attack.code = large(attack.code);
                tell(attack.run(false));
                tell(attack.run(true));
            }
            eprintln!();
            drop(attack);
            // The first one makes what all share.
            if number == 0 {
                resident = status("VmRSS:");
            }
            let grown = status("VmRSS:").saturating_sub(resident);
            assert!(grown <= GROWTH, "{} bytes more are in use after {}", grown, file.display());
        }
    }
}

#[test]
fn each_attack_ends_in_time_and_leaves_the_host_as_it_was() {
    let test = concat!(module_path!(), "::attacks").split_once("::").unwrap().1;
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", run.status);
}
