use std::net::IpAddr;
use std::sync::Arc;

use tempfile::TempDir;
use upto_wire::Time;

use super::*;
use crate::ingest::queue;

const LIMIT: u64 = 64 << 20;
const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(folder: &TempDir) -> Spool {
    Spool::open(folder.path(), LIMIT).expect("it can be opened")
}

fn chunk(number: usize, size: usize) -> Datagrams {
    let mut chunk = Datagrams::default();
    chunk.push(&number.to_le_bytes(), SOURCE, Time::from_micros(number as i64));
    chunk.push(&vec![7; size], "2001:db8::1".parse().expect("an address"), Time::from_micros(-1));
    chunk
}

fn number(record: &Record) -> usize {
    let (bytes, source, received) = record.chunk.iter().next().expect("two datagrams");
    let number = usize::from_le_bytes(bytes.try_into().expect("a number"));
    assert_eq!((source, received), (SOURCE, Time::from_micros(number as i64)));
    number
}

/// Takes all that the spool has; `stored` says of each chunk whether its reports were committed.
fn drain(spool: &Spool, stored: impl Fn(usize) -> bool) -> (Vec<usize>, Telemetry) {
    let (queue, reader) = queue();
    let (stop, telemetry) = (AtomicBool::new(false), Telemetry::default());
    let mut numbers = Vec::new();
    std::thread::scope(|scope| {
        let replay = scope.spawn(|| spool.replay(&queue, &telemetry, &stop));
        loop {
            match reader.next_within(STOP_CHECK) {
                Job::Spooled(record, ack) => {
                    numbers.push(number(&record));
                    if stored(number(&record)) {
                        ack.done();
                    }
                }
                _ if replay.is_finished() || !spool.is_waiting() => break,
                _ => {}
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    (numbers, telemetry)
}

fn segments(folder: &TempDir) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.path()).expect("it is there").map(|entry| entry.expect("readable").path());
    let mut segments: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with(SUFFIX)).collect();
    segments.sort();
    segments
}

#[test]
fn chunks_come_back_in_order_and_leave_nothing_behind() {
    let (folder, telemetry) = (folder(), Telemetry::default());
    let spool = open(&folder);
    assert!(!spool.is_waiting());
    for number in 0..50 {
        let function: Option<Arc<str>> = (number % 2 == 1).then(|| "statsd".into());
        assert!(spool.push(function.as_deref(), &chunk(number, 100_000), &telemetry));
    }
    assert!(spool.is_waiting() && segments(&folder).len() > 3);
    assert_eq!(telemetry.spool_bytes.get() / 100_000, 50);
    let (numbers, telemetry) = drain(&spool, |_| true);
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    assert_eq!((telemetry.unspooled.get(), telemetry.spool_damage.get(), telemetry.spool_bytes.get()), (50, 0, 0));
    assert!(!spool.is_waiting() && segments(&folder).is_empty());
    // And again, as the next time the store is away.
    assert!(spool.push(None, &chunk(50, 0), &telemetry) && spool.is_waiting());
    assert_eq!(drain(&spool, |_| true).0, [50]);
}

#[test]
fn a_record_holds_all_of_a_chunk() {
    let mut bytes = Vec::new();
    encode(Some("statsd"), &chunk(7, 9), &mut bytes);
    let folder = folder();
    let path = folder.path().join("segment");
    fs::write(&path, &bytes).expect("it can be written");
    let (found, after) = Reader::open(&path).expect("there").at(0, bytes.len() as u64);
    let Found::Record(record) = found else { panic!("it is whole") };
    assert_eq!((record.function.as_deref(), after), (Some("statsd"), bytes.len() as u64));
    assert!(record.chunk.iter().eq(chunk(7, 9).iter()));
}

#[test]
fn what_was_not_committed_is_read_again_after_a_restart() {
    let (folder, telemetry) = (folder(), Telemetry::default());
    let spool = open(&folder);
    assert!((0..60).all(|number| spool.push(None, &chunk(number, 100_000), &telemetry)));
    assert!(Spool::open(folder.path(), LIMIT).is_err(), "another server has it");
    drop(spool);
    let (numbers, _) = drain(&open(&folder), |number| number < 30);
    assert!(numbers.len() >= 30, "{numbers:?}");
    let spool = open(&folder);
    assert!(spool.is_waiting());
    let (numbers, _) = drain(&spool, |_| true);
    // At least what was not committed, at most the rest of its segment before it.
    assert!((20..=30).contains(&numbers[0]) && numbers.ends_with(&(30..60).collect::<Vec<_>>()), "{numbers:?}");
    assert!(segments(&folder).is_empty());
}

#[test]
fn beyond_its_limit_nothing_is_taken_until_there_is_room_again() {
    let (folder, telemetry) = (folder(), Telemetry::default());
    let spool = Spool::open(folder.path(), 1 << 20).expect("it can be opened");
    let taken = (0..20).filter(|number| spool.push(None, &chunk(*number, 100_000), &telemetry)).count();
    assert_eq!((taken, telemetry.spooled.get(), telemetry.spool_drops.get()), (10, 10, 10));
    assert_eq!(drain(&spool, |_| true).0, (0..10).collect::<Vec<_>>());
    assert!(spool.push(None, &chunk(20, 100_000), &telemetry));
}

#[test]
fn a_segment_that_a_full_disk_took_nothing_of_gives_way() {
    let (folder, telemetry) = (folder(), Telemetry::default());
    let spool = open(&folder);
    {
        // As a write that failed leaves it.
        let mut state = spool.state();
        fs::write(spool.path(1), "half a record").expect("it can be written");
        state.segments.push_back(Segment { number: 1, length: 0 });
        state.next = 2;
    }
    assert!(spool.push(None, &chunk(0, 20), &telemetry));
    assert_eq!(segments(&folder), [spool.path(2)]);
    let (numbers, telemetry) = drain(&spool, |_| true);
    assert_eq!((numbers, telemetry.spool_damage.get()), (vec![0], 0));
}

#[test]
fn damage_costs_what_it_hits_and_is_counted() {
    let telemetry = Telemetry::default();
    let written = folder();
    let spool = open(&written);
    assert!((0..3).all(|number| spool.push(None, &chunk(number, 20), &telemetry)));
    drop(spool);
    let whole = fs::read(&segments(&written)[0]).expect("one segment");
    let record = whole.len() / 3;
    let read = |content: &[u8]| {
        let folder = folder();
        fs::write(folder.path().join("0000000001.spool"), content).expect("it can be written");
        let (numbers, telemetry) = drain(&open(&folder), |_| true);
        assert!(segments(&folder).is_empty());
        (numbers, telemetry.spool_damage.get())
    };
    assert_eq!(read(&whole), (vec![0, 1, 2], 0));
    for (end, numbers, damaged) in [
        (0, 0, 0),
        (1, 0, 1),
        (record - 1, 0, 1),
        (record, 1, 0),
        (record + 1, 1, 1),
        (record + segment::HEAD, 1, 1),
        (2 * record, 2, 0),
        (3 * record - 1, 2, 1),
    ] {
        assert_eq!(read(&whole[..end]), ((0..numbers).collect(), damaged), "cut at {end} of {}", whole.len());
    }
    // In the checksum and in what it is of, only the record is lost.
    for at in [4, 7, segment::HEAD, record - 1] {
        let mut changed = whole.clone();
        changed[record + at] ^= 0x10;
        assert_eq!(read(&changed), (vec![0, 2], 1), "changed at {at}");
    }
    // In its length, what follows is, too.
    for byte in 0..4 {
        let mut changed = whole.clone();
        changed[record + byte] ^= 0x80;
        let (numbers, damaged) = read(&changed);
        assert!(numbers == [0] && damaged >= 1, "changed at {byte}: {numbers:?}, {damaged}");
    }
    let zeroed = [&whole[..record], &vec![0; 2 * record]].concat();
    let (numbers, damaged) = read(&zeroed);
    assert!(numbers == [0] && damaged >= 1);
}
