//! The report: what a client says about a step.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{Refusal, Time, WireError};

/// What upto takes at the most. All lengths are in bytes of UTF-8.
pub mod limits {
    /// A context's name.
    pub const CONTEXT: usize = 200;
    /// An event's name, once empty segments are dropped.
    pub const NAME: usize = 500;
    /// Segments of an event's name.
    pub const SEGMENTS: usize = 32;
    /// A host.
    pub const HOST: usize = 200;
    /// A timeline's name.
    pub const TIMELINE: usize = 200;
    /// Labels of one report.
    pub const LABELS: usize = 64;
    /// A label's key; it has at least one byte.
    pub const LABEL_KEY: usize = 100;
    /// A label's value.
    pub const LABEL_VALUE: usize = 1_000;
    /// Maps and arrays within each other in one report, its own map and those under unknown keys included.
    pub const DEPTH: usize = 32;
    /// One datagram. It is what IPv4 can carry; clients keep to 1,400 so that no fragment is lost.
    pub const DATAGRAM: usize = 65_507;
}

/// What a report says: `type` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A step starts.
    Start,
    /// A step ends.
    End,
    /// Something without duration happens.
    Point,
    /// A new timeline begins in the context.
    New,
}

impl Kind {
    /// All kinds; the index of each is its number on the wire.
    pub const ALL: [Kind; 4] = [Kind::Start, Kind::End, Kind::Point, Kind::New];

    /// The word that JSON uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Start => "start",
            Kind::End => "end",
            Kind::Point => "point",
            Kind::New => "new",
        }
    }
}

/// How a step ended. The order decides between ends of the same time: the later variant wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// It was not needed.
    Skipped,
    /// It did what it should.
    Success,
    /// Somebody stopped it.
    Cancelled,
    /// It ran out of time.
    Timeout,
    /// It found that something is wrong: a failed test, a non-zero exit.
    Failure,
    /// It broke itself.
    Error,
}

impl Status {
    /// All statuses, in their order.
    pub const ALL: [Status; 6] =
        [Status::Skipped, Status::Success, Status::Cancelled, Status::Timeout, Status::Failure, Status::Error];

    /// The word on the wire and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Skipped => "skipped",
            Status::Success => "success",
            Status::Cancelled => "cancelled",
            Status::Timeout => "timeout",
            Status::Failure => "failure",
            Status::Error => "error",
        }
    }

    /// Whether the step counts as failed: failure, error or timeout.
    pub const fn is_failed(self) -> bool {
        matches!(self, Status::Failure | Status::Error | Status::Timeout)
    }
}

impl std::str::FromStr for Status {
    type Err = WireError;

    fn from_str(text: &str) -> Result<Self, WireError> {
        Status::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| WireError::UnknownStatus(text.chars().take(40).collect()))
    }
}

/// Labels of a report: keys in byte order, each once. Takes no memory while empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Labels<'a> {
    /// Sets a label; a later value for the same key replaces the earlier one.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let (key, value) = (key.into(), value.into());
        match self.0.binary_search_by(|(k, _)| k.as_bytes().cmp(key.as_bytes())) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// Key and value of each label, in byte order of the keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + DoubleEndedIterator {
        self.0.iter().map(|(k, v)| (k.as_ref(), v.as_ref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The same labels, independent of the message that they were borrowed from.
    pub fn into_owned(self) -> Labels<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Labels(self.0.into_iter().map(|(k, v)| (own(k), own(v))).collect())
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<Cow<'a, str>>> FromIterator<(K, V)> for Labels<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut labels = Labels::default();
        pairs.into_iter().for_each(|(key, value)| labels.set(key, value));
        labels
    }
}

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// One report, as the client sent it. Its text is borrowed from the message where that is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// The kind of process: `deploy of shop`. Required.
    pub context: Cow<'a, str>,
    /// Dotted path of the step. Required but for [`Kind::New`].
    pub name: Cow<'a, str>,
    /// What it says.
    pub kind: Kind,
    /// When it happened; `None` means at receipt.
    pub time: Option<Time>,
    /// Where it happened; empty for nowhere in particular.
    pub host: Cow<'a, str>,
    /// Asks the server to fill `host` with the sender's address.
    pub auto_ip: bool,
    /// The name of the timeline meant; `None` is the active one.
    pub timeline: Option<Cow<'a, str>>,
    /// How the step ended.
    pub status: Option<Status>,
    /// Free text by key.
    pub labels: Labels<'a>,
}

