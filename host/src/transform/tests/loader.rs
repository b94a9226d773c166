use std::fs;
use std::path::PathBuf;

use tokio::sync::watch;

use super::*;
use crate::transform::Loader;

const KEEP: &str = "function transform(report) return report end";
const DROP: &str = "function transform(report) return nil end";

struct Folder {
    folder: tempfile::TempDir,
    programs: watch::Receiver<Programs>,
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
        let loader = Loader::new(Some(folder.path().to_owned()), None, Arc::default()).unwrap();
        let programs = loader.programs();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(loader.run(async { stopped.await.unwrap_or_default() }));
        Folder { folder, programs, stop, task }
    }

    fn write(&self, name: &str, text: &str) {
        write(self.folder.path().join(name), text);
    }

    /// Waits until the live programs satisfy a condition.
    async fn until(&mut self, condition: impl FnMut(&Programs) -> bool) -> Programs {
        let wait = self.programs.wait_for(condition);
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

fn names(programs: &Programs) -> Vec<&str> {
    programs.iter().map(|program| program.name()).collect()
}

fn drops(program: &Arc<dyn Program>) -> bool {
    outcome(function(program).as_mut(), &report("x")) == Outcome::Drop
}

#[test]
fn a_folder_that_does_not_exist_is_an_error_that_says_so() {
    let error = Loader::new(None, Some("/nowhere/at/all".into()), Arc::default()).err().unwrap().to_string();
    assert!(error.starts_with("the folder /nowhere/at/all of --plugins can't be read: No such file"), "{error}");
}

#[test]
fn functions_are_ordered_by_file_name_over_both_folders() {
    let (scripts, plugins) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(scripts.path().join("30-c.lua"), KEEP);
    write(scripts.path().join("10-a.lua"), KEEP);
    write(scripts.path().join("broken.lua"), "function (");
    write(scripts.path().join("notes.txt"), "");
    fs::write(plugins.path().join("20-b.wasm"), wasm::guest(wasm::KEEP)).unwrap();
    write(plugins.path().join("10-a.wasm"), "the name is taken");
    let loader = Loader::new(Some(scripts.path().into()), Some(plugins.path().into()), Arc::default()).unwrap();
    assert_eq!(names(&loader.programs().borrow()), ["10-a", "20-b", "30-c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_in_and_unchanged_files_keep_their_program() {
    let mut folder = Folder::with(&[("a.lua", KEEP), ("b.lua", KEEP)]);
    let before = folder.programs.borrow().clone();
    folder.write("a.lua", DROP);
    let after = folder.until(|programs| !Arc::ptr_eq(&programs[0], &before[0])).await;
    assert!(drops(&after[0]) && !drops(&before[0]));
    assert!(Arc::ptr_eq(&after[1], &before[1]));
    folder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_its_old_version_until_it_is_mended() {
    let mut folder = Folder::with(&[("a.lua", KEEP)]);
    let before = folder.programs.borrow().clone();
    folder.write("a.lua", "function transform(");
    // The new file shows that the round which saw the broken one is over.
    folder.write("b.lua", KEEP);
    let broken = folder.until(|programs| programs.len() == 2).await;
    assert!(Arc::ptr_eq(&broken[0], &before[0]));
    folder.write("a.lua", DROP);
    let mended = folder.until(|programs| !Arc::ptr_eq(&programs[0], &before[0])).await;
    assert!(drops(&mended[0]));
    folder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_and_go() {
    let mut folder = Folder::with(&[("a.lua", KEEP)]);
    folder.write("b.lua", DROP);
    assert_eq!(names(&folder.until(|programs| programs.len() == 2).await), ["a", "b"]);
    fs::remove_file(folder.folder.path().join("a.lua")).unwrap();
    assert_eq!(names(&folder.until(|programs| programs.len() == 1).await), ["b"]);
    folder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_changes_under_its_functions() {
    let source = "function transform(report) report.host = upto.lookup('hosts', 'x') or '' return report end";
    let mut folder = Folder::with(&[("a.lua", source), ("tables/hosts.csv", "x,one\n")]);
    let programs = folder.programs.borrow().clone();
    let mut function = function(&programs[0]);
    let mut host = || match outcome(function.as_mut(), &report("a")) {
        Outcome::Replace(report) => report.host.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(host(), "one");
    folder.write("tables/hosts.csv", "x,one\nbroken\n");
    folder.write("b.lua", KEEP);
    folder.until(|programs| programs.len() == 2).await;
    assert_eq!(host(), "one");
    folder.write("tables/hosts.csv", "x,two\n");
    folder.write("c.lua", KEEP);
    folder.until(|programs| programs.len() == 3).await;
    assert_eq!(host(), "two");
    folder.stop().await;
}
