//! Prints a timeline as a table, read through the HTTP API.

use std::fmt::Write;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use upto_client::{Target, Time};
use ureq::Agent;

/// The longest wait for one page. Somebody looks on: this is a question, not a report.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Events that are read at the most: what nobody reads on a terminal.
const EVENTS: usize = 10_000;

/// What to show, and from where.
pub struct View {
    /// The server.
    pub target: Target,
    /// The token for it.
    pub token: Option<String>,
    /// The context.
    pub context: String,
    /// The timeline as the API takes it: a number, `latest`, or a name.
    pub timeline: String,
}

/// The timeline's table, or what went wrong.
pub fn text(view: &View) -> Result<String, String> {
    let api = Api::of(view);
    let segment = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    // `.` and `..` can't stand in a path; the API takes `name:` before any name.
    let literal = matches!(view.context.as_str(), "." | "..") || view.context.starts_with("name:");
    let context = format!("{}{}", if literal { "name:" } else { "" }, segment(&view.context));
    let path = format!("/api/contexts/{context}/timelines/{}", segment(&view.timeline));
    let timeline = api.get(&path)?;
    let mut events = Vec::new();
    let mut next = link(&timeline, "events");
    while let Some(path) = next.take_if(|_| events.len() < EVENTS) {
        let mut page = api.get(&path)?;
        match page.pointer_mut("/_embedded/events").map(Value::take) {
            Some(Value::Array(page)) if !page.is_empty() => events.extend(page),
            // A page of nothing that goes on would never end.
            _ => break,
        }
        next = link(&page, "next");
    }
    let mut out = heading(&timeline);
    out.push_str(&table(events, moment(&timeline["first"])));
    if next.is_some() {
        out.push_str("(there are more events)\n");
    }
    Ok(out)
}

struct Api<'a> {
    view: &'a View,
    agent: Agent,
}

impl<'a> Api<'a> {
    /// No proxy and no redirect, as for reports.
    fn of(view: &'a View) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build()
            .into();
        Api { view, agent }
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        let target = &self.view.target;
        let mut request = self.agent.get(format!("{target}{path}")).header("accept", "application/hal+json");
        if let Some(token) = &self.view.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(|error| format!("{target}: {error}"))?;
        let status = response.status();
        let body = response.body_mut().read_to_string().map_err(|error| format!("{target}: {error}"))?;
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        match status.is_success() {
            true if body.is_object() => Ok(body),
            true => Err(format!("{target} answered what is no resource of upto's API")),
            false => Err(format!("{target} answered {}: {}", status.as_u16(), said(&body))),
        }
    }
}

fn said(problem: &Value) -> String {
    let text = [&problem["detail"], &problem["title"]].into_iter().find_map(Value::as_str);
    text.map_or_else(|| "it does not say why".to_owned(), printable)
}

/// A link of a resource: a path of the same server, which no answer can turn into another.
fn link(resource: &Value, name: &str) -> Option<String> {
    let href = resource["_links"][name]["href"].as_str()?;
    (href.starts_with('/') && !href.starts_with("//")).then(|| href.to_owned())
}

/// Text as it may be printed: what controls a terminal is replaced.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn words(value: &Value) -> String {
    printable(value.as_str().unwrap_or_default())
}

fn moment(value: &Value) -> Option<Time> {
    Time::parse(value.as_str()?).ok()
}

fn heading(timeline: &Value) -> String {
    let number = |name: &str| timeline[name].as_u64().unwrap_or_default();
    let name = match timeline["name"].as_str() {
        None | Some("") => String::new(),
        Some(name) => format!(" ({})", printable(name)),
    };
    let duration =
        timeline["duration_s"].as_f64().map_or_else(String::new, |seconds| format!(", {}", lasting(seconds)));
    format!(
        "{} {}{name}: {}{duration}, {} {}, {} running, {} failed\n",
        words(&timeline["context"]),
        number("number"),
        words(&timeline["state"]),
        number("events"),
        if timeline["events"] == 1 { "event" } else { "events" },
        number("running"),
        number("failed"),
    )
}

/// The events by their start, those without one by their end; starts are told from the timeline's first moment on.
fn table(mut events: Vec<Value>, first: Option<Time>) -> String {
    let began = |event: &Value| moment(&event["started_at"]).or_else(|| moment(&event["ended_at"]));
    events.sort_by_cached_key(|event| (began(event), words(&event["name"]), words(&event["host"])));
    let mut rows = vec![["START", "TOOK", "STATE", "HOST", "EVENT"].map(str::to_owned)];
    rows.extend(events.iter().map(|event| row(event, first)));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 4] = std::array::from_fn(width);
    rows.iter().fold(String::new(), |mut out, [start, took, state, host, name]| {
        let [a, b, c, d] = widths;
        // Writing to a String does not fail.
        let _ = writeln!(out, "{start:>a$}  {took:>b$}  {state:c$}  {host:d$}  {name}");
        out
    })
}

fn row(event: &Value, first: Option<Time>) -> [String; 5] {
    let since =
        |time: Time| first.map_or_else(|| time.to_string(), |first| format!("+{}", lasting(time.seconds_since(first))));
    let start = moment(&event["started_at"]).map_or_else(String::new, since);
    let took = event["duration_s"].as_f64().map_or_else(String::new, lasting);
    let state = match (words(&event["state"]), event["status"].as_str()) {
        (state, None | Some("" | "success")) => state,
        (state, Some(status)) => format!("{state} ({})", printable(status)),
    };
    [start, took, state, words(&event["host"]), words(&event["name"])]
}

/// Seconds as people say them: `0.250 s`, `12.3 s`, `4 m 05 s`, `3 h 20 m`.
fn lasting(seconds: f64) -> String {
    let whole = seconds as u64;
    match seconds {
        s if s < 10.0 => format!("{s:.3} s"),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3_600.0 => format!("{} m {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} m", whole / 3_600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_say_them() {
        let said = [0.25, 12.34, 245.9, 12_000.0, 3_599.99].map(lasting);
        assert_eq!(said, ["0.250 s", "12.3 s", "4 m 05 s", "3 h 20 m", "59 m 59 s"]);
    }

    #[test]
    fn links_stay_on_the_server() {
        let resource = |href: &str| serde_json::json!({"_links": {"next": {"href": href}}});
        assert_eq!(link(&resource("/api/x?after=1"), "next").as_deref(), Some("/api/x?after=1"));
        assert_eq!(link(&resource("//elsewhere/x"), "next"), None);
        assert_eq!(link(&resource("http://elsewhere/x"), "next"), None);
        assert_eq!(link(&resource(".elsewhere"), "next"), None);
    }
}
