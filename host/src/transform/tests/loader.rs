use std::fs;
use std::path::PathBuf;

use tokio::sync::watch;

use super::*;
use crate::transform::Loader;
use crate::transform::loader::{FolderFunction, FolderSet, LoadError};

const KEEP: &str = "function transform(report) return report end";
const DROP: &str = "function transform(report) return nil end";

struct Folder {
    folder: tempfile::TempDir,
    functions: watch::Receiver<FolderSet>,
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Folder {
    /// A loader that runs over a folder with these files.
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(folder.path().join(name), text);
        }
        let loader = loader(Some(folder.path()), None).unwrap();
        let functions = loader.functions();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(loader.run(async { stopped.await.unwrap_or_default() }));
        Folder { folder, functions, stop, task }
    }

    fn write(&self, name: &str, text: &str) {
        write(self.folder.path().join(name), text);
    }

    /// Waits until the functions satisfy a condition.
    async fn until(&mut self, condition: impl FnMut(&FolderSet) -> bool) -> FolderSet {
        let wait = self.functions.wait_for(condition);
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("no reload in 20 s").unwrap().clone()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn loader(scripts: Option<&Path>, plugins: Option<&Path>) -> Result<Loader, LoadError> {
    Loader::new(scripts.map(Into::into), plugins.map(Into::into), Around::default())
}

fn version(function: &FolderFunction) -> &Arc<Version> {
    function.version.as_ref().expect("it loaded")
}

fn names(functions: &FolderSet) -> Vec<&str> {
    functions.iter().filter_map(|function| Some(function.version.as_ref()?.function())).collect()
}

fn drops(loaded: &FolderFunction) -> bool {
    outcome(function(&version(loaded).program).as_mut(), &report("x")) == Outcome::Drop
}

fn is_same(a: &FolderFunction, b: &FolderFunction) -> bool {
    Arc::ptr_eq(version(a), version(b))
}

#[test]
fn a_folder_that_does_not_exist_is_an_error_that_says_so() {
    let error = loader(None, Some(Path::new("/nowhere/at/all"))).err().unwrap().to_string();
    assert!(error.starts_with("the folder /nowhere/at/all of --plugins can't be read: No such file"), "{error}");
}

#[test]
fn functions_come_from_both_folders_and_what_does_not_load_is_told() {
    let (scripts, plugins) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(scripts.path().join("30-c.lua"), KEEP);
    write(scripts.path().join("10-a.lua"), KEEP);
    write(scripts.path().join("broken.lua"), "function (");
    write(scripts.path().join("notes.txt"), "");
    fs::write(plugins.path().join("20-b.wasm"), wasm::guest(wasm::KEEP)).unwrap();
    write(plugins.path().join("10-a.wasm"), "the name is taken");
    let loader = loader(Some(scripts.path()), Some(plugins.path())).unwrap();
    let functions = loader.functions().borrow().clone();
    assert_eq!(names(&functions), ["10-a", "20-b", "30-c"]);
    let broken = functions.iter().find(|function| function.file == "broken.lua").unwrap();
    assert!(broken.version.is_none() && broken.problem.as_ref().unwrap().starts_with("broken.lua:1: "));
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "large components run on x86-64 only")]
fn a_component_that_is_larger_than_a_table_may_be_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.wasm"), wasm::padded(wasm::guest(wasm::KEEP), 17 << 20)).unwrap();
    let load = |large_components| {
        let around = Around { large_components, ..Around::default() };
        Loader::new(None, Some(folder.path().into()), around).unwrap().functions().borrow()[0].clone()
    };
    assert_eq!(load(true).problem, None);
    assert!(load(false).problem.unwrap().contains("without --large-components"));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_in_and_unchanged_files_keep_their_program() {
    let mut folder = Folder::with(&[("a.lua", KEEP), ("b.lua", KEEP)]);
    let before = folder.functions.borrow().clone();
    folder.write("a.lua", DROP);
    let after = folder.until(|functions| !is_same(&functions[0], &before[0])).await;
    assert!(drops(&after[0]) && !drops(&before[0]));
    assert!(is_same(&after[1], &before[1]));
    folder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_its_old_version_until_it_is_mended() {
    let mut folder = Folder::with(&[("a.lua", KEEP)]);
    let before = folder.functions.borrow().clone();
    folder.write("a.lua", "function transform(");
    // The new file shows that the round which saw the broken one is over.
    folder.write("b.lua", KEEP);
    let broken = folder.until(|functions| functions.len() == 2).await;
    assert!(is_same(&broken[0], &before[0]));
    assert!(broken[0].problem.as_ref().unwrap().starts_with("a.lua:1: "));
    folder.write("a.lua", DROP);
    let mended = folder.until(|functions| !is_same(&functions[0], &before[0])).await;
    assert!(drops(&mended[0]));
    folder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_stand_beside_a_function() {
    let mut folder = Folder::with(&[("a.lua", KEEP), ("a.settings.json", r#"{"contexts": ["deploy-*"]}"#)]);
    let before = folder.functions.borrow().clone();
    let contexts = &version(&before[0]).settings.contexts;
    assert!(contexts.contains("deploy-shop") && !contexts.contains("build"));
    folder.write("a.settings.json", r#"{"order": "first"}"#);
    let broken = folder.until(|functions| functions[0].problem.is_some()).await;
    assert!(is_same(&broken[0], &before[0]));
    assert!(broken[0].problem.as_ref().unwrap().starts_with("a.settings.json: invalid type"));
    fs::remove_file(folder.folder.path().join("a.settings.json")).unwrap();
    let after = folder.until(|functions| functions[0].problem.is_none()).await;
    assert!(version(&after[0]).settings.contexts.is_all());
    folder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_and_go() {
    let mut folder = Folder::with(&[("a.lua", KEEP)]);
    folder.write("b.lua", DROP);
    assert_eq!(names(&folder.until(|functions| functions.len() == 2).await), ["a", "b"]);
    fs::remove_file(folder.folder.path().join("a.lua")).unwrap();
    assert_eq!(names(&folder.until(|functions| functions.len() == 1).await), ["b"]);
    folder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_changes_under_its_functions() {
    let source = "function transform(report) report.host = upto.lookup('hosts', 'x') or '' return report end";
    let mut folder = Folder::with(&[("a.lua", source), ("tables/hosts.csv", "x,one\n")]);
    let functions = folder.functions.borrow().clone();
    let mut function = function(&version(&functions[0]).program);
    let mut host = || changed(outcome(function.as_mut(), &report("a")), &report("a")).host;
    assert_eq!(host(), "one");
    folder.write("tables/hosts.csv", "x,one\nbroken\n");
    folder.write("b.lua", KEEP);
    folder.until(|functions| functions.len() == 2).await;
    assert_eq!(host(), "one");
    folder.write("tables/hosts.csv", "x,two\n");
    folder.write("c.lua", KEEP);
    folder.until(|functions| functions.len() == 3).await;
    assert_eq!(host(), "two");
    folder.stop().await;
}
