//! Limits that the system sets on a process or a thread. The only place of `functions` that calls it.

/// The priority of what yields to everybody else: ingest comes first.
const NICE: i32 = 10;

/// Lets the calling thread have the processor only where nobody else wants it. For good: there is no way back. Elsewhere
/// than on Linux it would be the whole process, which is left alone.
pub(super) fn yield_to_others() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes numbers only, and 0 is the calling thread.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE)
    };
}

/// Limits the memory that this process may write to, in bytes, and its processor time, in seconds. It leaves no core.
pub(super) fn limit_process(memory: u64, seconds: u64) {
    let limit = |resource, value| {
        let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
        // SAFETY: the pointer is to a struct of this frame.
        unsafe { libc::setrlimit(resource, &limit) }
    };
    // What is written to, not what is reserved: guests have gigabytes of guard pages.
    limit(libc::RLIMIT_DATA, memory);
    limit(libc::RLIMIT_CPU, seconds);
    limit(libc::RLIMIT_CORE, 0);
}
