//! Puts the server together, and takes it apart again in an order that loses nothing. The only module that knows all
//! others, and the only one that starts tasks and threads for good.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, select_all};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::access::{self, Access, Hosts};
use crate::api::{self, App};
use crate::batch::{self, Writer, run_writer};
use crate::config::{ForeignSocket, ServeConfig, SpoolConfig};
use crate::demo;
use crate::functions::Registry;
use crate::ingest::flood::{Flood, Limits};
use crate::ingest::lane::Lane;
use crate::ingest::spool::Spool;
use crate::ingest::{self, Job, udp};
use crate::retention::{Housekeeper, Rules};
use crate::store::{self, Store};
use crate::telemetry::Telemetry;
use crate::transform::Loader;
use crate::transform::live::Around;
use crate::transform::recent::Recent;

/// How long the store has, once the server stops, to take what was accepted.
const FLUSH_WAIT: Duration = Duration::from_secs(10);

/// A server whose sockets are bound and whose store is open.
pub struct Server {
    demo: bool,
    doors: (Access, Hosts),
    flood: Limits,
    spool: Option<Arc<Spool>>,
    store: Arc<dyn Store>,
    loader: Loader,
    registry: Arc<Registry>,
    /// The rules of retention, and how often they are followed.
    retention: (Rules, Duration),
    udp: std::net::UdpSocket,
    /// Sockets whose datagrams go to functions.
    foreign: Vec<(std::net::UdpSocket, Arc<str>)>,
    http: TcpListener,
}

