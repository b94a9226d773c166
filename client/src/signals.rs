//! Passes signals on to the command.
//!
//! The command stays in this program's process group, so that a terminal serves it as if it ran alone: it may read,
//! and Ctrl-Z stops both. For the same reason Ctrl-C at a terminal reaches the command without our help, and passing
//! it on would deliver it twice, which many programs take for "now, and uncleanly". The kernel marks a signal that the
//! terminal made, and those are not passed on; those that a process sent are, even if that process sent them to the
//! whole group, which can't be told apart.

use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};

use libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, c_int, c_void, pid_t, siginfo_t};

const PASSED_ON: [c_int; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

/// The command's process while it runs, else 0.
static CHILD: AtomicI32 = AtomicI32::new(0);
/// Signals that came before the command ran, a bit each.
static PENDING: AtomicU32 = AtomicU32::new(0);
/// Signals that came at all, a bit each.
static RECEIVED: AtomicU32 = AtomicU32::new(0);

/// From now on these signals do not end this program. Those that it was told to ignore (`nohup`) stay ignored, for the
/// command too. SIGCHLD does not: where it is ignored, the kernel forgets how a child ended.
pub fn install() {
    // SAFETY: the default disposition runs no code of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    for signal in PASSED_ON {
        // SAFETY: `sigaction` reads and writes the two structures given, zero is a valid value of each, and the
        // handler calls nothing but atomics and `kill`, which are safe in a handler.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &raw mut action) != 0 || action.sa_sigaction == libc::SIG_IGN {
                continue;
            }
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = on_signal;
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Passes signals on to this process, those that came before it was there included.
pub fn pass_on_to(process: u32) {
    CHILD.store(process as pid_t, SeqCst);
    deliver_pending();
}

/// Passes nothing on any more. The process must not have been reaped before: its number could be another's by then.
pub fn stop() {
    CHILD.store(0, SeqCst);
}

/// Whether the signal came while this program ran.
pub fn has_received(signal: c_int) -> bool {
    PASSED_ON.contains(&signal) && RECEIVED.load(SeqCst) & bit(signal) != 0
}

const fn bit(signal: c_int) -> u32 {
    1 << signal
}

extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    RECEIVED.fetch_or(bit(signal), SeqCst);
    // SAFETY: the kernel gives a handler with SA_SIGINFO a valid structure.
    let sent_by_a_process = unsafe { (*info).si_code } <= 0;
    match CHILD.load(SeqCst) {
        // Not there yet, so that whoever sent it, the command did not get it.
        0 => {
            PENDING.fetch_or(bit(signal), SeqCst);
            // It may have come to be there on another thread, which then saw nothing pending.
            if CHILD.load(SeqCst) != 0 {
                deliver_pending();
            }
        }
        child if sent_by_a_process => send(child, signal),
        _ => {}
    }
}

fn deliver_pending() {
    for signal in PASSED_ON {
        if PENDING.fetch_and(!bit(signal), SeqCst) & bit(signal) != 0 {
            send(CHILD.load(SeqCst), signal);
        }
    }
}

fn send(process: pid_t, signal: c_int) {
    if process > 0 {
        // SAFETY: `kill` touches no memory of this process. The process is our child and not reaped yet.
        unsafe { libc::kill(process, signal) };
    }
}
