use std::os::unix::process::CommandExt;

use upto_wire::Status;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;
use crate::transform::{FailureCause, budget};

/// The two files of the contract are one package.
const CONTRACT: &str = include_str!("../../../../plugins/wit/transform.wit");
const RECEIVER: &str = include_str!("../../../../plugins/wit/receiver.wit");
const WASI: &str = include_str!("../../../../tests/hostile/wasm/wasi.wit");

/// The number of reports, from the address of a batch: the length of its last column.
pub(super) const COUNT: &str = "(i32.load offset=84 (local.get $batch))";
/// Where the addresses of columns stand in a batch.
const CONTEXTS: u32 = 24;
const NAMES: u32 = 32;
const HOSTS: u32 = 56;
const TIMELINES: u32 = 64;

/// For a guest that keeps all reports.
pub(super) const KEEP: &str = "";

/// A guest that does `evil` for each report whose name begins with an e, and keeps the others. In `evil`, `$name` and
/// `$outcome` point at the name of the report and its outcome, which is keep; `$i` is its index; `$n` is 0, and its own.
pub(super) fn guest(evil: &str) -> Vec<u8> {
    guest_with("", "", evil)
}

fn guest_with(import_wit: &str, import_wat: &str, evil: &str) -> Vec<u8> {
    let core = format!(
        r#"(module {import_wat}
          (memory (export "memory") 64)
          (data (i32.const 16) "no way")
          (global $top (mut i32) (i32.const 65536))
          (global $missing (mut i32) (i32.const 0))
          (func $recurse (call $recurse))
          (func $alloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
            (global.set $top (i32.add (local.get $at) (local.get 3)))
            (local.get $at))
          (global $batch (mut i32) (i32.const 0))
          (func $in_column (param $at i32) (param $i i32) (result i32)
            (i32.load (i32.add (i32.load (i32.add (global.get $batch) (local.get $at))) (i32.shl (local.get $i) (i32.const 2)))))
          (func $text (param $index i32) (result i32)
            (i32.add (i32.load (global.get $batch)) (call $in_column (i32.const 8) (local.get $index))))
          (func $length (param $index i32) (result i32)
            (i32.sub (call $text (i32.add (local.get $index) (i32.const 1))) (call $text (local.get $index))))
          (func (export "transform") (param $batch i32) (result i32)
            (local $count i32) (local $i i32) (local $outcomes i32) (local $outcome i32) (local $name i32) (local $n i32)
            (global.set $batch (local.get $batch))
            (local.set $count {COUNT})
            (local.set $outcomes (call $alloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.mul (local.get $count) (i32.const 104))))
            (loop $each
              (local.set $outcome (i32.add (local.get $outcomes) (i32.mul (local.get $i) (i32.const 104))))
              (memory.fill (local.get $outcome) (i32.const 0) (i32.const 104))
              (local.set $name (call $text (call $in_column (i32.const {NAMES}) (local.get $i))))
              (if (i32.eq (i32.load8_u (local.get $name)) (i32.const 101)) (then {evil}))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if $each (i32.lt_u (local.get $i) (local.get $count))))
            (global.set $top (i32.const 65536))
            (i32.store (i32.const 8) (local.get $outcomes))
            (i32.store (i32.const 12) (i32.sub (local.get $count) (global.get $missing)))
            (i32.const 8)))"#
    );
    core_component(import_wit, &core)
}

/// A component from the text of its core module, for the world of functions with some more imports.
pub(super) fn core_component(imports: &str, core: &str) -> Vec<u8> {
    component(core, &format!("include upto:transform/function@0.1.0; {imports}"))
}

/// A component of a core module, for a world with these imports and exports.
pub(super) fn component(core: &str, world: &str) -> Vec<u8> {
    component_of(core, &[world])
}

/// A component of a core module that is for several worlds, as one of two macros of the guest crate is.
pub(super) fn component_of(core: &str, worlds: &[&str]) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let rest = RECEIVER.split_once("package upto:transform@0.1.0;").unwrap().1;
    resolve.push_str("transform.wit", &format!("{CONTRACT}{rest}")).unwrap();
    resolve.push_str("wasi.wit", WASI).unwrap();
    let mut module = wat::parse_str(core).unwrap();
    for (number, world) in worlds.iter().enumerate() {
        let world = format!("package test:guest{number}; world guest {{ {world} }}");
        let package = resolve.push_str("guest.wit", &world).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    }
    ComponentEncoder::default().validate(false).module(&module).unwrap().encode().unwrap()
}

