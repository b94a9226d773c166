//! Processor time of processes, as the kernel counts it.

use anyhow::{Context, Result};

/// Fields of /proc/PID/stat after the name, from 0.
const PARENT: usize = 1;
const USER: usize = 11;
const SYSTEM: usize = 12;
const USER_OF_CHILDREN: usize = 13;
const SYSTEM_OF_CHILDREN: usize = 14;

/// What a process has used, in seconds.
pub fn seconds(process: u32) -> Result<f64> {
    Ok(in_seconds(&stat(process)?, &[USER, SYSTEM]))
}

/// What a process, its children and those of its children that have ended have used, in seconds.
pub fn seconds_of_all(parent: u32) -> Result<f64> {
    let mut all = in_seconds(&stat(parent)?, &[USER, SYSTEM, USER_OF_CHILDREN, SYSTEM_OF_CHILDREN]);
    for entry in std::fs::read_dir("/proc")? {
        let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may have ended by now.
        let Ok(stat) = stat(process) else { continue };
        if stat[PARENT] == f64::from(parent) {
            all += in_seconds(&stat, &[USER, SYSTEM]);
        }
    }
    Ok(all)
}

/// The numbers after the name, which is in parentheses and may hold anything.
fn stat(process: u32) -> Result<Vec<f64>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').context("a name in parentheses")?;
    Ok(rest.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect())
}

fn in_seconds(stat: &[f64], fields: &[usize]) -> f64 {
    // SAFETY: sysconf only reads a constant of the system.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    fields.iter().map(|field| stat[*field]).sum::<f64>() / ticks
}
