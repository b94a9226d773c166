//! Events as Redis keeps them: text that the scripts take apart (`lua/rule.lua` says how it is made).

use upto_wire::Time;

use crate::event::{Event, EventKey};
use crate::store::rule::Columns;
use crate::store::{Result, StoreError};

/// The first microsecond that has more than 16 digits: a time in the year 2286.
const END_US: i64 = 10_000_000_000_000_000;

/// A time as 16 digits, so that the order of times is that of their bytes.
pub(super) fn time(time: Time) -> Result<String> {
    match time.micros() {
        micros @ 0..END_US => Ok(format!("{micros:016}")),
        micros => Err(StoreError::Rejected(format!("Redis keeps times from 1970 to 2286, not {micros} µs"))),
    }
}

/// Such a time again.
pub(super) fn time_of(text: &str) -> Result<Time> {
    text.parse().map(Time::from_micros).map_err(|_| damaged("a time", text))
}

fn damaged(what: &str, text: &str) -> StoreError {
    StoreError::Fatal(format!("{what} in the store is damaged: {text:?}"))
}

/// The key of an event. Its order by bytes is that of [`EventKey`], as no name holds a NUL.
pub(super) fn key(key: &EventKey) -> Result<String> {
    match key.name.contains('\0') || key.host.contains('\0') {
        true => Err(StoreError::Rejected("a name or host holds a NUL character".to_owned())),
        false => Ok(format!("{}\0{}", key.name, key.host)),
    }
}

/// Such a key again.
pub(super) fn key_of(text: &str) -> Result<EventKey> {
    let (name, host) = text.split_once('\0').ok_or_else(|| damaged("the key of an event", text))?;
    Ok(EventKey { name: name.to_owned(), host: host.to_owned() })
}

/// The five lines of an event.
pub(super) fn event(event: &Event) -> Result<String> {
    let columns = Columns::of(event);
    let optional = |moment: Option<Time>| moment.map_or(Ok(String::new()), time);
    let (first, last) = (optional(columns.started_at)?, optional(columns.restarted_at)?);
    let finish = match columns.ended_at {
        None => String::new(),
        Some(at) => format!("{}{}{}{}", u8::from(!columns.is_point), time(at)?, columns.status, columns.end_labels),
    };
    let functions = event.functions.as_str();
    // JSON has no line breaks outside, and none as they are inside of its texts.
    Ok(format!("{first}\n{last}\n{}\n{finish}\n{functions}", columns.start_labels))
}

/// The event of five lines.
pub(super) fn event_of(text: &str) -> Result<Event> {
    parse(text).ok_or_else(|| damaged("an event", text))
}

fn parse(text: &str) -> Option<Event> {
    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next();
    let (first, last, start_labels, finish, functions) = (line()?, line()?, line()?, line()?, line()?);
    let time = |text: &str| Some(Time::from_micros(text.parse().ok()?));
    let optional = |text: &str| if text.is_empty() { Some(None) } else { time(text).map(Some) };
    let (mut is_point, mut ended_at, mut status, mut end_labels) = (false, None, 0, "");
    if !finish.is_empty() {
        is_point = finish.starts_with('0');
        ended_at = Some(time(finish.get(1..17)?)?);
        status = finish.get(17..18)?.parse().ok()?;
        end_labels = finish.get(18..)?;
    }
    let (started_at, restarted_at) = (optional(first)?, optional(last)?);
    let columns = Columns { started_at, restarted_at, ended_at, is_point, status, start_labels, end_labels };
    Some(columns.event(functions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_would_not_sort_are_refused() {
        assert_eq!(time(Time::from_micros(1)).expect("a time"), "0000000000000001");
        assert_eq!(time(Time::from_micros(END_US - 1)).expect("a time").len(), 16);
        for micros in [-1, END_US, i64::MAX, i64::MIN] {
            assert!(matches!(time(Time::from_micros(micros)), Err(StoreError::Rejected(_))), "{micros}");
        }
    }

    #[test]
    fn damaged_text_is_no_event() {
        for text in ["", "\n\n\n", "x\n\n\n\n", "\n\n\n1\n", "\n\n\n1000000000000000x0\n", "\n\n\n1éééééééé0\n"]
        {
            assert!(matches!(event_of(text), Err(StoreError::Fatal(_))), "{text:?}");
        }
    }
}
