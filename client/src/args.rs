//! The command line, read the way the original client's was: one dash or two before any flag, `--flag value` or
//! `--flag=value`, and flags before the command; beyond it, after the command too.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use upto_client::Status;

/// Wrong usage, in words.
#[derive(Debug, PartialEq)]
pub struct Usage(pub String);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flag {
    RemoteHost,
    RemotePort,
    HostName,
    AutoHost,
    AutoIp,
    Timeline,
    Label,
    Status,
    Fail,
    Verbose,
    Version,
    Help,
}

/// Every name of every flag. Those of one letter are written with one dash in messages.
const FLAGS: [(&str, Flag); 19] = [
    ("remotehost", Flag::RemoteHost),
    ("rh", Flag::RemoteHost),
    ("remoteport", Flag::RemotePort),
    ("rp", Flag::RemotePort),
    ("hostname", Flag::HostName),
    ("n", Flag::HostName),
    ("autohost", Flag::AutoHost),
    ("a", Flag::AutoHost),
    ("autoip", Flag::AutoIp),
    ("i", Flag::AutoIp),
    ("timeline", Flag::Timeline),
    ("label", Flag::Label),
    ("status", Flag::Status),
    ("fail", Flag::Fail),
    ("verbose", Flag::Verbose),
    ("v", Flag::Verbose),
    ("version", Flag::Version),
    ("help", Flag::Help),
    ("h", Flag::Help),
];

/// What flags say. Text that is not UTF-8 has U+FFFD in place of what is not.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// `--remotehost`
    pub remote_host: Option<String>,
    /// `--remoteport`
    pub remote_port: Option<u16>,
    /// `--hostname`
    pub host_name: String,
    /// `--autohost`
    pub auto_host: bool,
    /// `--autoip`
    pub auto_ip: bool,
    /// `--timeline`
    pub timeline: Option<String>,
    /// `--label`, in the order given
    pub labels: Vec<(String, String)>,
    /// `--status`
    pub status: Option<Status>,
    /// `--fail`; `None` leaves it to the environment
    pub fail: Option<bool>,
    /// `--verbose`
    pub verbose: bool,
    /// `--version`
    pub version: bool,
    /// `--help`
    pub help: bool,
}

/// A command line, taken apart.
#[derive(Debug, Default, PartialEq)]
pub struct Arguments {
    /// What the flags say.
    pub options: Options,
    /// The command's word and its arguments.
    pub words: Vec<String>,
    /// What follows the `--` of `run`.
    pub command: Option<Vec<OsString>>,
}

impl Arguments {
    /// Takes the arguments after the program's name apart.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Usage> {
        let mut rest = arguments.into_iter();
        let mut parsed = Arguments::default();
        while let Some(argument) = rest.next() {
            match argument.as_bytes() {
                b"--" => {
                    parsed.after_dashes(rest);
                    break;
                }
                [b'-', _, ..] => parsed.flag(&text(argument), &mut rest)?,
                _ => parsed.words.push(text(argument)),
            }
        }
        Ok(parsed)
    }

    fn after_dashes(&mut self, rest: impl Iterator<Item = OsString>) {
        match self.words.first().map(String::as_str) {
            Some("run") => self.command = Some(rest.collect()),
            _ => self.words.extend(rest.map(text)),
        }
    }

    fn flag(&mut self, argument: &str, rest: &mut impl Iterator<Item = OsString>) -> Result<(), Usage> {
        let bare = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')).unwrap_or(argument);
        let (name, value) = match bare.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (bare, None),
        };
        let Some((_, flag)) = FLAGS.into_iter().find(|(known, _)| *known == name) else {
            return Err(unknown_flag(argument, name));
        };
        let value = match value {
            Some(value) => value,
            None if flag.is_switch() => "true".to_owned(),
            // Whatever it is, a dash in front included: so did the original, and host names come from variables.
            None => rest.next().map(text).ok_or_else(|| Usage(format!("{} needs a value", dashed(name))))?,
        };
        self.options.set(flag, value).map_err(|problem| Usage(format!("{} {problem}", dashed(name))))
    }
}

impl Flag {
    fn is_switch(self) -> bool {
        matches!(self, Flag::AutoHost | Flag::AutoIp | Flag::Fail | Flag::Verbose | Flag::Version | Flag::Help)
    }
}

impl Options {
    /// The error goes on after the flag's name.
    fn set(&mut self, flag: Flag, value: String) -> Result<(), String> {
        match flag {
            Flag::RemoteHost => self.remote_host = Some(value),
            Flag::RemotePort => self.remote_port = Some(port(&value)?),
            Flag::HostName => self.host_name = value,
            Flag::AutoHost => self.auto_host = truth(&value)?,
            Flag::AutoIp => self.auto_ip = truth(&value)?,
            Flag::Timeline => self.timeline = Some(value),
            Flag::Label => self.labels.push(label(&value)?),
            Flag::Status => self.status = Some(value.parse().map_err(|error| format!("is wrong: {error}"))?),
            Flag::Fail => self.fail = Some(truth(&value)?),
            Flag::Verbose => self.verbose = truth(&value)?,
            Flag::Version => self.version = truth(&value)?,
            Flag::Help => self.help = truth(&value)?,
        }
        Ok(())
    }
}

