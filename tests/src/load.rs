//! Load that can be made again from its seed, and clients that send it as docs/http.md asks.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock, mpsc};
use std::time::{Duration, Instant};

use anyhow::Result;
use upto_wire::{Kind, Report, Status, Time, msgpack};

use crate::oracle::Oracle;
use crate::server::{Answer, Server, agent};

/// The context of all load.
pub const CONTEXT: &str = "load";
/// The timeline that all load names, so that it is no question where a report goes.
pub const TIMELINE: &str = "run";

/// 2026-11-22T14:00:00Z in microseconds, the moment from which the times of the load count.
const BEGUN_US: i64 = 1_795_356_000_000_000;
/// How long a report may stay unacknowledged however much breaks.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(120);
/// The pause of a client whose connection broke or was refused.
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Those of a seed.
    pub fn of(seed: u64) -> Self {
        Random(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.any() % limit as u64) as usize
    }

    /// Puts things in any order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.below(at + 1));
        }
    }
}

/// A report of a start, so many microseconds into the run.
pub fn start(step: &str, at_us: usize) -> Report<'static> {
    report(Kind::Start, step, at_us, "started")
}

/// A report of an end.
pub fn end(step: &str, at_us: usize, status: Status) -> Report<'static> {
    Report { status: Some(status), ..report(Kind::End, step, at_us, "ended") }
}

fn report(kind: Kind, step: &str, at_us: usize, label: &'static str) -> Report<'static> {
    Report {
        timeline: Some(TIMELINE.into()),
        time: Some(Time::from_micros(BEGUN_US + at_us as i64)),
        labels: [(label, at_us.to_string())].into_iter().collect(),
        ..Report::new(kind, CONTEXT, step.to_owned())
    }
}

/// A report as a datagram.
pub fn datagram(report: &Report<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    msgpack::encode(report, &mut bytes);
    bytes
}

/// Where a server is at the moment, for clients that outlive it.
pub type Address = Arc<RwLock<SocketAddr>>;

/// The address of a server.
pub fn address_of(server: &Server) -> Address {
    Arc::new(RwLock::new(server.http))
}

/// A client that keeps its connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    address: Address,
}

impl Client {
    /// One of the server at an address.
    pub fn to(address: &Address) -> Self {
        Client { agent: agent(), address: address.clone() }
    }

    /// Posts reports once.
    ///
    /// # Errors
    /// Where no whole answer came: whether they are stored is unknown.
    pub fn post(&self, reports: &[Report<'_>]) -> Result<Answer> {
        let body: Vec<u8> = reports.iter().flat_map(datagram).collect();
        let url = format!("http://{}/api/events", self.address.read().expect("no panic while it is held"));
        let mut response = self.agent.post(url).header("content-type", "application/msgpack").send(&body)?;
        let text = response.body_mut().read_to_string()?;
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), text })
    }

    /// Posts reports until they are acknowledged: again after the pause that a 503 asks for, and where the connection
    /// broke. Returns how often.
    pub fn deliver(&self, reports: &[Report<'_>]) -> usize {
        let deadline = Instant::now() + ACKNOWLEDGED_WITHIN;
        for tries in 1.. {
            let pause = match self.post(reports) {
                Ok(answer) if answer.status == 200 => {
                    assert_eq!(answer.json()["accepted"], reports.len(), "{answer:?}");
                    return tries;
                }
                Ok(answer) if answer.status == 503 => {
                    Duration::from_secs(answer.header("retry-after").parse().expect("a 503 says when to come back"))
                }
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => RECONNECT_PAUSE,
            };
            assert!(Instant::now() < deadline, "no acknowledgement within {ACKNOWLEDGED_WITHIN:?}");
            std::thread::sleep(pause);
        }
        unreachable!("tries have no end")
    }
}

/// What became of load under trouble.
#[derive(Debug)]
pub struct Endured {
    /// What was acknowledged.
    pub oracle: Oracle,
    /// Requests sent again.
    pub again: usize,
}

/// Delivers so many requests from so many clients, and makes `trouble` so many times, evenly among the acknowledgements.
/// Most requests hold a start or an end, some hundreds of starts.
pub fn under_trouble(
    address: &Address,
    seed: u64,
    (requests, clients): (usize, usize),
    troubles: usize,
    mut trouble: impl FnMut(),
) -> Endured {
    let (sender, acknowledged) = mpsc::channel();
    std::thread::scope(|scope| {
        let deliver = |client: usize| {
            let (sender, connection) = (sender.clone(), Client::to(address));
            let mut random = Random::of(seed ^ client as u64);
            scope.spawn(move || {
                let (mut oracle, mut again) = (Oracle::default(), 0);
                for number in (client..requests).step_by(clients) {
                    let reports = request(&mut random, client, number / clients);
                    again += connection.deliver(&reports) - 1;
                    reports.iter().for_each(|report| oracle.tell(report));
                    // Whoever counts may have failed.
                    let _ = sender.send(());
                }
                (oracle, again)
            })
        };
        let threads: Vec<_> = (0..clients).map(deliver).collect();
        drop(sender);
        for number in 1..=requests {
            acknowledged.recv().expect("all clients go on until all is acknowledged");
            if number % (requests / (troubles + 1)) == 0 && number / (requests / (troubles + 1)) <= troubles {
                trouble();
            }
        }
        let mut endured = Endured { oracle: Oracle::default(), again: 0 };
        for thread in threads {
            let (oracle, again) = thread.join().expect("a client delivers");
            endured.oracle.merge(oracle);
            endured.again += again;
        }
        endured
    })
}

/// The reports of a client's request of that number. Now and then they are more than a store merges one by one.
fn request(random: &mut Random, client: usize, number: usize) -> Vec<Report<'static>> {
    let at = random.below(1_000_000);
    let step = format!("step-{client}-{}", number / 2);
    match number % 40 {
        39 => (0..300).map(|many| start(&format!("many-{client}-{number}-{many}"), at)).collect(),
        even if even % 2 == 0 => vec![start(&step, at)],
        _ => vec![end(&step, 1_000_000 + at, Status::ALL[random.below(6)])],
    }
}
