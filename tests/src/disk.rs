//! A small file system that can be full.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::service;

/// A file system in memory, unmounted when it is dropped. Servers that tests start may write to it.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one of so many MiB.
    ///
    /// # Errors
    /// Where this user may not mount.
    pub fn mount(mib: usize) -> Result<Self> {
        let folder = service::folder("upto-disk-")?;
        let owner = service::service_user()?.map(|(uid, gid)| format!(",uid={uid},gid={gid}")).unwrap_or_default();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=0700{owner}"), "tmpfs"]).arg(folder.path());
        let output = mount.output().context("mount does not run")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(SmallDisk { folder })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes so many MiB away.
    ///
    /// # Errors
    /// Where it has less.
    pub fn take(&self, mib: usize) -> Result<()> {
        Ok(std::fs::write(self.filler(), vec![1; mib << 20])?)
    }

    /// Gives back what was taken away.
    ///
    /// # Errors
    /// Where nothing was.
    pub fn give_back(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.filler())?)
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A server may still have files of it open.
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}
