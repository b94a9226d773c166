//! Several instances on one Postgres, behind the load balancer of `examples/cluster`.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use upto_tests::haproxy::{self, HaProxy};
use upto_tests::postgres::Database;
use upto_tests::server::{Answer, Server, agent, bin_dir, command, root, run, wait, wait_for};
use upto_tests::stream::Stream;

/// How often a client sends a report: again where it was not answered, or with 502 or 503. These clients don't wait in between
/// as `Retry-After` says, so that they meet an instance that is about to go more than once.
const TRIES: u32 = 5;
/// Clients that report at the same time.
const CLIENTS: usize = 4;

/// Three instances and what is around them, in the order in which it goes away.
struct Cluster {
    balancer: HaProxy,
    instances: [Server; 3],
    database: Database,
}

impl Cluster {
    fn start() -> Self {
        let database = Database::fresh().expect("a database");
        let instances = [(); 3].map(|()| Server::with(&["--store", database.url()]));
        let balancer = HaProxy::before(instances.each_ref().map(|instance| instance.http)).expect("a balancer");
        Cluster { balancer, instances, database }
    }

    /// Posts reports through the balancer.
    fn post(&self, reports: &Value) -> Answer {
        Answer::to_post(&self.balancer.url("/api/events"), reports).expect("it answers")
    }

    /// What the balancer and then each instance answer.
    fn everywhere(&self, path: &str) -> Vec<Value> {
        let balanced = Answer::of(agent().get(self.balancer.url(path)).call().expect("it answers"));
        let direct = self.instances.iter().map(|instance| instance.get(path));
        [balanced].into_iter().chain(direct).map(|answer| answer.json()).collect()
    }

    /// Asserts that the store has exactly the steps that clients were told are stored, each started and ended once.
    fn assert_has_steps(&self, steps: u64) {
        let counts = "SELECT count(*)::text, count(*) FILTER (WHERE state = 'ended' AND duration_s = 1 AND restarted_at IS NULL)::text \
             FROM upto.event_durations WHERE context = 'load'";
        let steps = Some(steps.to_string());
        assert_eq!(self.database.query(counts).expect("the view answers"), [[steps.clone(), steps]]);
    }
}

/// Clients that report steps through a balancer, one after another, until they are told that it is enough.
struct Load {
    url: String,
    enough: AtomicBool,
    /// Steps of which start and end were acknowledged.
    steps: AtomicU64,
}

impl Load {
    fn on(cluster: &Cluster) -> Self {
        Load { url: cluster.balancer.url("/api/events"), enough: AtomicBool::new(false), steps: AtomicU64::new(0) }
    }

