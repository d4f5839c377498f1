//! An open file of this machine.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::super::{Metadata, SourceFile};
use super::metadata_of;

/// A file with the place of its next byte. It reads by position, so asking for holes moves nothing.
pub(super) struct LocalFile {
    file: File,
    at: u64,
    /// Data go on at least to here, so no hole has to be asked for before.
    data_until: u64,
}

impl LocalFile {
    pub(super) fn new(file: File) -> LocalFile {
        LocalFile { file, at: 0, data_until: 0 }
    }
}

impl SourceFile for LocalFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, self.at) {
                Err(interrupted) if interrupted.kind() == io::ErrorKind::Interrupted => {}
                answer => {
                    let read = answer?;
                    self.at += read as u64;
                    return Ok(read);
                }
            }
        }
    }

    fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.at = offset;
        self.data_until = 0;
        Ok(())
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.at += length;
        Ok(())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn hole(&mut self) -> u64 {
        use rustix::fs::{SeekFrom, seek};
        use rustix::io::Errno;
        if self.at < self.data_until {
            return 0;
        }
        match seek(&self.file, SeekFrom::Data(self.at)) {
            Ok(data) if data > self.at => data - self.at,
            Ok(_) => {
                self.data_until = seek(&self.file, SeekFrom::Hole(self.at)).unwrap_or(u64::MAX);
                0
            }
            // No data follow: the hole goes to the end of the file.
            Err(Errno::NXIO) => seek(&self.file, SeekFrom::End(0)).unwrap_or(0).saturating_sub(self.at),
            Err(_) => {
                self.data_until = u64::MAX; // this file system tells no holes
                0
            }
        }
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(metadata_of(&rustix::fs::fstat(&self.file)?))
    }
}