impl Server {
    /// Opens the store, loads the functions and binds the sockets: all that can be wrong with a configuration.
    ///
    /// # Errors
    /// In a sentence for the operator.
    pub async fn bind(config: ServeConfig) -> Result<Self> {
        let store = store::open(&config.store).await.context("the store can't be opened")?;
        let (secrets, large_components) = (Arc::new(config.secrets), config.large_components);
        let around = Around { secrets, large_components, ..Around::default() };
        let loader = Loader::new(config.scripts, config.plugins, around.clone())?;
        let registry = Registry::open(store.clone(), loader.functions(), around);
        let registry = registry.await.context("the functions can't be read from the store")?;
        let udp = udp::bind(config.udp).with_context(|| in_use("UDP", "--udp", config.udp))?;
        let mut foreign = Vec::new();
        for ForeignSocket { address, function } in config.foreign {
            let socket = udp::bind(address).with_context(|| in_use("UDP", "[[udp]] addr =", address))?;
            tracing::info!(function, address = %socket.local_addr()?, "datagrams go to a function");
            foreign.push((socket, function.into()));
        }
        let spool = config.spool.map(|SpoolConfig { folder, limit }| {
            let spool = Spool::open(&folder, limit);
            spool.map(Arc::new).with_context(|| format!("the spool {} can't be opened", folder.display()))
        });
        let spool = spool.transpose()?;
        let http = TcpListener::bind(config.http).await.with_context(|| in_use("HTTP", "--http", config.http))?;
        let (demo, doors, flood) = (config.demo, (config.access, config.hosts), config.flood);
        let retention = (config.retention, config.housekeeping_every);
        Ok(Server { demo, doors, flood, spool, store, loader, registry, retention, udp, foreign, http })
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
    /// Where a thread can't be started, or the system gives no random numbers.
    pub async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let Server { demo, doors, flood, spool, store, loader, registry, retention, udp, foreign, http } = self;
        let telemetry = Arc::new(Telemetry::default());
        let housekeeper = Housekeeper::new(store.clone(), telemetry.clone(), retention, access::random()?);
        let commits = batch::commits();
        let (queue, reader) = ingest::queue();
        let (handover, inbox) = batch::handover();
        let (give_up, give_up_seen) = watch::channel(false);
        let recent = Arc::new(Recent::default());

        let lane_queue = queue.clone();
        let writer = Writer {
            store: store.clone(),
            commits: commits.clone(),
            // A full queue keeps the lane awake as it is.
            wake: Box::new(move || drop(lane_queue.try_send(Job::Flush))),
            telemetry: telemetry.clone(),
            give_up: give_up_seen,
        };
        let writer = part(tokio::spawn(run_writer(writer, inbox)));
        let flood = Flood::new(flood, telemetry.clone());
        let lane = Lane::new(reader, flood, registry.live(), recent.clone(), handover, telemetry.clone());
        let lane = thread::Builder::new().name("lane".into()).spawn(move || lane.run())?;
        let loader = tokio::spawn(loader.run(shutdown.clone().cancelled_owned()));
        let following = tokio::spawn(registry.clone().run(shutdown.clone()));
        let housekeeping = tokio::spawn(housekeeper.run(shutdown.clone()));
        let stop = Arc::new(AtomicBool::new(false));
        let target = udp.local_addr()?;
        let foreign = foreign.into_iter().map(|(socket, function)| (socket, Some(function)));
        let mut receivers = Vec::new();
        for (socket, function) in [(udp, None)].into_iter().chain(foreign) {
            let (queue, spool, telemetry, stop) = (queue.clone(), spool.clone(), telemetry.clone(), stop.clone());
            let receive =
                move || udp::receive(&socket, function.as_ref(), (&queue, spool.as_deref()), &telemetry, &stop);
            receivers.push(join(thread::Builder::new().name("udp".into()).spawn(receive)?));
        }
        let spool = spool.map(|spool| {
            let (queue, telemetry, stop) = (queue.clone(), telemetry.clone(), stop.clone());
            let replay = move || spool.replay(&queue, &telemetry, &stop);
            thread::Builder::new().name("spool".into()).spawn(replay).map(join)
        });
        let spool = spool.transpose()?;
        let app = App::new(registry, recent, queue.clone(), commits, telemetry.clone(), doors, shutdown.clone());
        let server = part(tokio::spawn(api::serve(http, app.router(), telemetry.clone(), shutdown.clone())));
        let demo = demo.then(|| tokio::spawn(demo::run(store, target, telemetry.clone(), shutdown.clone())));

        let lane = join(lane);
        // None of them ends before it is told to, but by a bug: then nothing more must be taken.
        let intact = tokio::select! {
            // They do end once it is cancelled.
            biased;
            () = shutdown.cancelled() => true,
            _ = select_all(receivers.clone()) => false,
            _ = lane.clone() => false,
            _ = writer.clone() => false,
            _ = server.clone() => false,
        };
        shutdown.cancel();
        stop.store(true, Ordering::Relaxed);
        for receiver in receivers {
            finish("udp", receiver).await;
        }
        finish("http", server).await;
        let _ = loader.await;
        let _ = following.await;
        let _ = housekeeping.await;
        if let Some(demo) = demo {
            let _ = demo.await;
        }
        let patience = tokio::spawn(async move {
            tokio::time::sleep(FLUSH_WAIT).await;
            let _ = give_up.send(true);
        });
        let _ = tokio::task::spawn_blocking(move || queue.send(Job::Stop)).await;
        finish("lane", lane).await;
        finish("writer", writer).await;
        // It learns from the writer what of its chunks is stored.
        if let Some(spool) = spool {
            finish("spool", spool).await;
        }
        patience.abort();
        report(&telemetry);
        ensure!(intact, "a part of the server ended by itself; the log says why");
        Ok(())
    }
}

fn in_use(what: &str, flag: &str, address: SocketAddr) -> String {
    format!("{what} can't listen on {address}; another program may use it, choose another with {flag} ADDR")
}

/// A part of the server: its end can be asked for again and again.
type Part = Shared<BoxFuture<'static, std::result::Result<(), String>>>;

fn part(task: JoinHandle<()>) -> Part {
    task.map(|ended| ended.map_err(|error| error.to_string())).boxed().shared()
}

/// A thread as a part. Its panic is passed on.
fn join(thread: thread::JoinHandle<()>) -> Part {
    part(tokio::task::spawn_blocking(move || {
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }))
}

/// Waits for a part of the server, which may have ended already.
async fn finish(name: &str, part: Part) {
    if let Err(error) = part.await {
        tracing::error!(part = name, %error, "a part of the server failed");
    }
}

fn report(telemetry: &Telemetry) {
    let refused: u64 = telemetry.refused.iter().map(|(_, count)| count).sum();
    tracing::info!(
        received = telemetry.received.get(),
        stored = telemetry.stored.get(),
        refused,
        dropped_by_functions = telemetry.function_drops.get(),
        dead_letters = telemetry.dead_letters.get(),
        replayed = telemetry.replayed.get(),
        dropped_by_queue = telemetry.queue_drops.get(),
        dropped_by_kernel = telemetry.kernel_drops.get(),
        lost = telemetry.lost.get(),
        "stopped"
    );
}
