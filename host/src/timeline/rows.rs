//! The rows of a Gantt chart: events in their hierarchy, with the ancestors that nobody reported.

use std::collections::HashMap;

use upto_wire::{Status, Time};

use crate::event::{Event, EventKey, EventState, Liveness};

/// How rows are put under each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// By dotted name; where several hosts did a step, a row for each below it.
    #[default]
    Step,
    /// By host, and by dotted name below each host.
    Host,
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Rows below it: an ancestor without reports of its own, a step done by several hosts, or a host.
    Group,
    /// One event with a duration.
    Span,
    /// One event without duration.
    Point,
}

/// A row of the chart. Rows come in pre-order: a parent before its children, siblings by their first moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What to write beside it: the last segment of the name, or the host.
    pub label: String,
    /// The whole dotted name; empty for a host.
    pub name: String,
    /// The host, where it is one host's.
    pub host: Option<String>,
    /// How many rows are above it in the hierarchy.
    pub depth: u32,
    /// Index of the row above it in the hierarchy.
    pub parent: Option<usize>,
    /// What it stands for.
    pub kind: RowKind,
    /// For a group: running while anything below runs, else failed if anything failed, else unfinished if anything is.
    pub state: EventState,
    /// Status of the event.
    pub status: Option<Status>,
    /// The first start; for a group, the first moment below.
    pub start: Option<Time>,
    /// The latest start, where it was started again.
    pub restart: Option<Time>,
    /// The latest end; for a group, the last moment below, unless something runs.
    pub end: Option<Time>,
    /// Events in it and below it.
    pub leaves: u32,
}

/// Lays out the events of one timeline. `O(n log n)`.
pub fn rows(events: &[(EventKey, Event)], grouping: Grouping, liveness: Liveness) -> Vec<Row> {
    let mut tree = Tree { nodes: vec![Node::default()], by_label: HashMap::new(), events, liveness };
    for (index, (key, _)) in events.iter().enumerate() {
        let base = match grouping {
            Grouping::Step => 0,
            Grouping::Host => tree.host(&key.host),
        };
        tree.add(base, index);
    }
    if grouping == Grouping::Step {
        tree.split_by_host();
    }
    tree.measure(0);
    let mut rows = Vec::with_capacity(tree.nodes.len());
    tree.emit(0, None, 0, &mut rows);
    rows
}

#[derive(Default)]
struct Node<'a> {
    label: &'a str,
    name: &'a str,
    host: Option<&'a str>,
    children: Vec<usize>,
    /// Indexes of the events that have exactly this name (and, below a host, this host).
    own: Vec<usize>,
    summary: Summary,
}

/// What a subtree adds up to.
#[derive(Clone, Copy, Default)]
struct Summary {
    first: Option<Time>,
    last: Option<Time>,
    leaves: u32,
    running: bool,
    failed: bool,
    unfinished: bool,
    /// Anything whose start is known, or that has ended in order.
    settled: bool,
}

impl Summary {
    fn add(&mut self, other: Summary) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.leaves += other.leaves;
        self.running |= other.running;
        self.failed |= other.failed;
        self.unfinished |= other.unfinished;
        self.settled |= other.settled;
    }

    fn state(&self) -> EventState {
        match self {
            Summary { running: true, .. } => EventState::Running,
            Summary { failed: true, .. } => EventState::Failed,
            Summary { unfinished: true, .. } => EventState::Unfinished,
            Summary { settled: false, .. } => EventState::Waiting,
            _ => EventState::Ended,
        }
    }
}

struct Tree<'a> {
    /// The root, node 0, is no row.
    nodes: Vec<Node<'a>>,
    by_label: HashMap<(usize, &'a str), usize>,
    events: &'a [(EventKey, Event)],
    liveness: Liveness,
}

impl<'a> Tree<'a> {
    fn child(&mut self, parent: usize, node: Node<'a>) -> usize {
        let index = self.nodes.len();
        self.nodes[parent].children.push(index);
        self.nodes.push(node);
        index
    }

