//! Flood control: what is new (contexts, and texts within them) may come from a sender of datagrams only so often, as
//! anybody can send them and each new one stays in the store. What is known already is never held back.

use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use upto_wire::{Kind, Report, Time};

use crate::telemetry::Telemetry;

/// Contexts that are remembered as known, those seen last; up to twice as many while there is room. 8 bytes each, and
/// so are texts.
const KNOWN_CONTEXTS: usize = 50_000;
/// Texts that are remembered as known.
const KNOWN_TEXTS: usize = 450_000;
/// Senders that are told apart; all others are treated as one.
const MAX_SOURCES: usize = 4_096;
/// How often senders that bring nothing new are forgotten, where there are too many.
const FORGET_EVERY_S: f64 = 1.0;
/// How often the log tells that something is held back.
const LOG_EVERY_S: f64 = 60.0;
/// The bits of an IPv6 address that one sender has for itself.
const IPV6_HOST_BITS: u32 = 64;

/// What one sender may bring that is new, a minute, and at once after a minute without anything new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    contexts: f64,
    texts: f64,
}

impl Limits {
    /// So many contexts, and so many names, hosts and timelines in contexts. 0 is no limit.
    pub fn new(contexts: u32, texts: u32) -> Self {
        let limit = |count| if count == 0 { f64::MAX } else { f64::from(count) };
        Limits { contexts: limit(contexts), texts: limit(texts) }
    }
}

/// Knows what is new, and who may bring it.
pub struct Flood {
    hasher: DefaultHashBuilder,
    contexts: Known,
    texts: Known,
    sources: Sources,
    logged: Option<Time>,
    telemetry: Arc<Telemetry>,
}

impl Flood {
    /// One that knows nothing yet. What it holds back is counted.
    pub fn new(limits: Limits, telemetry: Arc<Telemetry>) -> Self {
        Flood {
            hasher: DefaultHashBuilder::default(),
            contexts: Known::new(KNOWN_CONTEXTS),
            texts: Known::new(KNOWN_TEXTS),
            sources: Sources::new(limits),
            logged: None,
            telemetry,
        }
    }

    /// Whether a report of that sender goes on. One that does not is counted as refused. What counts is when it was
    /// received: it may have waited on disk since.
    pub fn admits(&mut self, source: IpAddr, report: &Report<'_>, received: Time) -> bool {
        let context = self.hasher.hash_one(&*report.context);
        let new = self.new_texts(context, report);
        if new.count == 0 {
            return true;
        }
        let new_context = !self.contexts.knows(context);
        let left = self.sources.left(source, received);
        let (refused, what) = match (new_context && left.contexts < 1.0, left.texts < 1.0) {
            (true, _) => (&self.telemetry.refused.new_contexts, "contexts"),
            (false, true) => (&self.telemetry.refused.new_names, "names"),
            (false, false) => {
                // It may become less than nothing, so that a report that brings several is not always too large.
                left.texts -= f64::from(new.count);
                if new_context {
                    left.contexts -= 1.0;
                    self.contexts.add(context);
                }
                new.hashes.into_iter().flatten().for_each(|hash| self.texts.add(hash));
                return true;
            }
        };
        refused.add(1);
        self.log(source, what, received);
        false
    }

    /// The texts of a report that are not known in its context.
    fn new_texts(&mut self, context: u64, report: &Report<'_>) -> NewTexts {
        let mut new = NewTexts::default();
        let texts = [&*report.name, &*report.host, report.timeline.as_deref().unwrap_or_default()];
        for (place, text) in texts.into_iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            let hash = self.hasher.hash_one((context, place, text));
            if !self.texts.knows(hash) {
                new.hashes[place] = Some(hash);
                new.count += 1;
            }
        }
        // Each makes a timeline, though it has no name.
        new.count += u32::from(report.kind == Kind::New && report.timeline.is_none());
        new
    }

    fn log(&mut self, source: IpAddr, what: &str, now: Time) {
        if self.logged.is_none_or(|at| now.seconds_since(at).abs() >= LOG_EVERY_S) {
            self.logged = Some(now);
            tracing::warn!(%source, "reports are refused: this sender of datagrams brings too many new {what}");
        }
    }
}