fn text(argument: OsString) -> String {
    argument.into_string().unwrap_or_else(|argument| argument.to_string_lossy().into_owned())
}

fn dashed(name: &str) -> String {
    let dashes = if name.len() == 1 { "-" } else { "--" };
    format!("{dashes}{name}")
}

fn port(value: &str) -> Result<u16, String> {
    value.parse().ok().filter(|port| *port != 0).ok_or_else(|| format!("is a port from 1 to 65535, not {value:?}"))
}

/// The words for true and false that the original client took.
fn truth(value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("is true or false, not {value:?}")),
    }
}

fn label(value: &str) -> Result<(String, String), String> {
    match value.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("takes KEY=VALUE, not {value:?}")),
    }
}

fn unknown_flag(argument: &str, name: &str) -> Usage {
    let near = nearest(name, FLAGS.into_iter().map(|(known, _)| known));
    let hint = near.map_or_else(String::new, |near| format!("; did you mean {}?", dashed(near)));
    Usage(format!("there is no flag {argument}{hint} (after --, nothing is a flag)"))
}

/// The known word that a mistyped one is likely to mean: at most two changes away, and fewer than it has letters.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = known.map(|candidate| (distance(word, candidate), candidate));
    close.filter(|(changes, candidate)| *changes <= 2 && *changes < candidate.len().min(word.len())).min()?.1.into()
}

/// How many bytes to change, insert or remove to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, Usage> {
        Arguments::parse(line.split_whitespace().map(OsString::from))
    }

    fn options(line: &str) -> Options {
        parse(line).unwrap().options
    }

    #[test]
    fn each_flag_takes_one_dash_or_two_and_its_value_apart_or_not() {
        for flag in ["--rh x", "-rh x", "--rh=x", "-rh=x", "--remotehost x", "-remotehost=x"] {
            assert_eq!(options(flag).remote_host.as_deref(), Some("x"), "{flag}");
        }
        for flag in ["--rp 9", "-rp=9", "--remoteport=9", "-remoteport 9"] {
            assert_eq!(options(flag).remote_port, Some(9), "{flag}");
        }
        for flag in ["-n x", "--n x", "-n=x", "--hostname=x", "-hostname x"] {
            assert_eq!(options(flag).host_name, "x", "{flag}");
        }
        for flag in ["-a", "--a", "-autohost", "--autohost", "--autohost=true", "-a=1"] {
            assert!(options(flag).auto_host, "{flag}");
        }
        for flag in ["-i", "--autoip", "-autoip", "-i=T"] {
            assert!(options(flag).auto_ip, "{flag}");
        }
        assert!(!options("-a -a=false").auto_host);
        assert_eq!(options("--fail=false").fail, Some(false));
        assert!(options("-h").help && options("-help").help && options("--version").version && options("-v").verbose);
    }

    #[test]
    fn flags_stand_before_or_after_the_command() {
        let expected = parse("-n web --label a=b start ctx ev");
        assert_eq!(parse("start -n web ctx --label a=b ev"), expected);
        assert_eq!(parse("start ctx ev --label=a=b -n=web"), expected);
    }

    #[test]
    fn a_value_may_begin_with_a_dash_and_hold_equals_signs() {
        assert_eq!(options("-n -rh").host_name, "-rh");
        assert_eq!(
            options("--label a=b=c --label d=").labels,
            [("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())]
        );
        assert_eq!(options("--rh=").remote_host.as_deref(), Some(""));
    }

    #[test]
    fn two_dashes_end_the_flags_and_begin_the_command_of_run() {
        assert_eq!(parse("start ctx -- -x -- --rh").unwrap().words, ["start", "ctx", "-x", "--", "--rh"]);
        assert_eq!(parse("start ctx -").unwrap().words, ["start", "ctx", "-"]);
        let run = parse("run ctx ev -- make -j4 -- --rh").unwrap();
        assert_eq!(run.words, ["run", "ctx", "ev"]);
        assert_eq!(run.command.unwrap(), ["make", "-j4", "--", "--rh"]);
    }

    #[test]
    fn wrong_usage_says_what_is_wrong() {
        let wrong = |line: &str| parse(line).unwrap_err().0;
        assert_eq!(wrong("start --rh"), "--rh needs a value");
        assert_eq!(wrong("-n"), "-n needs a value");
        assert_eq!(wrong("--rp=x"), "--rp is a port from 1 to 65535, not \"x\"");
        assert_eq!(wrong("--rp 0"), "--rp is a port from 1 to 65535, not \"0\"");
        assert_eq!(wrong("--label ab"), "--label takes KEY=VALUE, not \"ab\"");
        assert_eq!(wrong("-a=yes"), "-a is true or false, not \"yes\"");
        assert!(wrong("--status done").starts_with("--status is wrong: status is \"done\"; use success, failure"));
        assert!(wrong("--hostnme x").contains("did you mean --hostname?"));
        assert!(wrong("-autop").contains("did you mean --autoip?"));
        assert!(wrong("-x").starts_with("there is no flag -x (after --"));
        assert!(wrong("---rh x").starts_with("there is no flag ---rh; did you mean --rh?"));
    }

    #[test]
    fn nearness_is_counted_in_changes() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("strat", ["start", "new"].into_iter()), Some("start"));
        assert_eq!(nearest("x", ["n", "s"].into_iter()), None);
    }
}
