//! Follows the rules of retention: rounds over all contexts, by one instance at a time, in small steps.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::rules::{Limits, Rules};
use crate::clock;
use crate::store::{ContextRow, Keep, Store, StoreError, TimelineKey};
use crate::telemetry::Telemetry;

/// Rounds that the lease lasts: so long nobody does the housekeeping where an instance has died.
const LEASE_ROUNDS: u32 = 3;
/// Contexts that are read at a time.
const CONTEXTS_AT_ONCE: u32 = 500;
/// Timelines that are looked for at a time. What comes for one of them meanwhile goes with it: so they are few.
const TIMELINES_AT_ONCE: u32 = 16;
/// Events that are deleted at a time.
const EVENTS_AT_ONCE: u32 = 1_000;
/// After each step it rests for as long as the step took, within these.
const REST: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// What could have been under way a day ago is done, and instances of an older upto are no more.
const SETTLE: Duration = Duration::from_secs(24 * 3_600);
/// How long a stop waits for the store to take the lease back.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// Deletes what the rules of retention don't keep, and tells contexts when to give up.
pub struct Housekeeper {
    store: Arc<dyn Store>,
    telemetry: Arc<Telemetry>,
    rules: Rules,
    every: Duration,
    /// What it is called in the lease; no other instance is.
    holder: String,
    /// When the lease was last renewed, while this instance has it.
    renewed: Option<Instant>,
    failing: bool,
}

/// What a round has deleted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    timelines: u64,
    events: u64,
    contexts: u64,
    /// Names and hosts.
    texts: u64,
}

/// Why a round ended before its end.
enum Ended {
    /// Another instance does the housekeeping.
    NotOurs,
    Failed(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Ended::Failed(error)
    }
}

impl Housekeeper {
    /// A housekeeper that goes its rounds `every` so often. `holder` is a name that no other instance has.
    pub fn new(
        store: Arc<dyn Store>,
        telemetry: Arc<Telemetry>,
        (rules, every): (Rules, Duration),
        holder: String,
    ) -> Self {
        Housekeeper { store, telemetry, rules, every, holder, renewed: None, failing: false }
    }