    fn host(&mut self, host: &'a str) -> usize {
        match self.by_label.get(&(0, host)) {
            Some(node) => *node,
            None => {
                let label = if host.is_empty() { "(no host)" } else { host };
                let node = self.child(0, Node { label, host: Some(host), ..Node::default() });
                self.by_label.insert((0, host), node);
                node
            }
        }
    }

    fn add(&mut self, base: usize, event: usize) {
        let name = self.events[event].0.name.as_str();
        let mut node = base;
        let mut start = 0;
        for segment in name.split('.') {
            let end = start + segment.len();
            node = match self.by_label.get(&(node, segment)) {
                Some(child) => *child,
                None => {
                    let child = self.child(node, Node { label: segment, name: &name[..end], ..Node::default() });
                    self.by_label.insert((node, segment), child);
                    child
                }
            };
            start = end + 1;
        }
        self.nodes[node].own.push(event);
    }

    /// Where several hosts did a step, gives each a node of its own.
    fn split_by_host(&mut self) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].own.len() < 2 {
                continue;
            }
            let name = self.nodes[node].name;
            for event in std::mem::take(&mut self.nodes[node].own) {
                let host = self.events[event].0.host.as_str();
                let label = if host.is_empty() { "(no host)" } else { host };
                self.child(node, Node { label, name, host: Some(host), own: vec![event], ..Node::default() });
            }
        }
    }

    /// Sums up the subtree and sorts siblings. Recursion is as deep as a name has segments, which is limited.
    fn measure(&mut self, node: usize) -> Summary {
        let mut summary = Summary::default();
        for event in &self.nodes[node].own {
            summary.add(self.of_event(*event));
        }
        let mut children = std::mem::take(&mut self.nodes[node].children);
        for child in &children {
            summary.add(self.measure(*child));
        }
        children.sort_by_key(|child| {
            let child = &self.nodes[*child];
            (child.summary.first, child.label)
        });
        self.nodes[node].children = children;
        self.nodes[node].summary = summary;
        summary
    }

    fn of_event(&self, event: usize) -> Summary {
        let event = &self.events[event].1;
        let state = event.state(self.liveness);
        Summary {
            first: event.first(),
            last: event.last(),
            leaves: 1,
            running: state == EventState::Running,
            failed: state == EventState::Failed,
            unfinished: state == EventState::Unfinished,
            settled: state != EventState::Waiting,
        }
    }

    fn emit(&self, node: usize, parent: Option<usize>, depth: u32, rows: &mut Vec<Row>) {
        for child in &self.nodes[node].children {
            let index = rows.len();
            rows.push(self.row(&self.nodes[*child], parent, depth));
            self.emit(*child, Some(index), depth + 1, rows);
        }
    }

    fn row(&self, node: &Node<'a>, parent: Option<usize>, depth: u32) -> Row {
        let group = Row {
            label: node.label.to_owned(),
            name: node.name.to_owned(),
            host: node.host.map(str::to_owned),
            depth,
            parent,
            kind: RowKind::Group,
            state: node.summary.state(),
            status: None,
            start: node.summary.first,
            restart: None,
            end: node.summary.last.filter(|_| !node.summary.running),
            leaves: node.summary.leaves,
        };
        let [own] = node.own[..] else { return group };
        let (key, event) = &self.events[own];
        let state = event.state(self.liveness);
        Row {
            host: Some(key.host.clone()),
            kind: if event.is_point() { RowKind::Point } else { RowKind::Span },
            state,
            status: event.status(),
            start: event.started_at(),
            restart: event.restarted_at(),
            end: event.ended_at().filter(|_| state != EventState::Running),
            ..group
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use upto_wire::{Kind, Report};

    use super::*;

    /// Events from lines `name host start end`, times in seconds, `-` for none.
    fn events(lines: &[&str]) -> Vec<(EventKey, Event)> {
        lines.iter().map(|line| event(line)).collect()
    }

    fn event(line: &str) -> (EventKey, Event) {
        let fields: Vec<&str> = line.split(' ').collect();
        let key = EventKey { name: fields[0].into(), host: fields[1].replace('-', "") };
        let mut event = Event::default();
        for (kind, field) in [(Kind::Start, fields[2]), (Kind::End, fields[3])] {
            if let Ok(seconds) = field.parse::<i64>() {
                let report = Report::new(kind, "c", fields[0]);
                event.merge(Event::of_report(&report, Time::from_micros(seconds * 1_000_000)));
            }
        }
        (key, event)
    }

    /// Rows as indented text: `label start..end state leaves`.
    fn check(lines: &[&str], grouping: Grouping, expected: &[&str]) {
        let seconds = |time: Option<Time>| time.map_or("-".to_owned(), |time| (time.micros() / 1_000_000).to_string());
        let drawn: Vec<String> = rows(&events(lines), grouping, Liveness::Alive)
            .iter()
            .map(|row| {
                let indent = "  ".repeat(row.depth as usize);
                let (start, end) = (seconds(row.start), seconds(row.end));
                format!("{indent}{} {start}..{end} {} {}", row.label, row.state.as_str(), row.leaves)
            })
            .collect();
        assert_eq!(drawn, expected);
    }

    #[test]
    fn ancestors_without_reports_span_what_is_below() {
        check(
            &["a.b - 1 2", "a.c.d.e - 2 4", "a.c.d.f - 3 9"],
            Grouping::Step,
            &[
                "a 1..9 ended 3",
                "  b 1..2 ended 1",
                "  c 2..9 ended 2",
                "    d 2..9 ended 2",
                "      e 2..4 ended 1",
                "      f 3..9 ended 1",
            ],
        );
    }

    #[test]
    fn an_ancestor_with_reports_keeps_its_own_times() {
        check(&["a - 0 5", "a.b - 1 9"], Grouping::Step, &["a 0..5 ended 2", "  b 1..9 ended 1"]);
    }

    #[test]
    fn a_step_of_several_hosts_has_a_row_for_each() {
        check(
            &["install h1 1 5", "install h2 1 -", "check h1 0 1"],
            Grouping::Step,
            &["check 0..1 ended 1", "install 1..- running 2", "  h1 1..5 ended 1", "  h2 1..- running 1"],
        );
    }

    #[test]
    fn hosts_can_come_first() {
        check(
            &["a.x h2 1 5", "a.y h2 2 6", "b - 0 -", "a.x h1 3 4"],
            Grouping::Host,
            &[
                "(no host) 0..- running 1",
                "  b 0..- running 1",
                "h2 1..6 ended 2",
                "  a 1..6 ended 2",
                "    x 1..5 ended 1",
                "    y 2..6 ended 1",
                "h1 3..4 ended 1",
                "  a 3..4 ended 1",
                "    x 3..4 ended 1",
            ],
        );
    }

    #[test]
    fn an_end_without_start_waits() {
        check(&["a.b - - 7"], Grouping::Step, &["a 7..7 waiting 1", "  b -..7 waiting 1"]);
    }

    proptest! {
        #[test]
        fn rows_are_a_forest_in_pre_order(lines in prop::collection::vec("[ab](\\.[abc]){0,4} (h[1-3]|-) [0-9] ([0-9]|-)", 0..40)) {
            let mut events = events(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            events.sort_by(|a, b| a.0.cmp(&b.0));
            events.dedup_by(|a, b| a.0 == b.0);
            for grouping in [Grouping::Step, Grouping::Host] {
                let rows = rows(&events, grouping, Liveness::Alive);
                let own = rows.iter().filter(|row| row.kind != RowKind::Group).count();
                prop_assert_eq!(own, events.len(), "each event has one row");
                for (index, row) in rows.iter().enumerate() {
                    match row.parent {
                        None => prop_assert_eq!(row.depth, 0),
                        Some(parent) => {
                            prop_assert!(parent < index);
                            prop_assert_eq!(rows[parent].depth + 1, row.depth);
                            prop_assert!(rows[parent].leaves >= row.leaves);
                        }
                    }
                }
                let roots: u32 = rows.iter().filter(|row| row.depth == 0).map(|row| row.leaves).sum();
                prop_assert_eq!(roots as usize, events.len());
            }
        }
    }
}
