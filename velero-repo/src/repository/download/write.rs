//! Plain contents become bytes of files.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::batch::Place;
use super::job::{Filling, Job};
use super::report::count;
use super::run::{Run, failed};
use crate::repository::tree::{Kind, SinkFile};
use crate::{Error, Result};

/// Stretches of zeros that become holes are multiples of this many bytes of the file.
const HOLE: u64 = 4096;
/// Longest file that grows while it is written, in bytes.
const SMALL: usize = 128 << 10;
/// Longest link target that Linux has, in bytes.
const LONGEST_LINK: usize = 4095;

impl Run {
    /// Puts a piece where it belongs in its file; the last one completes it.
    pub(super) fn deliver(&self, job: &Arc<Job>, place: Place, plain: &[u8]) {
        let done = match place {
            _ if job.has_failed() => Ok(()),
            Place::Whole => self.whole(job, plain),
            Place::Part { start, length, total } => self.part(job, plain, start, (length, total)),
        };
        match done {
            Ok(()) => self.end_piece(job),
            Err(error) => self.lose(job, error),
        }
    }

    /// Notes that a piece can not be had, and the file with it.
    pub(super) fn lose(&self, job: &Arc<Job>, error: Error) {
        if job.fail() {
            self.fail(&job.path(), error);
        }
        self.end_piece(job);
    }

    /// A file of one content, or a link: at once.
    fn whole(&self, job: &Job, plain: &[u8]) -> Result<()> {
        let path = job.path();
        match (job.link, plain.len()) {
            (true, 0) => return Err(Error::corrupt("its target", "it is empty")),
            (true, length) if length > LONGEST_LINK => {
                return Err(Error::corrupt("its target", format!("it has {length} bytes, more than a link can have")));
            }
            (true, _) => {
                if self.place_link((job, &path), plain)? {
                    let refused = self.sink.set_attributes(&path, Kind::Link, &job.attributes);
                    self.warn_refused(&path, refused);
                    count(&self.progress.links);
                }
            }
            (false, length) => {
                let fill = |file: &dyn SinkFile, at: &[u8]| {
                    self.write(file, 0, plain).map_err(|error| failed(at, error))?;
                    self.warn_refused(&path, file.set_attributes(&job.attributes));
                    file.flush().map_err(|error| failed(at, error))
                };
                // A small file without holes gets its length with its bytes, which saves the file system a change of its own.
                let size = if self.options.sparse || length > SMALL { length as u64 } else { 0 };
                if self.place_file((job, &path), size, fill)? {
                    self.count_bytes(length as u64);
                    self.end_file(job, &path, length as u64);
                }
            }
        }
        Ok(())
    }

    /// One piece of a file of several.
    fn part(&self, job: &Job, plain: &[u8], start: u64, (length, total): (u64, u64)) -> Result<()> {
        if job.link {
            return Err(Error::corrupt("its target", format!("it has {total} bytes, more than a link can have")));
        }
        if plain.len() as u64 != length {
            let reason = format!("the list says {length} bytes at {start}, and the content has {}", plain.len());
            return Err(Error::corrupt("its list of contents", reason));
        }
        let Some(filling) = self.filling(job, total)? else { return Ok(()) };
        self.write(&*filling.file, start, plain).map_err(|error| failed(&filling.path, error))?;
        self.count_bytes(length);
        Ok(())
    }

    fn count_bytes(&self, length: u64) {
        self.progress.bytes.fetch_add(length, Ordering::Relaxed);
    }

    /// The file that is being filled, begun with the first piece; none if the existing one is kept.
    fn filling(&self, job: &Job, total: u64) -> Result<Option<Filling>> {
        let mut filling = job.filling.lock().unwrap_or_else(PoisonError::into_inner);
        if filling.is_none() && job.has_failed() {
            return Ok(None);
        }
        if filling.is_none() {
            let path = job.path();
            if !path.is_empty() && !self.may_place(job, &path)? {
                job.fail(); // without a word: it is kept
                return Ok(None);
            }
            let path = self.beside(&path);
            let file = self.sink.create_file(&path, total).map_err(|error| failed(&path, error))?;
            let reserved = if self.options.sparse { Ok(()) } else { file.reserve() };
            *filling = Some(Filling { file: file.into(), path: path.clone(), length: total });
            reserved.map_err(|error| failed(&path, error))?;
        }
        Ok(filling.clone())
    }

    /// Completes the file, or removes what there is of it, after its last piece.
    fn end_piece(&self, job: &Arc<Job>) {
        if !job.is_last_piece() {
            return;
        }
        let filling = job.filling.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(filling) = filling {
            match job.has_failed() {
                true => self.discard(&filling.path),
                false => self.complete(job, filling),
            }
        }
        self.release(&job.folder);
    }

    fn complete(&self, job: &Job, Filling { file, path: beside, length }: Filling) {
        let path = job.path();
        self.warn_refused(&path, file.set_attributes(&job.attributes));
        let whole = file.flush().map_err(|error| failed(&path, error));
        drop(file);
        if let Err(error) = whole.and_then(|()| self.replace(&beside, &path)) {
            self.discard(&beside);
            return self.fail(&path, error);
        }
        self.end_file(job, &path, length);
    }

    fn end_file(&self, job: &Job, path: &[u8], length: u64) {
        count(&self.progress.files);
        if let Some(size) = job.size
            && size != length
        {
            self.warn(path, format!("its entry says {size} bytes, and it has {length}"));
        }
    }

    /// Writes, with holes where they are wanted and possible.
    fn write(&self, file: &dyn SinkFile, start: u64, plain: &[u8]) -> std::io::Result<()> {
        if !self.options.sparse || !file.is_blank() {
            return if plain.is_empty() { Ok(()) } else { file.write_at(start, plain) };
        }
        let mut at = 0;
        for (length, zero) in stretches(start, plain) {
            if !zero {
                file.write_at(start + at as u64, &plain[at..at + length])?; // the stretches make up the whole
            }
            at += length;
        }
        Ok(())
    }
}

/// Lengths of the stretches of `plain` that are zero, and of those that are not, in turns. They begin and end at
/// multiples of [`HOLE`] of the file, except at both ends.
fn stretches(start: u64, plain: &[u8]) -> Vec<(usize, bool)> {
    let mut found: Vec<(usize, bool)> = Vec::new();
    let mut at = 0;
    while at < plain.len() {
        let block = (HOLE - (start + at as u64) % HOLE) as usize; // at most 4096
        let block = &plain[at..plain.len().min(at + block)];
        let zero = block.iter().all(|byte| *byte == 0);
        match found.last_mut() {
            Some((length, same)) if *same == zero => *length += block.len(),
            _ => found.push((block.len(), zero)),
        }
        at += block.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::stretches;

    #[test]
    fn stretches_of_zeros_end_where_blocks_of_the_file_do() {
        let mut bytes = vec![0; 20_000];
        bytes[9000] = 1;
        assert_eq!(stretches(0, &bytes), [(8192, true), (4096, false), (7712, true)]);
        assert_eq!(stretches(4000, &bytes), [(8288, true), (4096, false), (7616, true)]);
        assert_eq!(stretches(1, &[0; 10]), [(10, true)]);
        assert_eq!(stretches(1, &[]), []);
    }
}