/// The component in the size of one that holds an interpreter, which is compiled by other means.
pub(super) fn large(component: Vec<u8>) -> Vec<u8> {
    padded(component, budget::COMPONENT)
}

/// The component with a section of so many bytes more, which nobody reads.
pub(super) fn padded(mut component: Vec<u8>, size: usize) -> Vec<u8> {
    // Sections have a kind and a size in LEB128; this kind is for what anybody likes, under a name, which is empty.
    component.push(0);
    component.extend([0, 7, 14].map(|shift| (size >> shift) as u8 | 0x80));
    component.push((size >> 21) as u8);
    component.resize(component.len() + size, 0);
    component
}

/// Runs `evil` for one report, checks how it ends, and that the next report is served.
fn attack(component: &[u8], cause: FailureCause, words: &str) {
    let mut function = function(&program("test.wasm", component).unwrap());
    match bounded_outcome(function.as_mut(), &report("evil")) {
        Outcome::Fail(failure) => {
            assert_eq!(failure.cause, cause, "{failure}");
            assert!(failure.message.contains(words), "{failure}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(outcome(function.as_mut(), &report("good")), Outcome::Keep);
}

#[test]
fn time_is_limited() {
    attack(&guest("(loop $l (br $l))"), FailureCause::Time, "out of time");
}

#[test]
fn memory_is_limited() {
    let grow = "(loop $l (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $l))";
    attack(&guest(grow), FailureCause::Memory, "more than 16 MiB");
}

#[test]
fn its_memory_is_told() {
    let mut function = function(&program("test.wasm", &guest("(drop (memory.grow (i32.const 16)))")).unwrap());
    assert_eq!(function.memory(), 64 << 16);
    assert_eq!(outcome(function.as_mut(), &report("evil")), Outcome::Keep);
    assert_eq!(function.memory(), 80 << 16);
}

#[test]
fn traps_are_failures() {
    attack(&guest("unreachable"), FailureCause::Error, "unreachable");
    attack(&guest("(call $recurse)"), FailureCause::Error, "call stack exhausted");
    attack(&guest("(drop (i32.load (i32.const -4)))"), FailureCause::Error, "out of bounds");
    attack(&guest("(i32.store8 (local.get $outcome) (i32.const 9))"), FailureCause::Error, "");
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "such components run on x86-64 only")]
fn a_large_component_is_held_to_the_same_limits() {
    attack(&large(guest("(loop $l (br $l))")), FailureCause::Time, "out of time");
    attack(&large(guest("(call $recurse)")), FailureCause::Error, "call stack exhausted");
    attack(&large(guest("(drop (i32.load (i32.const -4)))")), FailureCause::Error, "out of bounds");
    let grow = "(loop $l (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $l))";
    attack(&large(guest(grow)), FailureCause::Memory, "more than 16 MiB");
    let mut function =
        function(&program("test.wasm", &large(guest("(i32.store8 (local.get $outcome) (i32.const 1))"))).unwrap());
    assert_eq!(outcome(function.as_mut(), &report("evil")), Outcome::Drop);
}

#[test]
fn what_it_says_is_done() {
    let says = |evil: &str| outcome(function(&program("test.wasm", &guest(evil)).unwrap()).as_mut(), &report("evil"));
    assert_eq!(says("(i32.store8 (local.get $outcome) (i32.const 1))"), Outcome::Drop);
    let fail =
        "(i32.store8 (local.get $outcome) (i32.const 4)) (i32.store offset=8 (local.get $outcome) (i32.const 16))
        (i32.store offset=12 (local.get $outcome) (i32.const 6))";
    attack(&guest(fail), FailureCause::Error, "no way");
    // Two bytes more are zeros, which a store can't hold.
    attack(&guest(&fail.replace("const 6)", "const 8)")), FailureCause::Error, r"no way\u{0}\u{0}");
    assert_eq!(says("(i32.store8 (local.get $outcome) (i32.const 3))"), Outcome::Drop, "a list of none");
    // The name becomes its first letter.
    let change =
        "(i32.store8 (local.get $outcome) (i32.const 2)) (i32.store8 offset=20 (local.get $outcome) (i32.const 1))
        (i32.store offset=24 (local.get $outcome) (local.get $name))
        (i32.store offset=28 (local.get $outcome) (i32.const 1))";
    let mut wanted = report("evil").into_owned();
    wanted.name = "e".into();
    assert_eq!(changed(says(change), &report("evil")), wanted);
    // Memory from 1 MiB on is zero: two times no changes.
    let expand =
        "(i32.store8 (local.get $outcome) (i32.const 3)) (i32.store offset=12 (local.get $outcome) (i32.const 2))
        (i32.store offset=8 (local.get $outcome) (i32.const 1048576))";
    assert_eq!(says(expand), Outcome::Expand(vec![report("evil").into_owned(); 2]));
}

#[test]
fn fields_can_be_changed_and_taken_away() {
    let change = |stores: &[(u32, u32)]| {
        let store =
            |(at, byte): &(u32, u32)| format!("(i32.store8 offset={at} (local.get $outcome) (i32.const {byte}))");
        let evil: String = [(0, 2)].iter().chain(stores).map(store).collect();
        let mut given = report("evil");
        (given.timeline, given.status) = (Some("blue".into()), Some(Status::Success));
        changed(outcome(function(&program("test.wasm", &guest(&evil)).unwrap()).as_mut(), &given), &given)
    };
    // Offsets are those of `changes`, which begins at 8.
    let changed = change(&[(32, 1), (33, 2), (40, 1), (48, 9), (80, 1), (81, 5)]);
    assert_eq!(
        (changed.kind, changed.time, changed.status),
        (Kind::Point, Some(Time::from_micros(9)), Some(Status::Error))
    );
    assert_eq!((changed.timeline.as_deref(), &*changed.name), (Some("blue"), "evil"));
    let emptied = change(&[(56, 1), (68, 1), (84, 1), (96, 3)]);
    assert_eq!((emptied.time, emptied.status, emptied.timeline.as_deref(), &*emptied.host), (None, None, None, ""));
    assert!(emptied.labels.is_empty());
}

/// Texts that repeat are handed over once; each report must have its own all the same.
#[test]
fn each_report_has_its_own_texts() {
    let texts: Vec<String> = (0..40).map(|i| format!("e{}", i / 3)).collect();
    let reports: Vec<Report<'_>> = (0..40)
        .map(|i| {
            let mut report = report(&texts[i]);
            report.host = texts[i * 7 % 40].as_str().into();
            report.timeline = (i % 4 != 0).then(|| texts[i / 2].as_str().into());
            (0..i % 3).for_each(|at| report.labels.set(texts[i + at - i % 3].as_str(), texts[at].as_str()));
            report
        })
        .collect();
    // The fields of the report are given back as changes, text by text, but for the labels' own table.
    let text = |column: u32, to: u32| {
        let text = format!("(call $in_column (i32.const {column}) (local.get $i))");
        format!(
            "(if {text} (then
               (i32.store8 offset={to} (local.get $outcome) (i32.const 1))
               (i32.store offset={} (local.get $outcome) (call $text {text}))
               (i32.store offset={} (local.get $outcome) (call $length {text}))))",
            to + 4,
            to + 8
        )
    };
    let texts = [text(CONTEXTS, 8), text(NAMES, 20), text(HOSTS, 56), text(TIMELINES, 68)].concat();
    let evil = format!("(i32.store8 (local.get $outcome) (i32.const 2)) {texts}");
    let mut function = function(&program("test.wasm", &guest(&evil)).unwrap());
    let mut outcomes = Vec::new();
    function.transform(&reports, &mut outcomes);
    assert_eq!(outcomes, vec![Outcome::Keep; reports.len()], "another text would be a change");
}