    /// Goes its rounds, the first at once, until `shutdown` is cancelled.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut rounds = interval(self.every);
        // After a long round it rests, too.
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(rounds.tick()).await.is_some() {
            let mut tally = Tally::default();
            let ended = shutdown.run_until_cancelled(self.round(&mut tally)).await;
            if tally != Tally::default() {
                let Tally { timelines, events, contexts, texts } = tally;
                tracing::info!(timelines, events, contexts, texts, "deleted what is not kept");
            }
            if let Some(ended) = ended {
                self.tell(ended);
            }
        }
        self.give_back().await;
    }

    /// Logs what a round failed on, once for each outage.
    fn tell(&mut self, ended: Result<(), Ended>) {
        let error = match ended {
            Err(Ended::Failed(error)) => Some(error),
            Ok(()) | Err(Ended::NotOurs) => None,
        };
        match &error {
            Some(error) => {
                self.telemetry.housekeeping_failed.add(1);
                if !self.failing {
                    tracing::warn!(%error, "the housekeeping failed; it is tried again each round");
                }
            }
            None if self.failing => tracing::info!("the housekeeping works again"),
            None => {}
        }
        self.failing = error.is_some();
    }

    async fn round(&mut self, tally: &mut Tally) -> Result<(), Ended> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store.contexts(after.as_deref(), CONTEXTS_AT_ONCE).await?;
            for context in &page {
                let Limits { keep, abandon_after_s } = self.rules.of(&context.name);
                if context.abandon_after_s != abandon_after_s {
                    self.hold().await?;
                    self.store.set_abandon_after(&context.name, abandon_after_s).await?;
                }
                if keep != Keep::default() {
                    self.hold().await?;
                    self.tidy(context, keep, tally).await?;
                }
            }
            if page.len() < CONTEXTS_AT_ONCE as usize {
                break;
            }
            after = page.into_iter().next_back().map(|context| context.name);
        }
        self.collect(SETTLE, tally).await?;
        if self.rules.is_empty() {
            // Where only some instances have rules, it is theirs.
            self.give_back().await;
        }
        Ok(())
    }

    /// Deletes the timelines of a context that are not to be kept, and the context where it has none and is too old itself.
    async fn tidy(&mut self, context: &ContextRow, keep: Keep, tally: &mut Tally) -> Result<(), Ended> {
        loop {
            let expired = self.store.expired_timelines(&context.name, keep, TIMELINES_AT_ONCE).await?;
            if expired.is_empty() {
                break;
            }
            for timeline in &expired {
                self.delete(timeline, tally).await?;
            }
        }
        let age_s = clock::now().seconds_since(context.created_at);
        if keep.silent_s.is_some_and(|max_age_s| age_s >= f64::from(max_age_s)) {
            tally.contexts += u64::from(self.store.delete_empty_context(&context.name).await?);
        }
        Ok(())
    }

    /// Deletes the names and hosts that no event uses since timelines were deleted, by whomever.
    async fn collect(&mut self, settle: Duration, tally: &mut Tally) -> Result<(), Ended> {
        while let Some(stale) = self.store.stale_texts(settle).await? {
            self.hold().await?;
            tally.texts += self.store.collect_texts(&stale).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, timeline: &TimelineKey, tally: &mut Tally) -> Result<(), Ended> {
        loop {
            self.hold().await?;
            let begun = Instant::now();
            let step = self.store.delete_timeline(timeline, EVENTS_AT_ONCE).await?;
            tally.events += step.events;
            self.telemetry.retention_events.add(step.events);
            if step.gone {
                tally.timelines += 1;
                self.telemetry.retention_timelines.add(1);
            }
            sleep(begun.elapsed().clamp(REST.0, REST.1)).await;
            if step.gone {
                return Ok(());
            }
        }
    }

    /// Takes the lease, or renews it where a third of it has passed. What changes the store comes after it.
    async fn hold(&mut self) -> Result<(), Ended> {
        if self.renewed.is_some_and(|renewed| renewed.elapsed() < self.every) {
            return Ok(());
        }
        let asked = Instant::now();
        let ours = self.store.claim_housekeeping(&self.holder, self.every * LEASE_ROUNDS).await?;
        if ours && self.renewed.is_none() && !self.rules.is_empty() {
            tracing::info!("this instance does the housekeeping now");
        }
        self.renewed = ours.then_some(asked);
        if ours { Ok(()) } else { Err(Ended::NotOurs) }
    }

    /// Leaves the housekeeping to the others. Where the store is away, its lease runs out.
    async fn give_back(&mut self) {
        if self.renewed.take().is_some() {
            let _ = timeout(GIVE_BACK, self.store.claim_housekeeping(&self.holder, Duration::ZERO)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use upto_wire::Time;

    use super::*;
    use crate::event::{Event, EventKey, Starts};
    use crate::retention::rules::tests::rules;
    use crate::store::{Batch, Change, Target, TimelineRef, open};

    async fn housekeeper(text: &str) -> Housekeeper {
        let store = open("sqlite::memory:").await.expect("a store in memory");
        with_rules(&store, "one", text)
    }

    fn with_rules(store: &Arc<dyn Store>, holder: &str, text: &str) -> Housekeeper {
        let minute = Duration::from_secs(60);
        Housekeeper::new(store.clone(), Arc::default(), (rules(text), minute), holder.to_owned())
    }

    /// Begins a timeline with so many steps, that has been silent for so many seconds.
    async fn begin(store: &dyn Store, context: &str, name: &str, (steps, silent_s): (u32, i64)) {
        let at = Time::from_micros(clock::now().micros() - silent_s * 1_000_000);
        let starts = Some(Starts { first: at, last: at, labels: Default::default() });
        let change = |step: u32| Change {
            context: context.into(),
            target: Target::Named(name.to_owned()),
            key: EventKey { name: format!("step-{step:05}"), host: String::new() },
            event: Event { starts: starts.clone(), ..Event::default() },
        };
        let batch = Batch { changes: (0..steps).map(change).collect(), received_at: at };
        store.write(&batch).await.expect("written");
    }

    fn numbered(context: &str, number: u32) -> TimelineKey {
        TimelineKey { context: context.to_owned(), number }
    }

    async fn numbers(store: &dyn Store, context: &str) -> Vec<u32> {
        let rows = store.timelines(context, None, 99).await.expect("read");
        rows.iter().map(|row| row.key.number).collect()
    }

    #[tokio::test]
    async fn a_round_deletes_what_the_rules_do_not_keep() {
        let mut keeper = housekeeper(
            "[[retention]]\ncontexts = ['deploy']\nmax_timelines = 3\n[[retention]]\ncontexts = ['o*']\nmax_age = '1h'",
        )
        .await;
        let store = keeper.store.clone();
        for name in 0..20 {
            begin(&*store, "deploy", &name.to_string(), (2, 9_000)).await;
        }
        for (context, name, silent_s) in
            [("old", "a", 9_000), ("often", "a", 9_000), ("often", "b", 10), ("kept", "a", 9_000)]
        {
            begin(&*store, context, name, (2_500, silent_s)).await;
        }
        let mut tally = Tally::default();
        assert!(keeper.round(&mut tally).await.is_ok());
        assert_eq!(tally, Tally { timelines: 17 + 2, events: 34 + 5_000, contexts: 1, texts: 0 });
        let counted = (keeper.telemetry.retention_timelines.get(), keeper.telemetry.retention_events.get());
        assert_eq!(counted, (tally.timelines, tally.events));
        assert_eq!(numbers(&*store, "deploy").await, [20, 19, 18]);
        assert_eq!(numbers(&*store, "often").await, [2]);
        assert_eq!(numbers(&*store, "kept").await, [1]);
        assert_eq!(store.context("old").await.expect("read"), None);
        // One that another instance has emptied before it died is no different.
        begin(&*store, "oldest", "a", (1, 9_000)).await;
        assert!(store.delete_timeline(&numbered("oldest", 1), 9).await.expect("a step").gone);
        begin(&*store, "of today", "a", (1, 10)).await;
        assert!(store.delete_timeline(&numbered("of today", 1), 9).await.expect("a step").gone);
        let mut again = Tally::default();
        assert!(keeper.round(&mut again).await.is_ok());
        assert_eq!(again, Tally { contexts: 1, ..Tally::default() });
        assert_eq!(store.context("oldest").await.expect("read"), None);
        assert!(store.context("of today").await.expect("read").is_some());
    }

    #[tokio::test]
    async fn names_go_a_day_after_their_events() {
        let mut keeper = housekeeper("[[retention]]\ncontexts = ['deploy']\nmax_timelines = 1").await;
        let store = keeper.store.clone();
        begin(&*store, "deploy", "a", (7, 10)).await;
        begin(&*store, "deploy", "b", (3, 10)).await;
        for _ in 0..2 {
            let mut tally = Tally::default();
            assert!(keeper.round(&mut tally).await.is_ok());
            assert_eq!(tally.texts, 0, "it is the same day");
        }
        let mut tally = Tally::default();
        assert!(keeper.collect(Duration::ZERO, &mut tally).await.is_ok());
        assert_eq!(tally, Tally { texts: 4, ..Tally::default() });
    }

    #[tokio::test]
    async fn without_rules_nothing_is_deleted_and_the_lease_is_left_to_others() {
        let mut keeper = housekeeper("retention = []").await;
        let store = keeper.store.clone();
        begin(&*store, "deploy", "a", (2, 1_000_000_000)).await;
        store.set_abandon_after("deploy", Some(7)).await.expect("set");
        let mut tally = Tally::default();
        assert!(keeper.round(&mut tally).await.is_ok());
        assert_eq!(tally, Tally::default());
        let timeline = store.timeline("deploy", &TimelineRef::Latest).await.expect("read").expect("it is kept");
        assert_eq!((timeline.events, timeline.abandon_after_s), (2, None), "no rule says when it gives up");
        assert!(store.claim_housekeeping("other", Duration::from_secs(9)).await.expect("an answer"));
    }

    #[tokio::test]
    async fn who_has_not_the_lease_changes_nothing() {
        let rules = "[[retention]]\ncontexts = ['*']\nmax_age = '1h'\nabandon_after = '1m'";
        let mut one = housekeeper(rules).await;
        let store = one.store.clone();
        let mut other = with_rules(&store, "other", rules);
        begin(&*store, "deploy", "a", (2, 10)).await;
        let mut tally = Tally::default();
        assert!(one.round(&mut tally).await.is_ok());
        let context = store.context("deploy").await.expect("read").expect("it is there");
        assert_eq!(context.abandon_after_s, Some(60));
        begin(&*store, "build", "a", (2, 9_000)).await;
        assert!(matches!(other.round(&mut tally).await, Err(Ended::NotOurs)));
        assert_eq!((tally.timelines, numbers(&*store, "build").await), (0, vec![1]));
        one.give_back().await;
        assert!(other.round(&mut tally).await.is_ok());
        assert_eq!((tally.timelines, tally.contexts), (1, 1));
        assert!(matches!(one.round(&mut tally).await, Err(Ended::NotOurs)));
    }
}