#[derive(Default)]
struct NewTexts {
    count: u32,
    hashes: [Option<u64>; 3],
}

/// What each sender may still bring, for a bounded number of them.
struct Sources {
    limits: Limits,
    by_address: HashMap<IpAddr, Left>,
    /// Of all that there is no room for in `by_address`.
    others: Option<Left>,
    /// When those who brought nothing new were forgotten, if ever.
    forgot: Option<Time>,
}

/// What a sender may still bring.
struct Left {
    contexts: f64,
    texts: f64,
    at: Time,
}

impl Sources {
    fn new(limits: Limits) -> Self {
        Sources { limits, by_address: HashMap::new(), others: None, forgot: None }
    }

    fn left(&mut self, address: IpAddr, now: Time) -> &mut Left {
        let (address, limits) = (network(address), self.limits);
        if !self.by_address.contains_key(&address) {
            self.forget(now);
        }
        let left = if self.by_address.len() < MAX_SOURCES || self.by_address.contains_key(&address) {
            self.by_address.entry(address).or_insert_with(|| Left::all(limits, now))
        } else {
            self.others.get_or_insert_with(|| Left::all(limits, now))
        };
        left.refill(limits, now);
        left
    }

    /// Where there is no room for another, lets go of those that are as ones that were never seen.
    fn forget(&mut self, now: Time) {
        if self.by_address.len() >= MAX_SOURCES
            && self.forgot.is_none_or(|at| now.seconds_since(at).abs() >= FORGET_EVERY_S)
        {
            self.forgot = Some(now);
            let limits = self.limits;
            self.by_address.retain(|_, left| {
                left.refill(limits, now);
                left.contexts < limits.contexts || left.texts < limits.texts
            });
        }
    }
}

impl Left {
    fn all(Limits { contexts, texts }: Limits, at: Time) -> Self {
        Left { contexts, texts, at }
    }

    fn refill(&mut self, limits: Limits, now: Time) {
        // The clock may have been set back.
        let minutes = now.seconds_since(self.at).max(0.0) / 60.0;
        self.contexts = (self.contexts + minutes * limits.contexts).min(limits.contexts);
        self.texts = (self.texts + minutes * limits.texts).min(limits.texts);
        self.at = now;
    }
}

/// The sender that an address stands for.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> IPV6_HOST_BITS << IPV6_HOST_BITS).into(),
        v4 => v4,
    }
}

/// A bounded memory of hashes: those seen last, in two generations.
struct Known {
    young: HashTable<u64>,
    old: HashTable<u64>,
    /// Of a generation.
    limit: usize,
}

impl Known {
    fn new(limit: usize) -> Self {
        Known { young: HashTable::new(), old: HashTable::new(), limit }
    }

    fn knows(&mut self, hash: u64) -> bool {
        if self.young.find(hash, |known| *known == hash).is_some() {
            return true;
        }
        let is_old = self.old.find(hash, |known| *known == hash).is_some();
        if is_old {
            self.add(hash);
        }
        is_old
    }

