use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::functions::{Known, Registry};
use crate::store::functions::{Activation, NewVersion};
use crate::store::{self, Store};
use crate::transform::Loader;
use crate::transform::live::{Around, FUNCTIONS};
use upto_wire::Time;

const KEEP: &str = "function transform(report) return report end";

/// A registry over a store in memory and a folder, and the loader that has to outlive it.
async fn registry(folder: &Path) -> (Arc<Registry>, Loader) {
    let store = store::open("sqlite::memory:").await.unwrap();
    let around = Around::default();
    let loader = Loader::new(Some(folder.into()), None, around.clone()).unwrap();
    (Registry::open(store, loader.functions(), around).await.unwrap(), loader)
}

async fn add(store: &dyn Store, name: &str, source: &str, activate: bool) -> u32 {
    let new = NewVersion {
        function: name.into(),
        language: "lua".into(),
        code: source.into(),
        sha256: [0; 32],
        cases: RawValue::from_string("[]".into()).unwrap().get().into(),
        settings: "{}".into(),
        author: String::new(),
        created_at: Time::from_micros(0),
        activate,
    };
    store.add_version(&new).await.unwrap().number
}

fn known(registry: &Registry, name: &str) -> Known {
    registry.registered().functions[name].clone()
}

#[tokio::test]
async fn nothing_is_published_where_nothing_changed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.lua"), KEEP).unwrap();
    let (registry, _loader) = registry(folder.path()).await;
    let mut live = registry.live();
    live.mark_unchanged();
    registry.refresh().await.unwrap();
    assert!(!live.has_changed().unwrap());
    add(registry.store().as_ref(), "b", KEEP, true).await;
    registry.refresh().await.unwrap();
    assert!(live.has_changed().unwrap());
    assert_eq!(live.borrow().len(), 2);
}

#[tokio::test]
async fn a_function_of_the_store_takes_the_place_of_one_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.lua"), KEEP).unwrap();
    let (registry, _loader) = registry(folder.path()).await;
    add(registry.store().as_ref(), "a", KEEP, true).await;
    registry.refresh().await.unwrap();
    let numbers: Vec<u32> = registry.live().borrow().iter().map(|live| live.version.number).collect();
    assert_eq!(numbers, [1]);
    assert!(registry.registered().folder.is_empty());
    registry.store().delete_function("a").await.unwrap();
    registry.refresh().await.unwrap();
    assert_eq!(registry.registered().folder.len(), 1, "and gives it back");
}

#[tokio::test]
async fn what_is_beyond_the_limit_is_said_not_to_run() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..FUNCTIONS {
        fs::write(folder.path().join(format!("a{number}.lua")), KEEP).unwrap();
    }
    let (registry, _loader) = registry(folder.path()).await;
    add(registry.store().as_ref(), "z", KEEP, true).await;
    registry.refresh().await.unwrap();
    let last = known(&registry, "z");
    assert!(last.running.is_none() && last.problem.unwrap().contains("more functions than can run"));
}

#[tokio::test]
async fn a_canary_that_can_not_be_loaded_is_no_problem_of_the_version_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _loader) = registry(folder.path()).await;
    add(registry.store().as_ref(), "a", KEEP, true).await;
    add(registry.store().as_ref(), "a", "function (", false).await;
    let canary = Activation { canary: Some(r#"{"version":2}"#.into()), ..Activation::default() };
    registry.store().activate("a", &canary).await.unwrap();
    registry.refresh().await.unwrap();
    let a = known(&registry, "a");
    assert!(a.problem.is_none() && a.canary.is_none() && a.running.is_some());
    assert!(a.canary_problem.unwrap().1.contains("the canary, version 2, can't be loaded here"));
}