    /// Runs `during` beside the clients; how many steps they were told are stored.
    fn run(&self, during: impl FnOnce()) -> u64 {
        std::thread::scope(|scope| {
            // A panic of `during` must not leave the clients at it.
            let enough = Enough(&self.enough);
            let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || self.report(client))).collect();
            during();
            drop(enough);
            clients.into_iter().for_each(|client| client.join().expect("all is acknowledged"));
        });
        self.steps.load(Ordering::Relaxed)
    }

    fn report(&self, client: usize) {
        // It keeps its connection, so that the balancer's to the instances are used again, too.
        let agent = agent();
        for number in 0.. {
            if self.enough.load(Ordering::Relaxed) {
                break;
            }
            for (kind, time) in [("start", "2026-01-02T03:04:05Z"), ("end", "2026-01-02T03:04:06Z")] {
                let name = format!("client {client}.step {number}");
                let report = json!({"context": "load", "name": name, "type": kind, "time": time});
                let mut said = Vec::new();
                let acknowledged = (0..TRIES).any(|_| match Answer::to_post_of(&agent, &self.url, &report) {
                    Ok(answer) if answer.status == 200 => true,
                    Ok(Answer { status, text, .. }) => {
                        assert!(matches!(status, 502 | 503), "{status}: {text}");
                        said.push(text);
                        false
                    }
                    Err(error) => {
                        said.push(error.to_string());
                        false
                    }
                });
                assert!(acknowledged, "{report}: {said:?}");
            }
            self.steps.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for so many more steps.
    fn wait_for_steps(&self, more: u64) {
        let wanted = self.steps.load(Ordering::Relaxed) + more;
        wait_for("further steps", || (self.steps.load(Ordering::Relaxed) >= wanted).then_some(()));
    }
}

struct Enough<'a>(&'a AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn report(kind: &str, name: &str) -> Value {
    json!({"context": "deploy", "name": name, "type": kind})
}

#[test]
fn each_request_may_go_to_another_instance_and_all_say_the_same() {
    let cluster = Cluster::start();
    assert_eq!(cluster.post(&report("start", "db.migrate")).status, 200);
    let made = Answer::to_post(&cluster.balancer.url("/api/contexts/deploy/timelines"), &json!({"name": "second"}));
    assert_eq!(made.expect("it answers").json()["number"], 2);
    // It names no timeline, and goes to where the step runs.
    assert_eq!(cluster.post(&report("end", "db.migrate")).status, 200);
    let received = cluster.instances.each_ref().map(|instance| instance.metric("upto_reports_received_total"));
    assert_eq!(received, [1, 1, 1], "each request went to another instance");

    let events = cluster.everywhere("/api/contexts/deploy/timelines/1/events");
    assert_eq!(events[0]["_embedded"]["events"][0]["state"], "ended");
    let contexts = cluster.everywhere("/api/contexts");
    assert_eq!(contexts[0]["_embedded"]["contexts"].as_array().map(Vec::len), Some(1));
    for answers in [events, contexts, cluster.everywhere("/api/contexts/deploy/timelines")] {
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
}

#[test]
fn a_function_deployed_through_the_balancer_is_live_on_all() {
    let cluster = Cluster::start();
    let source = "function transform(report) report.labels.stamp = '1' return report end";
    let put = agent().put(cluster.balancer.url("/api/functions/stamp")).header("content-type", "text/x-lua");
    assert_eq!(Answer::of(put.send(source).expect("it answers")).status, 201);
    for (number, instance) in cluster.instances.iter().enumerate() {
        instance.wait_for("the function", |instance| {
            let answer = instance.get("/api/functions/stamp");
            (answer.status == 200 && answer.json()["running"] == 1).then_some(())
        });
        let name = format!("at {number}");
        assert_eq!(instance.post(&report("point", &name)).status, 200);
        let event = instance.event("deploy", "1", &name, "").expect("there");
        assert_eq!((&event["functions"], &event["labels"]), (&json!(["stamp@1"]), &json!({"stamp": "1"})));
    }
}

#[test]
fn a_live_stream_through_the_balancer_tells_of_reports_at_all_instances() {
    let cluster = Cluster::start();
    assert_eq!(cluster.post(&report("start", "first")).status, 200);
    let mut stream = Stream::at(&cluster.balancer.url("/api/contexts/deploy/timelines/1/stream"));
    let mut revision = stream.notice().expect("a notice at once")["revision"].as_u64();
    // Two of the three are not the one that the stream comes from.
    for (number, instance) in cluster.instances.iter().enumerate() {
        assert_eq!(instance.post(&report("start", &format!("at {number}"))).status, 200);
        let next = stream.notice().expect("a notice of it")["revision"].as_u64();
        assert!(next > revision, "{next:?} after {revision:?}");
        revision = next;
    }
}

#[test]
fn an_instance_that_is_killed_costs_clients_no_more_than_retries() {
    let cluster = Cluster::start();
    let load = Load::on(&cluster);
    let steps = load.run(|| {
        load.wait_for_steps(50);
        cluster.instances[1].signal(libc::SIGKILL);
        load.wait_for_steps(200);
    });
    cluster.assert_has_steps(steps);
}

#[test]
fn instances_restarted_one_by_one_cost_clients_no_more_than_retries() {
    let mut cluster = Cluster::start();
    let load = Load::on(&cluster);
    let Cluster { instances, database, .. } = &mut cluster;
    let mut restarted = 0;
    let steps = load.run(|| {
        load.wait_for_steps(20);
        for instance in instances.iter_mut() {
            instance.restart(&["--store", database.url()]).expect("it stops well");
            // The next one must not go before the balancer has this one again.
            instance.wait_for("requests", |it| (it.metric("upto_reports_received_total") > 0).then_some(()));
            restarted += 1;
        }
        load.wait_for_steps(20);
    });
    assert_eq!(restarted, 3);
    cluster.assert_has_steps(steps);
}

/// The example as it is started by hand, on other ports.
struct Example {
    process: Child,
    log: PathBuf,
}

impl Example {
    fn start(folder: &Path, configuration: &Path, url: &str) -> Self {
        let log = folder.join("log");
        let file = File::create(&log).expect("a file");
        let process = example()
            .arg(configuration)
            .current_dir(folder)
            .env("DATABASE_URL", url)
            .stdout(file.try_clone().expect("the same file"))
            .stderr(file)
            .spawn()
            .expect("it runs");
        Example { process, log }
    }

    fn stop(&mut self) -> Option<i32> {
        // SAFETY: the child has not been waited for, so its id is its own.
        unsafe { libc::kill(self.process.id() as i32, libc::SIGTERM) };
        wait(&mut self.process).expect("it ends").code()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.stop();
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "{log}");
        }
    }
}

