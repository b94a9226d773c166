//! The help and `docs/client.md` tell of the same commands, flags and variables, and the examples work.

mod support;

use std::process::Command;

use support::{Udp, quiet_success, run};

const DOCS: &str = include_str!("../../docs/client.md");
const HELP: &str = include_str!("../src/help.txt");

#[test]
fn every_flag_and_variable_of_the_help_is_documented_and_the_other_way_round() {
    let words = |text: &'static str| {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .filter(|word| {
                word.starts_with("UPTO_")
                    || word.strip_prefix("--").is_some_and(|name| !name.is_empty() && !name.starts_with('-'))
            })
            .collect::<std::collections::BTreeSet<_>>()
    };
    let sections =
        DOCS.split("\n## ").filter(|section| section.starts_with("Flags") || section.starts_with("Environment"));
    let documented: std::collections::BTreeSet<_> = sections.flat_map(words).collect();
    let documented: Vec<_> = documented.into_iter().collect();
    assert_eq!(documented, words(HELP).into_iter().collect::<Vec<_>>());
}

/// The first block of a section in a language.
fn example(section: &str, language: &str) -> &'static str {
    let section = DOCS.split("\n## ").find(|text| text.starts_with(section)).expect(section);
    let block = section.split("```").find(|block| block.starts_with(&format!("{language}\n"))).expect(language);
    &block[language.len() + 1..]
}

fn with_client_on_path(command: &mut Command) -> &mut Command {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_upto-client")).parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    ["URL", "TOKEN", "CONTEXT", "TIMELINE", "PARENT", "FAIL"].iter().for_each(|name| {
        command.env_remove(format!("UPTO_{name}"));
    });
    command.env("PATH", format!("{}:{path}", folder.display()))
}

/// The script with the server replaced, and the commands that it needs as functions or scripts of its own.
fn backup(verified: bool) -> (support::Ended, Vec<String>) {
    let server = Udp::new();
    let script = example("In a shell script", "sh").replace("udp://upto.example.net", &server.url());
    let script =
        script.replace("pg_dump -Fc -f shop.dump shop", "true").replace("scp shop.dump backups.example.net:", "true");
    let script = script.replace("pg_restore --list shop.dump", if verified { "true" } else { "false" });
    let mut command = Command::new("sh");
    let ended = run(with_client_on_path(command.arg("-c").arg(&script)));
    let reports = (0..7).map(|_| server.report()).map(|report| {
        let status = report.status.map_or("", |status| status.as_str());
        format!("{} {} {status}", report.kind.as_str(), report.name).trim_end().to_owned()
    });
    (ended, reports.collect())
}

#[test]
fn the_shell_script_reports_what_it_says() {
    let (ended, reports) = backup(true);
    assert_eq!(ended, quiet_success());
    assert_eq!(
        reports,
        [
            "new",
            "start dump",
            "end dump success",
            "start upload",
            "end upload success",
            "start verify",
            "end verify success"
        ]
    );
    let (ended, reports) = backup(false);
    assert_eq!(ended.code, 1);
    assert_eq!(reports[5..], ["start verify", "end verify failure"]);
}