#[test]
fn outputs_are_limited() {
    let many =
        "(i32.store8 (local.get $outcome) (i32.const 3)) (i32.store offset=12 (local.get $outcome) (i32.const 101))
        (i32.store offset=8 (local.get $outcome) (i32.const 2097152))";
    attack(&guest(many), FailureCause::Output, "made 101 reports of one; at most 100");
    let invalid =
        "(i32.store8 (local.get $outcome) (i32.const 2)) (i32.store8 offset=8 (local.get $outcome) (i32.const 1))";
    attack(&guest(invalid), FailureCause::Output, "context is missing or empty");
    attack(&guest("(global.set $missing (i32.const 1))"), FailureCause::Output, "0 outcomes for 1 reports");
    // Three texts that are the same 3 MiB of memory would be 9 MiB in the host.
    let text = |at: u32| {
        format!(
            "(i32.store8 offset={at} (local.get $outcome) (i32.const 1))
             (i32.store offset={} (local.get $outcome) (i32.const 1048576))
             (i32.store offset={} (local.get $outcome) (i32.const 3145728))",
            at + 4,
            at + 8
        )
    };
    let large = format!("(i32.store8 (local.get $outcome) (i32.const 2)) {}{}{}", text(8), text(20), text(56));
    attack(&guest(&large), FailureCause::Error, "fuel allocated for hostcalls");
}

