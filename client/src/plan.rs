//! What a command line asks for, together with the environment.

use std::ffi::OsString;
use std::time::{SystemTime, UNIX_EPOCH};

use upto_client::{Kind, Report, Target, Time, Transport};

use crate::args::{Arguments, Options, Usage, nearest};
use crate::environment::Environment;
use crate::reporter::Reporter;
use crate::show::View;

/// The words of the commands, the short ones of the original client included.
const COMMANDS: [(&str, Command); 11] = [
    ("new", Command::Report(Kind::New)),
    ("n", Command::Report(Kind::New)),
    ("start", Command::Report(Kind::Start)),
    ("s", Command::Report(Kind::Start)),
    ("end", Command::Report(Kind::End)),
    ("e", Command::Report(Kind::End)),
    ("event", Command::Report(Kind::Point)),
    ("v", Command::Report(Kind::Point)),
    ("run", Command::Run),
    ("show", Command::Show),
    ("help", Command::Help),
];

#[derive(Clone, Copy)]
enum Command {
    Report(Kind),
    Run,
    Show,
    Help,
}

/// What to do.
pub enum Plan {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Send one report.
    Send(Reporter, Report<'static>),
    /// Run a command and report it.
    Run(Job),
    /// Print a timeline.
    Show(View),
}

/// A command to be run and reported.
pub struct Job {
    /// Who reports it.
    pub reporter: Reporter,
    /// The report of its start, but for the time.
    pub start: Report<'static>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

/// Puts arguments and environment together; flags win.
pub fn plan(arguments: Arguments, environment: &Environment) -> Result<Plan, Usage> {
    let Arguments { options, words, command } = arguments;
    if options.help {
        return Ok(Plan::Help);
    }
    if options.version {
        return Ok(Plan::Version);
    }
    let mut words = words.into_iter();
    let word = words
        .next()
        .ok_or_else(|| Usage("say what to report: new, start, end, event or run; show shows a timeline".to_owned()))?;
    let words: Vec<String> = words.collect();
    match COMMANDS.into_iter().find(|(known, _)| *known == word) {
        Some((_, Command::Help)) => Ok(Plan::Help),
        Some((_, Command::Report(kind))) => {
            let report = report(kind, &word, words, &options, environment)?;
            let reporter = Reporter::new(&options, environment);
            reporter.wrong_url().map_or(Ok(Plan::Send(reporter, report)), |problem| Err(Usage(problem)))
        }
        Some((_, Command::Run)) => job(words, command, &options, environment).map(Plan::Run),
        Some((_, Command::Show)) => view(words, &options, environment).map(Plan::Show),
        None => {
            let near = nearest(&word, COMMANDS.into_iter().map(|(known, _)| known));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            Err(Usage(format!("there is no command {word}{hint}")))
        }
    }
}

/// The command is run whatever is wrong with the server's URL.
fn job(
    words: Vec<String>,
    command: Option<Vec<OsString>>,
    options: &Options,
    environment: &Environment,
) -> Result<Job, Usage> {
    let command = command
        .filter(|command| !command.is_empty())
        .ok_or_else(|| Usage("run needs a command after two dashes: run CONTEXT EVENT -- COMMAND".to_owned()))?;
    if options.status.is_some() {
        return Err(Usage("--status has no place in run: the command's exit decides".to_owned()));
    }
    let start = report(Kind::Start, "run", words, options, environment)?;
    Ok(Job { reporter: Reporter::new(options, environment), start, command })
}

/// What is read is read by HTTP. One word is the context, as everywhere; a timeline alone is named by `--timeline`.
fn view(words: Vec<String>, options: &Options, environment: &Environment) -> Result<View, Usage> {
    let mut words = words.into_iter();
    let (context, timeline) = match (words.next(), words.next(), words.next(), environment.context.clone()) {
        (Some(context), timeline, None, _) => (context, timeline),
        (None, None, None, Some(context)) => (context, None),
        (None, None, None, None) => return Err(Usage("show takes CONTEXT (UPTO_CONTEXT is not set)".to_owned())),
        _ => return Err(Usage("show takes CONTEXT and TIMELINE, and no more; quote what holds spaces".to_owned())),
    };
    let target = match &environment.url {
        _ if options.remote_host.is_some() || options.remote_port.is_some() => {
            return Err(Usage("show reads by HTTP: give the server by UPTO_URL=http://HOST:PORT".to_owned()));
        }
        Some(url) => url.parse().map_err(|error| Usage(format!("UPTO_URL is wrong: {error}")))?,
        None => Target::new(Transport::Http, "", Transport::Http.default_port()),
    };
    if target.transport() != Transport::Http {
        return Err(Usage("show reads by HTTP: set UPTO_URL=http://HOST:PORT".to_owned()));
    }
    let named = options.timeline.as_deref().or(environment.timeline_in(&context)).filter(|name| !name.is_empty());
    let timeline = timeline.or_else(|| named.map(segment_of_name)).unwrap_or_else(|| "latest".to_owned());
    Ok(View { target, token: environment.token.clone(), context, timeline })
}

/// What the API takes for a timeline's name: a name that would pass for a number or for `latest` is marked.
fn segment_of_name(name: &str) -> String {
    match name == "latest" || name.starts_with("name:") || name.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("name:{name}"),
        false => name.to_owned(),
    }
}

fn report(
    kind: Kind,
    word: &str,
    words: Vec<String>,
    options: &Options,
    environment: &Environment,
) -> Result<Report<'static>, Usage> {
    if options.status.is_some() && !matches!(kind, Kind::End | Kind::Point) {
        return Err(Usage(format!("--status has no place in {word}: it is how a step ended")));
    }
    let (context, name) = context_and_name(kind, word, words, environment)?;
    let name = match environment.parent_in(&context) {
        Some(parent) if kind != Kind::New => format!("{parent}.{name}"),
        _ => name,
    };
    let timeline = options.timeline.as_deref().or(environment.timeline_in(&context)).filter(|name| !name.is_empty());
    let timeline = timeline.map(|name| name.to_owned().into());
    let mut report = Report::new(kind, context, name);
    report.timeline = timeline;
    report.status = options.status;
    report.labels = options.labels.iter().cloned().collect();
    // A new timeline has no host and no time of its own: so the original client sends it.
    if kind != Kind::New {
        report.host = if options.auto_host { host_name() } else { options.host_name.clone() }.into();
        report.auto_ip = options.auto_ip;
        report.time = Some(now());
    }
    Ok(report)
}