    /// Adds one that is not in the young generation.
    fn add(&mut self, hash: u64) {
        if self.young.len() >= self.limit {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert_unique(hash, hash, |known| *known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn flood(contexts: u32, texts: u32) -> Flood {
        Flood::new(Limits::new(contexts, texts), Arc::default())
    }

    fn at(seconds: i64) -> Time {
        Time::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
    }

    fn report(context: &str, name: &str) -> Report<'static> {
        Report::new(Kind::Point, context.to_owned(), name.to_owned())
    }

    fn refused(flood: &Flood) -> (u64, u64) {
        (flood.telemetry.refused.new_contexts.get(), flood.telemetry.refused.new_names.get())
    }

    #[test]
    fn new_contexts_of_a_sender_are_limited_and_known_ones_are_not() {
        let mut flood = flood(3, 1_000);
        let mut admitted =
            |source, n, second| flood.admits(source, &report(&format!("context {n}"), "step"), at(second));
        assert_eq!((0..5).filter(|n| admitted(ONE, *n, 0)).collect::<Vec<_>>(), [0, 1, 2]);
        assert!((0..3).all(|n| admitted(ONE, n, 0)), "known");
        assert!(admitted(OTHER, 3, 0) && admitted(ONE, 3, 0), "what another brought is known");
        assert!(!admitted(ONE, 4, 19) && admitted(ONE, 4, 21) && !admitted(ONE, 5, 21), "one is let in each 20 s");
        assert!(!admitted(ONE, 5, -3_600) && !admitted(ONE, 5, -3_590), "a clock that is set back gives nothing");
        assert_eq!((10..20).filter(|n| admitted(ONE, *n, 7_200)).count(), 3, "and no more after a long time");
        assert_eq!(refused(&flood), (2 + 1 + 1 + 2 + 7, 0));
    }

    #[test]
    fn new_names_hosts_and_timelines_of_a_context_are_limited_together() {
        let mut flood = flood(0, 4);
        let with = |name: &str, host: &str, timeline: Option<&str>| {
            let mut report = report("ctx", name);
            (report.host, report.timeline) = (host.to_owned().into(), timeline.map(|name| name.to_owned().into()));
            report
        };
        let unnamed = || Report::new(Kind::New, "ctx", "");
        let mut admits = |report: Report<'_>, second| flood.admits(ONE, &report, at(second));
        assert!(admits(with("a", "h", Some("t")), 0), "three");
        assert!(admits(with("b", "i", None), 0), "two, of which one is too many for what follows");
        for (name, host, timeline) in [("c", "", None), ("a", "c", None), ("a", "", Some("c"))] {
            assert!(!admits(with(name, host, timeline), 0), "{name} {host} {timeline:?}");
        }
        assert!(admits(with("a", "h", Some("t")), 0) && admits(with("b", "", None), 0), "known");
        assert!(!admits(unnamed(), 14) && admits(unnamed(), 31) && !admits(unnamed(), 31), "each makes a timeline");
        assert!(admits(unnamed(), 46));
        assert_eq!(refused(&flood), (0, 5));
    }

    #[test]
    fn without_limits_nothing_is_refused() {
        let mut flood = flood(0, 0);
        assert!((0..10_000).all(|n| flood.admits(ONE, &report(&format!("c{n}"), "step"), at(n))));
    }

    #[test]
    fn senders_beyond_those_told_apart_share_what_one_may_bring() {
        let mut flood = flood(1, 2);
        let address = |n: usize| IpAddr::from(u32::try_from(n).expect("few").to_be_bytes());
        let mut admits =
            |n: usize, second| flood.admits(address(n), &report(&format!("context {n}"), "step"), at(second));
        assert!((0..MAX_SOURCES).all(|n| admits(n, 0)));
        assert!(admits(MAX_SOURCES, 0) && (1..100).all(|n| !admits(MAX_SOURCES + n, 0)));
        assert!((200..300).all(|n| admits(MAX_SOURCES + n, 61)), "those who brought nothing since are forgotten");
        assert!(flood.sources.by_address.len() <= MAX_SOURCES);
        let address = |text: &str| text.parse().expect("an address");
        let mut admits = |text: &str| flood.admits(address(text), &report(text, "step"), at(61));
        assert!(admits("2001:db8::1") && !admits("2001:db8::2") && admits("2001:db8:0:1::1"));
    }

    #[test]
    fn memory_is_bounded_and_what_is_seen_again_stays_known() {
        let mut known = Known::new(1_000);
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..100_000 {
            if !known.knows(hash(n)) {
                known.add(hash(n));
            }
            assert!(known.knows(hash(0)), "{n}");
            assert!(known.young.len() <= 1_000 && known.old.len() <= 1_000);
        }
        assert!(known.knows(hash(99_500)) && !known.knows(hash(50_000)));
    }
}
