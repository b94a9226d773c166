//! The work that `make bench` measures in Wasm. The context of a report says which.

use upto_plugin::{Outcome, Report, lookup};

upto_plugin::function!(work);

fn work(mut report: Report) -> Outcome {
    match &*report.context {
        "no-op" => return Outcome::Keep,
        "drop" => return Outcome::Drop,
        "one field" => report.host = "web-1".into(),
        "rename" => rename(&mut report),
        "map host" => map_host(&mut report),
        "rename, map host" => {
            rename(&mut report);
            map_host(&mut report);
        }
        other => return Outcome::Fail(format!("there is no work {other:?}")),
    }
    Outcome::Replace(report)
}

fn rename(report: &mut Report) {
    report.name = report.name.to_ascii_lowercase().into();
}

fn map_host(report: &mut Report) {
    if let Some(host) = lookup("hosts", &report.host) {
        report.host = host.into();
    }
}