/// CONTEXT may be left out where `UPTO_CONTEXT` is set. The number of words says whether it was, never what they are.
fn context_and_name(
    kind: Kind,
    word: &str,
    words: Vec<String>,
    environment: &Environment,
) -> Result<(String, String), Usage> {
    let of_new = kind == Kind::New;
    let takes = if of_new { "CONTEXT" } else { "CONTEXT and EVENT" };
    let mut words = words.into_iter();
    match (words.next(), words.next(), words.next(), environment.context.clone()) {
        (Some(context), None, ..) if of_new => Ok((context, String::new())),
        (None, None, None, Some(context)) if of_new => Ok((context, String::new())),
        (Some(context), Some(name), None, _) if !of_new => Ok((context, name)),
        (Some(name), None, None, Some(context)) if !of_new => Ok((context, name)),
        (_, _, None, None) => Err(Usage(format!("{word} takes {takes} (UPTO_CONTEXT is not set)"))),
        (None, ..) => Err(Usage(format!("{word} takes EVENT, or {takes}"))),
        _ => Err(Usage(format!("{word} takes {takes}, and no more; quote a name that holds spaces"))),
    }
}

/// The clock, in whole microseconds. A clock before 1970 leaves the time to the server.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or_default())
}

/// This machine's name; empty if it has none that can be read.
fn host_name() -> String {
    // As long as Linux lets a name be, four times over.
    let mut buffer = [0_u8; 256];
    // SAFETY: the pointer and the length are those of `buffer`, whose last byte stays NUL.
    let failed = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) } != 0;
    let length = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
    if failed { String::new() } else { String::from_utf8_lossy(&buffer[..length]).into_owned() }
}
