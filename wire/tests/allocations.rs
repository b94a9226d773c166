//! What decoding costs in memory, counted by the allocator.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use support::{Value, map, start_with};
use upto_wire::{Kind, Labels, Report, limits, msgpack};

struct Counting;

#[derive(Clone, Copy, Default, Debug)]
struct Count {
    calls: usize,
    live: usize,
    /// The most that was live at once, in bytes.
    peak: usize,
    /// All that was ever asked for, in bytes.
    total: usize,
}

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { calls: 0, live: 0, peak: 0, total: 0 }) };
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches a thread-local `Cell` that needs no
// allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|cell| {
            let mut count = cell.get();
            count.calls += 1;
            count.total += layout.size();
            count.live += layout.size();
            count.peak = count.peak.max(count.live);
            cell.set(count);
        });
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        COUNT.with(|cell| {
            let mut count = cell.get();
            count.live = count.live.saturating_sub(layout.size());
            cell.set(count);
        });
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decodes and checks every report of a message, one at a time, and says what that allocated.
fn cost(message: &[u8]) -> (usize, Count) {
    COUNT.set(Count::default());
    let mut taken = 0;
    for mut report in msgpack::reports(message).flatten() {
        taken += usize::from(report.check().is_ok());
    }
    (taken, COUNT.get())
}

fn datagram(labels: usize) -> Vec<u8> {
    let mut report = Report::new(Kind::End, "deploy of shop", "build.linux.test");
    report.host = "web-01".into();
    report.timeline = Some("gh-8812".into());
    report.status = Some(upto_wire::Status::Success);
    report.time = Some(upto_wire::Time::from_micros(1_795_357_276_000_000));
    report.labels = (0..labels).map(|n| (n.to_string(), "value")).collect::<Labels<'_>>();
    let mut out = Vec::new();
    msgpack::encode(&report, &mut out);
    out
}

#[test]
fn a_datagram_without_labels_allocates_nothing() {
    let (taken, count) = cost(&datagram(0));
    assert_eq!((taken, count.calls), (1, 0), "{count:?}");
}

#[test]
fn many_reports_in_a_datagram_allocate_nothing() {
    let (taken, count) = cost(&datagram(0).repeat(300));
    assert_eq!((taken, count.calls), (300, 0), "{count:?}");
}

#[test]
fn labels_allocate_their_list_and_no_text() {
    let (taken, count) = cost(&datagram(limits::LABELS));
    let entry = 2 * size_of::<std::borrow::Cow<'_, str>>();
    assert_eq!(taken, 1);
    assert!(count.peak <= 3 * limits::LABELS * entry, "{count:?}");
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let room = limits::DATAGRAM;
    let long_name = |text: String| start_with(&[("name", Value::Bytes(text.into_bytes()))]).encode();
    let labels = |count: u16| {
        let label = |n: u16| (Value::Bytes(n.to_be_bytes().map(|b| b & 0x7f).to_vec()), Value::Str(""));
        start_with(&[("labels", Value::Map((0..count).map(label).collect()))]).encode()
    };
    let short = |text: &[u8]| text.repeat(room / text.len());
    let claims =
        [0xdb, 0xc6, 0xc9, 0xdd, 0xdf].map(|marker| [&[marker, 0xff, 0xff, 0xff, 0xff][..], &[0; 60_000]].concat());
    let mut list = vec![
        ("arrays in arrays", vec![0x91; room]),
        ("maps in maps", vec![0x81; room]),
        ("empty maps", vec![0x80; room]),
        ("integers", [&[0xdd, 0, 0, 0xff, 0][..], &vec![1; 0xff00]].concat()),
        ("a name of dots", long_name(".".repeat(60_000))),
        ("a name of segments", long_name("..a".repeat(20_000))),
        ("a name of NUL", long_name("\0".repeat(60_000))),
        ("a long type", start_with(&[("type", Value::Bytes(vec![b'x'; 60_000]))]).encode()),
        ("a long status", start_with(&[("status", Value::Bytes("\u{1F680}".repeat(15_000).into_bytes()))]).encode()),
        ("a long time", start_with(&[("time", Value::Bytes(vec![b'9'; 60_000]))]).encode()),
        ("many labels", labels(5_000)),
        ("labels many times", {
            let one = map(&[("labels", map(&[("a", Value::Str("b"))]))]).encode();
            [&[0xde, 0x08, 0x00][..], &one[3..].repeat(0x800)].concat()
        }),
        ("small reports with labels", short(b"\x81\xa6labels\x81\xa0\xa0")),
        ("unknown types", short(b"\x81\xa4type\xa1x")),
        ("bad times", short(b"\x81\xa4time\xa1x")),
    ];
    list.extend(claims.map(|claim| ("claimed lengths", claim)));
    list
}

#[test]
fn a_hostile_datagram_holds_at_most_64_kib() {
    for (what, message) in hostile() {
        assert!(message.len() <= limits::DATAGRAM, "{what} is no datagram: {} bytes", message.len());
        let (_, count) = cost(&message);
        assert!(count.peak <= 64 * 1024, "{what}: {count:?}");
        // The worst are reports of a dozen bytes with a label each: a list of four entries for each of them.
        assert!(count.total <= 32 * message.len(), "{what}: {count:?}");
    }
}
