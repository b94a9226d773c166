//! The allocator of guests: lists of free blocks by size, over the system's for what is large. A call allocates some
//! small blocks for each report and frees them all, for which the system's allocator takes several times as long.
//!
//! Blocks are cut from memory that an instance has from its start: to grow it costs the host more than all else that it
//! does to start one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// Bytes of the smallest blocks, and the alignment of all.
const SMALLEST: usize = 16;
/// Sizes of blocks, each twice the one before: up to 64 KiB, which holds a batch of reports or outcomes.
const SIZES: usize = 13;
/// Bytes that blocks are cut from before the system is asked: what a batch takes, and no memory until it is used.
const AT_HAND: usize = 512 << 10;

/// The blocks of a guest.
pub(crate) struct Blocks(UnsafeCell<State>);

/// In this order, so that what is at hand is aligned as all blocks are.
#[repr(C, align(16))]
struct State {
    at_hand: [u8; AT_HAND],
    /// Bytes of them that are cut already.
    cut: usize,
    /// The first free block of each size; each block holds the address of the next.
    free: [*mut u8; SIZES],
}

// SAFETY: a guest has one thread.
unsafe impl Sync for Blocks {}

impl Blocks {
    /// With no blocks yet.
    pub(crate) const fn new() -> Self {
        Blocks(UnsafeCell::new(State { at_hand: [0; AT_HAND], cut: 0, free: [null_mut(); SIZES] }))
    }

    /// Which size fits, if it is no large block.
    fn size(layout: Layout) -> Option<usize> {
        let size = layout.size().max(SMALLEST).next_power_of_two() / SMALLEST;
        let size = size.trailing_zeros() as usize;
        (size < SIZES && layout.align() <= SMALLEST).then_some(size)
    }
}

// SAFETY: a block is as large as its size says and aligned to `SMALLEST`, and belongs to one owner: it leaves the list
// when it is given out and comes back when it is freed.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no other borrow of the lists exists, as nothing here calls back. What is at hand is never borrowed, as it
        // belongs to those who were given blocks of it.
        unsafe {
            let Some(size) = Blocks::size(layout) else { return System.alloc(layout) };
            let state = self.0.get();
            let (first, cut, bytes) = (&mut (&mut (*state).free)[size], &mut (*state).cut, SMALLEST << size);
            if !first.is_null() {
                return std::mem::replace(first, first.cast::<*mut u8>().read());
            }
            if bytes > AT_HAND - *cut {
                return System.alloc(Layout::from_size_align_unchecked(bytes, SMALLEST));
            }
            *cut += bytes;
            (&raw mut (*state).at_hand).cast::<u8>().add(*cut - bytes)
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`; a block has room for an address.
        unsafe {
            let Some(size) = Blocks::size(layout) else { return System.dealloc(block, layout) };
            let first = &mut (&mut (*self.0.get()).free)[size];
            block.cast::<*mut u8>().write(std::mem::replace(first, block));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_apart_aligned_and_used_again() {
        static BLOCKS: Blocks = Blocks::new();
        let blocks = &BLOCKS;
        let layouts: Vec<_> = [1, 8, 16, 17, 100, 1_000, 1_024, 1_025, 5_000, 65_537, 300_000]
            .into_iter()
            .flat_map(|size| [1, 8, 16, 64].map(|align| Layout::from_size_align(size, align).unwrap()))
            .collect();
        for _ in 0..3 {
            // SAFETY: each block is written within its layout and freed with it once.
            unsafe {
                let given: Vec<_> = layouts.iter().map(|layout| blocks.alloc(*layout)).collect();
                for (at, (block, layout)) in given.iter().zip(&layouts).enumerate() {
                    assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()));
                    block.write_bytes(at as u8, layout.size());
                }
                for (at, (block, layout)) in given.iter().zip(&layouts).enumerate() {
                    let bytes = std::slice::from_raw_parts(*block, layout.size());
                    assert!(bytes.iter().all(|byte| *byte == at as u8));
                    blocks.dealloc(*block, *layout);
                }
                let small = Layout::new::<u64>();
                let first = blocks.alloc(small);
                blocks.dealloc(first, small);
                assert_eq!(blocks.alloc(small), first);
                blocks.dealloc(first, small);
            }
        }
    }
}