/// The example's script, which finds the programs under test.
fn example() -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut script = Command::new(root().join("examples/cluster/start"));
    script.env("PATH", format!("{}:{path}", bin_dir().display())).env_remove("DATABASE_URL");
    script
}

/// Addresses whose ports are free for TCP and UDP. Another process may take one before it is used.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let taken = [(); N].map(|()| {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = tcp.local_addr().expect("it is bound");
        (UdpSocket::bind(address).expect("free for UDP too"), tcp, address)
    });
    taken.map(|(_, _, address)| address)
}

#[test]
fn the_example_starts_and_stops_three_instances_and_their_balancer() {
    let (database, folder) = (Database::fresh().expect("a database"), tempfile::tempdir().expect("a folder"));
    let [front, instances @ ..] = free_addresses::<4>();
    let configuration = haproxy::configure(folder.path(), front.port(), instances).expect("written");
    let mut example = Example::start(folder.path(), &configuration, database.url());
    let get = |address: SocketAddr, path: &str| {
        let answer = Answer::of(agent().get(format!("http://{address}{path}")).call().ok()?);
        (answer.status == 200).then_some(answer)
    };
    for address in [instances.as_slice(), &[front]].concat() {
        wait_for("a server that is ready", || get(address, "/readyz"));
    }
    for address in instances {
        let mut client = command("upto-client");
        client.args(["event", "deploy", &format!("by {}", address.port())]);
        assert_eq!(run(client.env("UPTO_URL", format!("udp://{address}"))).code, Some(0));
    }
    wait_for("a report by UDP at each instance", || {
        let timeline = get(front, "/api/contexts/deploy/timelines/1")?.json();
        (timeline["events"] == 3).then_some(())
    });
    assert_eq!(example.stop(), Some(143));
    for address in [instances.as_slice(), &[front]].concat() {
        TcpListener::bind(address).expect("nobody listens there any more");
    }
    let log = std::fs::read_to_string(&example.log).expect("a log");
    assert_eq!(log.matches(" stopped received=1 stored=1 ").count(), 3, "{log}");
}

#[test]
fn the_example_says_what_it_needs() {
    let ended = run(&mut example());
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("start: DATABASE_URL is not set"), "{}", ended.stderr);
}
