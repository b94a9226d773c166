//! Sends the command's reports, and keeps what goes wrong from being anybody's problem unless it is asked for.

use upto_client::{Client, Report, Target, Transport, UrlError};

use crate::args::Options;
use crate::complain;
use crate::environment::Environment;

/// Sends reports, and says on the standard error what went wrong where that is asked for.
pub struct Reporter {
    client: Result<Client, UrlError>,
    /// Whether a report that was not sent is a failure.
    pub fail: bool,
    verbose: bool,
}

impl Reporter {
    /// The reporter that flags and environment ask for. The original's flags for the server mean UDP, and leave nothing
    /// of `UPTO_URL`.
    pub fn new(options: &Options, environment: &Environment) -> Self {
        let client = match (&options.remote_host, options.remote_port, &environment.url) {
            (None, None, Some(url)) => url.parse(),
            (host, port, _) => {
                let port = port.unwrap_or(Transport::Udp.default_port());
                Ok(Target::new(Transport::Udp, host.as_deref().unwrap_or_default(), port))
            }
        };
        let client = client.map(Client::new).map(|client| match &environment.token {
            Some(token) => client.with_token(token),
            None => client,
        });
        Reporter { client, fail: options.fail.unwrap_or(environment.fail), verbose: options.verbose }
    }

    /// The server's URL, if it has a sound one.
    pub fn url(&self) -> Option<String> {
        self.client.as_ref().ok().map(|client| client.target().to_string())
    }

    /// What is wrong with the server's URL, which then gets no report.
    pub fn wrong_url(&self) -> Option<String> {
        self.client.as_ref().err().map(|error| format!("UPTO_URL is wrong: {error}"))
    }

    /// Whether it was sent.
    pub fn report(&self, report: &Report<'_>) -> bool {
        let Ok(client) = &self.client else { return false };
        let sent = client.send(report);
        if let Err(problem) = &sent
            && (self.fail || self.verbose)
        {
            let (kind, step) =
                (report.kind.as_str(), if report.name.is_empty() { &report.context } else { &report.name });
            complain(&format!("{kind} {step}: {problem}"));
        }
        sent.is_ok()
    }
}
