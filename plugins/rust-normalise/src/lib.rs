//! Brings names and hosts of several build tools into one form.
//!
//! - Names are lower-case paths with dots: `Build/Compile::Core` becomes `build.compile.core`.
//! - Pods of a Kubernetes deployment are one host: `web-7d4b9c6f5-x2x8q` becomes `web`, and the pod goes into a label.

use upto_plugin::{Outcome, Report};

upto_plugin::function!(normalise);

fn normalise(mut report: Report) -> Outcome {
    report.name = dotted(&report.name).into();
    if let Some(deployment) = deployment_of(&report.host).map(str::to_owned) {
        let pod = std::mem::replace(&mut report.host, deployment.into());
        report.labels.to_mut().push(("pod".into(), pod));
    }
    Outcome::Replace(report)
}

fn dotted(name: &str) -> String {
    name.replace("::", ".").replace(['/', '\\'], ".").to_lowercase()
}

/// The deployment of a pod whose name is `DEPLOYMENT-HASH-ID`: a hash of 8 to 10 and an id of 5 characters.
fn deployment_of(host: &str) -> Option<&str> {
    let (rest, id) = host.rsplit_once('-')?;
    let (deployment, hash) = rest.rsplit_once('-')?;
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let has_digit = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let is_pod = id.len() == 5 && (8..=10).contains(&hash.len()) && plain(id) && plain(hash) && has_digit(hash);
    (is_pod && !deployment.is_empty()).then_some(deployment)
}
