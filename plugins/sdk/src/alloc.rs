//! The allocator of guests: lists of free blocks by size, over the system's for what is large. A call allocates some
//! small blocks for each report and frees them all, for which the system's allocator takes several times as long.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// Bytes of the smallest blocks, and the alignment of all.
const SMALLEST: usize = 16;
/// Sizes of blocks, each twice the one before.
const SIZES: usize = 7;

/// The first free block of each size; each block holds the address of the next.
pub(crate) struct Blocks(UnsafeCell<[*mut u8; SIZES]>);

// SAFETY: a guest has one thread.
unsafe impl Sync for Blocks {}

impl Blocks {
    /// With no blocks yet.
    pub(crate) const fn new() -> Self {
        Blocks(UnsafeCell::new([null_mut(); SIZES]))
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
        // SAFETY: no other borrow of the lists exists, as nothing here calls back.
        unsafe {
            let Some(size) = Blocks::size(layout) else { return System.alloc(layout) };
            let first = &mut (&mut *self.0.get())[size];
            if first.is_null() {
                return System.alloc(Layout::from_size_align_unchecked(SMALLEST << size, SMALLEST));
            }
            std::mem::replace(first, first.cast::<*mut u8>().read())
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`; a block has room for an address.
        unsafe {
            let Some(size) = Blocks::size(layout) else { return System.dealloc(block, layout) };
            let first = &mut (&mut *self.0.get())[size];
            block.cast::<*mut u8>().write(std::mem::replace(first, block));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_apart_aligned_and_used_again() {
        let blocks = Blocks::new();
        let layouts: Vec<_> = [1, 8, 16, 17, 100, 1_000, 1_024, 1_025, 5_000]
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
