//! What must come of load, and whether a server has it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use upto_wire::{Kind, Report, Status, Time};

use crate::hal;
use crate::load::{CONTEXT, TIMELINE};
use crate::server::Server;

/// The state of a step, as the API tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    started: Option<Time>,
    restarted: Option<Time>,
    ended: Option<Time>,
    status: Option<String>,
    labels: BTreeMap<String, String>,
}

/// What starts and ends must make of the steps that they are of: the rule of ARCHITECTURE.md in its plainest form.
#[derive(Clone, Debug, Default)]
pub struct Oracle(BTreeMap<String, Told>);

/// All starts but the earliest and the latest, and all ends but the greatest, make no difference, and are forgotten.
#[derive(Clone, Debug, Default)]
struct Told {
    /// Times and labels. Of starts at the same time the one with the greater labels comes first.
    starts: BTreeSet<(Time, Reverse<BTreeMap<String, String>>)>,
    ends: BTreeSet<(Time, Option<Status>, BTreeMap<String, String>)>,
}

impl Told {
    fn forget(&mut self) {
        while let (3.., Some(middle)) = (self.starts.len(), self.starts.iter().nth(1).cloned()) {
            self.starts.remove(&middle);
        }
        while self.ends.len() > 1 {
            self.ends.pop_first();
        }
    }

    fn step(&self) -> Step {
        let (first, last, end) = (self.starts.first(), self.starts.last(), self.ends.last());
        let started = first.map(|(at, _)| *at);
        let restarted = last.map(|(at, _)| *at);
        let ended = end.map(|(at, ..)| *at);
        let mut labels = first.map(|(_, labels)| labels.0.clone()).unwrap_or_default();
        labels.extend(end.map(|(.., labels)| labels.clone()).unwrap_or_default());
        let status = end.and_then(|(_, status, _)| *status).filter(|_| restarted <= ended);
        Step {
            started,
            restarted: restarted.filter(|last| Some(*last) != started),
            ended,
            status: status.map(|status| status.as_str().to_owned()),
            labels,
        }
    }
}

impl Oracle {
    /// What these reports make.
    pub fn of<'a>(reports: impl IntoIterator<Item = &'a Report<'static>>) -> Self {
        let mut oracle = Oracle::default();
        reports.into_iter().for_each(|report| oracle.tell(report));
        oracle
    }

    /// Takes a report of a start or an end in.
    pub fn tell(&mut self, report: &Report<'_>) {
        let told = self.0.entry(report.name.to_string()).or_default();
        let labels = report.labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let at = report.time.expect("load has times");
        let _ = match report.kind {
            Kind::Start => told.starts.insert((at, Reverse(labels))),
            _ => told.ends.insert((at, report.status, labels)),
        };
        told.forget();
    }

    /// Takes in what another one was told.
    pub fn merge(&mut self, other: Oracle) {
        for (name, told) in other.0 {
            let mine = self.0.entry(name).or_default();
            mine.starts.extend(told.starts);
            mine.ends.extend(told.ends);
            mine.forget();
        }
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it was told nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps.
    pub fn steps(&self) -> BTreeMap<String, Step> {
        self.0.iter().map(|(name, told)| (name.clone(), told.step())).collect()
    }

    /// Fails where the server has anything else than these steps, each once.
    pub fn assert_is_all_of(&self, server: &Server, seed: u64) {
        let (expected, stored) = (self.steps(), stored(server));
        let more: Vec<&String> = stored.keys().filter(|name| !expected.contains_key(*name)).take(TOLD).collect();
        assert!(more.is_empty(), "seed {seed}: nobody reported {more:?}, of {} steps", stored.len());
        assert_holds(&expected, &stored, seed);
    }

    /// Fails where the server lacks any of these steps, or has one otherwise.
    pub fn assert_is_in(&self, server: &Server, seed: u64) {
        assert_holds(&self.steps(), &stored(server), seed);
    }
}

/// Wrong steps that a failure tells of.
const TOLD: usize = 5;

fn assert_holds(expected: &BTreeMap<String, Step>, stored: &BTreeMap<String, Step>, seed: u64) {
    let wrong: Vec<_> = expected.iter().filter(|(name, step)| stored.get(*name) != Some(step)).collect();
    let told = |(name, step): &(&String, &Step)| format!("{name}: {:?}, not {step:?}", stored.get(*name));
    let some: Vec<String> = wrong.iter().take(TOLD).map(told).collect();
    assert!(wrong.is_empty(), "seed {seed}: {} of {} steps are lost or wrong: {some:#?}", wrong.len(), expected.len());
}

/// What a server has of the load: the steps of its one timeline.
fn stored(server: &Server) -> BTreeMap<String, Step> {
    let timelines = hal::get(server, &format!("/api/contexts/{CONTEXT}/timelines"));
    let timelines = timelines["_embedded"]["timelines"].as_array().expect("a page embeds its items").len();
    assert_eq!(timelines, 1, "timelines");
    let mut steps = BTreeMap::new();
    let mut page = hal::get(server, &format!("/api/contexts/{CONTEXT}/timelines/{TIMELINE}/events?limit=1000"));
    loop {
        for event in page["_embedded"]["events"].as_array().expect("a page embeds its items") {
            let name = event["name"].as_str().expect("a name").to_owned();
            assert!(steps.insert(name, Step::read(event)).is_none(), "{event} comes twice");
        }
        let Some(next) = hal::link(&page, "next") else { return steps };
        page = hal::get(server, next);
    }
}

impl Step {
    fn read(event: &Value) -> Self {
        let time = |key: &str| event[key].as_str().map(|text| Time::parse(text).expect("a time"));
        let labels = event["labels"].as_object().expect("labels are an object");
        let label = |(key, value): (&String, &Value)| (key.clone(), value.as_str().expect("text").to_owned());
        Step {
            started: time("started_at"),
            restarted: time("restarted_at"),
            ended: time("ended_at"),
            status: event["status"].as_str().map(str::to_owned),
            labels: labels.iter().map(label).collect(),
        }
    }
}
