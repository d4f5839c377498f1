//! Writing past the page cache: for packs, which nobody reads soon.
//!
//! Comes in: a path that does not exist yet, and bytes. Goes out: a file with these bytes, not yet synced; or the word
//! that this file system has no direct writes. Buffered, the kernel spends more processor time on a pack than hashing and
//! sealing it take (it finds and clears a page for each 4 KiB), and pushes what others read out of its cache.
//!
//! Direct writes want memory, offsets and lengths in whole blocks. Bytes that do not lie so go through a window that
//! does; the last block is padded, and cut off again.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Alignment that every disk takes, in bytes.
const BLOCK: usize = 4096;
/// What one call writes at most of bytes that lie badly, in bytes.
const WINDOW: usize = 1 << 20;
/// Below this many bytes a direct write brings nothing.
pub(super) const WORTHWHILE: usize = 1 << 20;

/// Makes the file and writes `bytes` to it; `None` where direct writes are not to be had, and no file is left then.
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<Option<File>> {
    let flags = rustix::fs::OFlags::DIRECT.bits() as i32; // one bit, below the sign
    let file = match OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(None),
        Err(error) => return Err(error),
    };
    match write(&file, bytes) {
        Ok(()) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            std::fs::remove_file(path)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn write(file: &File, bytes: &[u8]) -> io::Result<()> {
    let whole = bytes.len() / BLOCK * BLOCK;
    let direct = if bytes.as_ptr().align_offset(BLOCK) == 0 { whole } else { 0 };
    file.write_all_at(&bytes[..direct], 0)?;
    let mut memory = vec![0; WINDOW.min(bytes.len() - direct).next_multiple_of(BLOCK) + BLOCK];
    let start = memory.as_ptr().align_offset(BLOCK).min(BLOCK);
    let window = &mut memory[start..];
    let mut offset = direct as u64;
    for part in bytes[direct..].chunks(WINDOW) {
        let padded = part.len().next_multiple_of(BLOCK);
        window[..part.len()].copy_from_slice(part);
        window[part.len()..padded].fill(0);
        file.write_all_at(&window[..padded], offset)?;
        offset += part.len() as u64;
    }
    file.set_len(bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, WINDOW, create};

    #[test]
    fn files_hold_exactly_the_bytes_wherever_those_lie() {
        let folder = tempfile::tempdir().unwrap();
        let memory: Vec<u8> = (0..2 * WINDOW + 2 * BLOCK).map(|at| (at % 251) as u8).collect();
        let aligned = memory.as_ptr().align_offset(BLOCK);
        for (number, length) in
            [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, WINDOW, WINDOW + 1, 2 * WINDOW].into_iter().enumerate()
        {
            for shift in [0, 1] {
                let bytes = &memory[aligned + shift..][..length];
                let path = folder.path().join(format!("{number}-{shift}"));
                if create(&path, bytes).unwrap().is_some() {
                    assert!(std::fs::read(&path).unwrap() == bytes, "{length} bytes, {shift} from a block");
                } else {
                    assert!(!path.exists());
                }
            }
        }
    }
}
