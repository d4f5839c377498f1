//! Writing past the page cache: for packs, which nobody reads soon, and for the large files of a restore.
//!
//! Comes in: a path that does not exist yet, or an open file, and bytes. Goes out: a file with these bytes, not yet
//! synced; or the word that this file system has no direct writes. Buffered, the kernel spends more processor time on
//! bytes than hashing and sealing them take (it finds and clears a page for each 4 KiB), and pushes what others read out
//! of its cache.
//!
//! Direct writes want memory, offsets and lengths in whole blocks. Bytes that do not lie so go through a window that
//! does. The last block of a new file is padded, and cut off again; of an open file only the blocks inside of the bytes
//! are written so, and the two edges through the page cache, which the system keeps in step.

use super::blob::disk::{Call, Disk};
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Alignment that every disk takes, in bytes.
pub(super) const BLOCK: usize = 4096;
/// What one call writes at most of bytes that lie badly, in bytes.
const WINDOW: usize = 1 << 20;
/// Below this many bytes a direct write brings nothing.
pub(super) const WORTHWHILE: usize = 1 << 20;

thread_local! {
    /// Where bytes that lie badly are copied to: one window for each thread that writes such.
    static MEMORY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(rustix::fs::OFlags::DIRECT.bits() as i32); // one bit, below the sign
    options
}

/// Makes a file that is written past the page cache; InvalidInput where that is not to be had.
pub(super) fn open_new(path: &Path) -> io::Result<File> {
    options().create_new(true).mode(0o600).open(path)
}

/// Makes the file and writes `bytes` to it; `None` where direct writes are not to be had, and no file is left then.
pub(super) fn create(disk: &Disk, path: &Path, bytes: &[u8]) -> io::Result<Option<File>> {
    let file = match disk.call(Call::Open, || open_new(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(None),
        Err(error) => return Err(error),
    };
    let cut = || disk.call(Call::SetLength, || file.set_len(bytes.len() as u64));
    match write_blocks(disk, &file, 0, bytes).and_then(|()| cut()) {
        Ok(()) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            disk.call(Call::Remove, || std::fs::remove_file(path))?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A file with a second handle that writes past the page cache.
#[derive(Debug)]
pub(super) struct Direct(File);

impl Direct {
    /// The second handle of a file; `None` where direct writes are not to be had. It is the same file whatever its name
    /// means by now.
    pub(super) fn of(file: &File) -> Option<Direct> {
        options().open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok().map(Direct)
    }

    /// Writes all `bytes` at `offset`: the blocks inside directly, what is left at both ends through `file`.
    pub(super) fn write_at(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let head = (offset.next_multiple_of(BLOCK as u64) - offset) as usize; // less than a block
        let inside = bytes.len().saturating_sub(head) / BLOCK * BLOCK;
        if inside < WORTHWHILE {
            return file.write_all_at(bytes, offset);
        }
        let (first, rest) = bytes.split_at(head);
        let (inside, last) = rest.split_at(inside);
        let start = offset + head as u64;
        match write_blocks(&Disk::default(), &self.0, start, inside) {
            Err(error) if error.kind() == ErrorKind::InvalidInput => return file.write_all_at(bytes, offset),
            answer => answer?,
        }
        file.write_all_at(first, offset)?;
        file.write_all_at(last, start + inside.len() as u64)
    }
}

/// Writes `bytes` at a multiple of a block, the last block padded with zeros.
///
/// # Errors
/// The disk's; InvalidInput where direct writes are not to be had.
pub(super) fn write_blocks(disk: &Disk, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let whole = bytes.len() / BLOCK * BLOCK;
    let direct = if bytes.as_ptr().align_offset(BLOCK) == 0 { whole } else { 0 };
    if direct > 0 {
        disk.write(&bytes[..direct], |bytes| file.write_all_at(bytes, offset))?;
    }
    MEMORY.with_borrow_mut(|memory| {
        let parts = bytes[direct..].chunks(WINDOW);
        for (part, at) in parts.zip((offset + direct as u64..).step_by(WINDOW)) {
            memory.resize(memory.len().max(part.len().next_multiple_of(BLOCK) + BLOCK), 0);
            let start = memory.as_ptr().align_offset(BLOCK).min(BLOCK);
            let window = &mut memory[start..][..part.len().next_multiple_of(BLOCK)];
            let (copy, padding) = window.split_at_mut(part.len());
            copy.copy_from_slice(part);
            padding.fill(0);
            disk.write(window, |bytes| file.write_all_at(bytes, at))?;
        }
        Ok(())
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::{BLOCK, Direct, Disk, WINDOW, WORTHWHILE, create};

    /// Bytes of which 251 follow each other before they repeat, and where among them a block begins.
    fn memory(length: usize) -> (Vec<u8>, usize) {
        let memory: Vec<u8> = (0..length + 2 * BLOCK).map(|at| (at % 251) as u8).collect();
        let aligned = memory.as_ptr().align_offset(BLOCK);
        (memory, aligned)
    }

    /// A directory that has direct writes; a machine without one can not run these tests.
    pub(in crate::repository) fn place() -> tempfile::TempDir {
        let places = [std::path::PathBuf::from("/dev/shm"), std::env::temp_dir()];
        let mut places = places.into_iter().filter_map(|place| tempfile::tempdir_in(place).ok());
        let has = |place: &tempfile::TempDir| {
            let probe = place.path().join("probe");
            let made = create(&Disk::default(), &probe, &[0; BLOCK]).is_ok_and(|file| file.is_some());
            made && std::fs::remove_file(&probe).is_ok()
        };
        places.find(has).expect("neither /dev/shm nor the directory for temporary files has direct writes")
    }

    #[test]
    fn files_hold_exactly_the_bytes_wherever_those_lie() {
        let folder = place();
        let (memory, aligned) = memory(2 * WINDOW);
        for (number, length) in
            [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, WINDOW, WINDOW + 1, 2 * WINDOW].into_iter().enumerate()
        {
            for shift in [0, 1] {
                let bytes = &memory[aligned + shift..][..length];
                let path = folder.path().join(format!("{number}-{shift}"));
                assert!(create(&Disk::default(), &path, bytes).unwrap().is_some());
                assert!(std::fs::read(&path).unwrap() == bytes, "{length} bytes, {shift} from a block");
            }
        }
    }

    #[test]
    fn parts_of_an_open_file_are_written_wherever_they_begin_in_any_order() {
        let folder = place();
        let (memory, aligned) = memory(6 * WORTHWHILE);
        for cuts in [[1, 2], [BLOCK, 3 * WORTHWHILE], [WORTHWHILE + 7, 3 * WORTHWHILE + BLOCK - 1]] {
            let whole = &memory[aligned..][..5 * WORTHWHILE + 9];
            let path = folder.path().join(format!("{cuts:?}"));
            let file = std::fs::File::create(&path).unwrap();
            file.set_len(whole.len() as u64).unwrap();
            let direct = Direct::of(&file).unwrap();
            for (from, to) in [(cuts[1], whole.len()), (0, cuts[0]), (cuts[0], cuts[1])] {
                direct.write_at(&file, from as u64, &whole[from..to]).unwrap();
            }
            assert!(std::fs::read(&path).unwrap() == whole, "{cuts:?}");
        }
    }
}