#[test]
fn a_bad_report_in_a_batch_fails_alone() {
    for evil in ["unreachable", "(loop $l (br $l))"] {
        let mut function = function(&program("test.wasm", &guest(evil)).unwrap());
        let mut reports = vec![report("good"); 32];
        reports[10] = report("evil");
        let (start, mut outcomes) = (Instant::now(), Vec::new());
        function.transform(&reports, &mut outcomes);
        assert!(start.elapsed() < 2 * LIMIT, "{:?}", start.elapsed());
        let failed: Vec<_> =
            outcomes.iter().enumerate().filter(|(_, o)| **o != Outcome::Keep).map(|(at, _)| at).collect();
        assert_eq!(failed, [10], "{evil}");
    }
}

/// Where the system refuses the addresses for a pool, instances have none and run all the same: this runs another test in
/// a process that has few.
#[test]
fn a_host_with_few_addresses_runs_guests_too() {
    let mut process = std::process::Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", "transform::tests::wasm::what_it_says_is_done"]);
    let limit = || {
        let addresses = libc::rlimit { rlim_cur: 8 << 30, rlim_max: 8 << 30 };
        // SAFETY: the pointer is to a value of this frame, and the call changes nothing of this process' memory.
        match unsafe { libc::setrlimit(libc::RLIMIT_AS, &addresses) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it makes one system call.
    unsafe { process.pre_exec(limit) };
    let output = process.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_guest_can_not_wait() {
    let import = r#"(import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))"#;
    let component =
        guest_with("import wasi:io/poll@0.2.0;", import, "(call $poll (i32.const 0) (i32.const 0) (i32.const 32))");
    attack(&component, FailureCause::Error, "a function can't wait");
}

#[test]
fn what_is_no_function_is_refused() {
    let refusal = |bytes: &[u8]| program("test.wasm", bytes).err().unwrap().0;
    let import = r#"(import "$root" "spy" (func $spy))"#;
    let spy = guest_with("import spy: func();", import, "(call $spy)");
    assert_eq!(refusal(&spy), "test.wasm: it imports \"spy\"; a function may import only upto:transform and WASI 0.2");
    assert!(refusal(&wat::parse_str("(module)").unwrap()).contains("it is a core module; a function is a component"));
    assert!(refusal(b"(component)").contains("it is no WebAssembly"));
    assert!(refusal(&wat::parse_str("(component)").unwrap()).contains("transform"));
    assert!(refusal(&[b"\0asm\x0d\0\x01\0".as_slice(), &[7; 100]].concat()).starts_with("test.wasm: "));
    assert!(refusal(&vec![0; budget::LARGE_COMPONENT + 1]).contains("at most 20971520"));
}

#[test]
fn a_component_whose_parts_pass_text_to_each_other_is_compiled() {
    let module = |more: &str| {
        format!(
            r#"{more} (memory (export "memory") 1)
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))"#
        )
    };
    let aliases = r#"(alias core export $made "memory" (core memory $memory))
                     (alias core export $made "realloc" (core func $realloc))"#;
    let component = format!(
        r#"(component
             (component $callee
               (core module $code {callee})
               (core instance $made (instantiate $code)) {aliases}
               (func (export "take") (param "text" string)
                 (canon lift (core func $made "take") (memory $memory) (realloc $realloc))))
             (component $caller
               (import "take" (func $take (param "text" string)))
               (core module $libc {libc})
               (core instance $made (instantiate $libc)) {aliases}
               (core func $lowered (canon lower (func $take) (memory $memory) (realloc $realloc)))
               (core module $code (import "" "take" (func (param i32 i32))))
               (core instance (instantiate $code (with "" (instance (export "take" (func $lowered)))))))
             (instance $callee (instantiate $callee))
             (instance (instantiate $caller (with "take" (func $callee "take")))))"#,
        callee = module(r#"(func (export "take") (param i32 i32))"#),
        libc = module(""),
    );
    let refusal = program("test.wasm", &wat::parse_str(&component).unwrap()).err().unwrap().0;
    assert!(refusal.contains("transform"), "all that it lacks is an entry point: {refusal}");
}
