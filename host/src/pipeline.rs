//! Puts the server together, and takes it apart again in an order that loses nothing. The only module that knows all
//! others, and the only one that starts tasks and threads for good.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::{self, App};
use crate::batch::{self, Writer, run_writer};
use crate::config::ServeConfig;
use crate::demo;
use crate::ingest::lane::Lane;
use crate::ingest::{self, Job, udp};
use crate::store::{self, Store};
use crate::telemetry::Telemetry;
use crate::transform::{Loader, Stats};

/// How long the store has, once the server stops, to take what was accepted.
const FLUSH_WAIT: Duration = Duration::from_secs(10);

/// A server whose sockets are bound and whose store is open.
pub struct Server {
    config: ServeConfig,
    store: Arc<dyn Store>,
    loader: Loader,
    udp: std::net::UdpSocket,
    http: TcpListener,
}

impl Server {
    /// Opens the store, loads the functions and binds the sockets: all that can be wrong with a configuration.
    ///
    /// # Errors
    /// In a sentence for the operator.
    pub async fn bind(config: ServeConfig) -> Result<Self> {
        let store = store::open(&config.store).await.context("the store can't be opened")?;
        let loader = Loader::new(config.scripts.clone(), config.plugins.clone())?;
        let udp = udp::bind(config.udp).with_context(|| in_use("UDP", "--udp", config.udp))?;
        let http = TcpListener::bind(config.http).await.with_context(|| in_use("HTTP", "--http", config.http))?;
        Ok(Server { config, store, loader, udp, http })
    }

    /// Where it takes datagrams, and where it serves HTTP.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.udp.local_addr()?, self.http.local_addr()?))
    }

    /// Serves until `shutdown` is cancelled; then takes nothing new, and flushes what was accepted.
    ///
    /// # Errors
    /// Where a thread can't be started.
    pub async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let Server { config, store, loader, udp, http } = self;
        let telemetry = Arc::new(Telemetry::default());
        let commits = batch::commits();
        let (queue, reader) = ingest::queue();
        let (handover, inbox) = batch::handover();
        let (give_up, give_up_seen) = watch::channel(false);
        let stats = Arc::new(Stats::default());

        let writer = Writer {
            store: store.clone(),
            commits: commits.clone(),
            queue: queue.clone(),
            telemetry: telemetry.clone(),
            give_up: give_up_seen,
        };
        let writer = tokio::spawn(run_writer(writer, inbox));
        let lane = Lane::new(reader, loader.programs(), handover, telemetry.clone(), stats.clone());
        let lane = thread::Builder::new().name("lane".into()).spawn(move || lane.run())?;
        let loader = tokio::spawn(loader.run(shutdown.clone().cancelled_owned()));
        let stop = Arc::new(AtomicBool::new(false));
        let target = udp.local_addr()?;
        let receiver = {
            let (queue, telemetry, stop) = (queue.clone(), telemetry.clone(), stop.clone());
            let receive = move || udp::receive(&udp, &queue, &telemetry, &stop);
            thread::Builder::new().name("udp".into()).spawn(receive)?
        };
        let app = App::new(store.clone(), queue.clone(), commits, telemetry.clone(), stats, shutdown.clone());
        let server = tokio::spawn(api::serve(http, app.router(), shutdown.clone()));
        let demo = config.demo.then(|| tokio::spawn(demo::run(store, target, telemetry.clone(), shutdown.clone())));

        shutdown.cancelled().await;
        stop.store(true, Ordering::Relaxed);
        join(receiver).await;
        let _ = server.await;
        let _ = loader.await;
        if let Some(demo) = demo {
            let _ = demo.await;
        }
        let patience = tokio::spawn(async move {
            tokio::time::sleep(FLUSH_WAIT).await;
            let _ = give_up.send(true);
        });
        let _ = tokio::task::spawn_blocking(move || queue.send(Job::Stop)).await;
        join(lane).await;
        let _ = writer.await;
        patience.abort();
        report(&telemetry);
        Ok(())
    }
}

fn in_use(what: &str, flag: &str, address: SocketAddr) -> String {
    format!("{what} can't listen on {address}; another program may use it, choose another with {flag} ADDR")
}

/// Waits for a thread without holding up the others.
async fn join(thread: thread::JoinHandle<()>) {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    if !matches!(tokio::task::spawn_blocking(move || thread.join()).await, Ok(Ok(()))) {
        tracing::error!(thread = name, "a thread panicked");
    }
}

fn report(telemetry: &Telemetry) {
    let refused: u64 = telemetry.refused.iter().map(|(_, count)| count).sum();
    tracing::info!(
        received = telemetry.received.get(),
        stored = telemetry.stored.get(),
        refused,
        dropped_by_functions = telemetry.function_drops.get(),
        dropped_by_queue = telemetry.queue_drops.get(),
        dropped_by_kernel = telemetry.kernel_drops.get(),
        lost = telemetry.lost.get(),
        "stopped"
    );
}
