//! A moment, and the forms in which a report may give it.

use std::fmt;

use crate::WireError;

/// A moment in UTC, in whole microseconds since 1970-01-01T00:00:00Z.
///
/// Reports may only carry moments from 1970 up to the end of 2261: the years that an `f64` holds to the microsecond
/// and an `i64` to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// 2262-01-01T00:00:00Z, the first second that is refused.
const END_S: i64 = 9_214_646_400;
/// 0001-01-01T00:00:00Z, the zero time of the original Go client: "none given".
pub(crate) const GO_ZERO_S: i64 = -62_135_596_800;
const MICROS: i64 = 1_000_000;

impl Time {
    /// The time `micros` microseconds after 1970-01-01T00:00:00Z. Any value is taken: stored times are trusted.
    pub const fn from_micros(micros: i64) -> Self {
        Time(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds from `earlier` to `self`; negative if `self` is the earlier one.
    pub fn seconds_since(self, earlier: Time) -> f64 {
        (self.0 - earlier.0) as f64 / MICROS as f64
    }

    /// What a report says with seconds and nanoseconds: `None` for the zero of Unix and of Go, an error outside
    /// 1970…2261. Less than a microsecond is cut off; what is zero then was none given too, in every encoding.
    pub(crate) fn from_report(seconds: i64, nanos: i64) -> Result<Option<Self>, WireError> {
        if seconds == GO_ZERO_S && nanos == 0 {
            return Ok(None);
        }
        if !(0..END_S).contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
            return Err(WireError::BadTime(format!("{seconds} s and {nanos} ns since 1970")));
        }
        Ok(Some(Time(seconds * MICROS + nanos / 1_000)).filter(|time| time.0 != 0))
    }

    /// Seconds since 1970 as a float, rounded to the microsecond.
    pub(crate) fn from_report_float(seconds: f64) -> Result<Option<Self>, WireError> {
        if seconds == GO_ZERO_S as f64 {
            return Ok(None);
        }
        // NaN is in no range. `{:e}` because a float's plain form can have 300 digits.
        if !(0.0..END_S as f64).contains(&seconds) {
            return Err(WireError::BadTime(format!("{seconds:e} s since 1970")));
        }
        Ok(Some(Time((seconds * MICROS as f64).round() as i64)).filter(|time| time.0 != 0))
    }

    /// RFC 3339 text, such as `2026-11-22T14:00:00.5Z` or with an offset. Empty text is "none given".
    pub(crate) fn from_report_text(text: &str) -> Result<Option<Self>, WireError> {
        if text.is_empty() {
            return Ok(None);
        }
        let parsed: jiff::Timestamp =
            text.parse().map_err(|_| WireError::BadTime(format!("{:?}", text.chars().take(40).collect::<String>())))?;
        // Floor, so that nanoseconds are positive for the range check of years before 1970 too.
        let nanos = parsed.as_nanosecond();
        Time::from_report(nanos.div_euclid(1_000_000_000) as i64, nanos.rem_euclid(1_000_000_000) as i64)
    }

    /// Parses RFC 3339 text that must name a moment.
    ///
    /// # Errors
    /// [`WireError::BadTime`] for text that is empty, no RFC 3339 or outside 1970…2261.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        Time::from_report_text(text)?.ok_or_else(|| WireError::BadTime(format!("{text:?}")))
    }
}

/// RFC 3339 in UTC with six decimals: `2026-11-22T14:00:00.000000Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