impl<'a> Report<'a> {
    /// A report that says no more than the required.
    pub fn new(kind: Kind, context: impl Into<Cow<'a, str>>, name: impl Into<Cow<'a, str>>) -> Self {
        Report {
            context: context.into(),
            name: name.into(),
            kind,
            time: None,
            host: Cow::Borrowed(""),
            auto_ip: false,
            timeline: None,
            status: None,
            labels: Labels::default(),
        }
    }

    /// The same report, independent of the message that it was borrowed from.
    pub fn into_owned(self) -> Report<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Report {
            context: own(self.context),
            name: own(self.name),
            host: own(self.host),
            timeline: self.timeline.map(own),
            labels: self.labels.into_owned(),
            kind: self.kind,
            time: self.time,
            auto_ip: self.auto_ip,
            status: self.status,
        }
    }

    /// Checks that upto takes this report and brings it into normal form: empty segments of the name are dropped, an
    /// empty `timeline` is none. Doing it again changes nothing.
    ///
    /// # Errors
    /// A [`Refusal`], or [`WireError::Nul`] where text holds a NUL character.
    pub fn check(&mut self) -> Result<(), WireError> {
        text("context", &self.context, limits::CONTEXT)?;
        required("context", &self.context)?;
        text("host", &self.host, limits::HOST)?;
        self.timeline.take_if(|name| name.is_empty());
        if let Some(timeline) = &self.timeline {
            text("timeline", timeline, limits::TIMELINE)?;
        }
        self.check_name()?;
        if self.status.is_some() && !matches!(self.kind, Kind::End | Kind::Point) {
            return Err(Refusal::StatusNotAllowed.into());
        }
        self.check_labels()
    }

    fn check_name(&mut self) -> Result<(), WireError> {
        // Measured before anything is built, so that a hostile name costs no memory.
        let (segments, length) = measure(&self.name);
        if length > limits::NAME {
            return Err(Refusal::TooLong { field: "name", length, limit: limits::NAME }.into());
        }
        if length < self.name.len() {
            self.name = Cow::Owned(without_empty_segments(&self.name, length));
        }
        text("name", &self.name, limits::NAME)?;
        if self.kind == Kind::New {
            return Ok(());
        }
        required("name", &self.name)?;
        match segments > limits::SEGMENTS {
            true => Err(Refusal::TooManySegments(segments).into()),
            false => Ok(()),
        }
    }

    fn check_labels(&self) -> Result<(), WireError> {
        if self.labels.len() > limits::LABELS {
            return Err(Refusal::TooManyLabels(self.labels.len()).into());
        }
        for (key, value) in self.labels.iter() {
            text("label key", key, limits::LABEL_KEY)?;
            required("label key", key)?;
            text("label value", value, limits::LABEL_VALUE)?;
        }
        Ok(())
    }
}

fn text(field: &'static str, value: &str, limit: usize) -> Result<(), WireError> {
    if value.len() > limit {
        return Err(Refusal::TooLong { field, length: value.len(), limit }.into());
    }
    match value.as_bytes().contains(&0) {
        true => Err(WireError::Nul { field }),
        false => Ok(()),
    }
}

fn required(field: &'static str, value: &str) -> Result<(), WireError> {
    match value.is_empty() {
        true => Err(Refusal::Missing { field }.into()),
        false => Ok(()),
    }
}

/// How many segments of a name are not empty, and the length in bytes that it has without the empty ones.
fn measure(name: &str) -> (usize, usize) {
    let (mut segments, mut letters, mut at_start) = (0_usize, 0, true);
    for byte in name.bytes() {
        let is_dot = byte == b'.';
        segments += usize::from(at_start && !is_dot);
        letters += usize::from(!is_dot);
        at_start = is_dot;
    }
    (segments, letters + segments.saturating_sub(1))
}

/// `length` is that of the result in bytes.
fn without_empty_segments(name: &str, length: usize) -> String {
    let segments = name.split('.').filter(|segment| !segment.is_empty());
    segments.fold(String::with_capacity(length), |mut path, segment| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(segment);
        path
    })
}

/// The JSON of a report; what is not given is left out.
impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("context", &self.context)?;
        if !self.name.is_empty() {
            map.serialize_entry("name", &self.name)?;
        }
        map.serialize_entry("type", self.kind.as_str())?;
        if let Some(time) = self.time {
            map.serialize_entry("time", &time)?;
        }
        if !self.host.is_empty() {
            map.serialize_entry("host", &self.host)?;
        }
        if self.auto_ip {
            map.serialize_entry("autoIP", &true)?;
        }
        if let Some(timeline) = &self.timeline {
            map.serialize_entry("timeline", timeline)?;
        }
        if let Some(status) = self.status {
            map.serialize_entry("status", status.as_str())?;
        }
        if !self.labels.is_empty() {
            map.serialize_entry("labels", &self.labels)?;
        }
        map.end()
    }
}
