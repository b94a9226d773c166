//! A real HAProxy for tests, with the configuration of `examples/cluster` on other ports. It is gone when it is dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::server::{Answer, agent, root};
use crate::service;

/// Where the example serves.
const FRONT: &str = "127.0.0.1:8080";
/// Where its instances are.
const INSTANCES: [&str; 3] = ["127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"];

/// A running load balancer.
#[derive(Debug)]
pub struct HaProxy {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl HaProxy {
    /// Starts one before three instances.
    ///
    /// # Errors
    /// Where HAProxy is not installed or does not start; the error holds what it said.
    pub fn before(instances: [SocketAddr; 3]) -> Result<Self> {
        let folder = service::folder("upto-haproxy-")?;
        service::on_free_port(|port| {
            let file = configure(folder.path(), port, instances)?;
            let mut command = service::command(&service::program("haproxy")?, folder.path())?;
            command.arg("-f").arg(file);
            let mut process = service::launch(command, &folder)?;
            service::ready(&mut process, &folder, || answers(port))?;
            Ok((port, process))
        })
        .map(|(port, process)| HaProxy { port, process, _folder: folder })
    }

    /// An address under it.
    pub fn url(&self, path: &str) -> String {
        url(self.port, path)
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        // There is nothing to be kept.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes the example's configuration for a port and instances into a folder; where it is.
///
/// # Errors
/// Where the example has other addresses, or the file can't be written.
pub fn configure(folder: &Path, port: u16, instances: [SocketAddr; 3]) -> Result<PathBuf> {
    let mut text = std::fs::read_to_string(root().join("examples/cluster/haproxy.cfg"))?;
    let mut put = |example: &str, here: String| -> Result<()> {
        ensure!(text.matches(example).count() == 1, "the example has {example} once");
        text = text.replace(example, &here);
        Ok(())
    };
    put(FRONT, format!("127.0.0.1:{port}"))?;
    for (example, instance) in INSTANCES.into_iter().zip(instances) {
        put(example, instance.to_string())?;
    }
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text)?;
    Ok(file)
}

fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// Whether an instance answers through it.
fn answers(port: u16) -> Result<()> {
    let answer = Answer::of(agent().get(url(port, "/livez")).call().context("no answer")?);
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}
