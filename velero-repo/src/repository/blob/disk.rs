//! The moments at which a disk can fail.
//!
//! The directory's own input and output goes past OpenDAL, and with it past the stores that fail on demand. Every call to
//! the system that can fail goes through a [`Disk`] instead, which does nothing but make the call; in tests it may also
//! count calls, refuse them, write half of the bytes, or make the call and then say that it failed.

use std::io;

/// A call to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A file is opened, or its size asked for.
    Open,
    /// Bytes are read.
    Read,
    /// A directory is listed.
    List,
    /// Size and time are looked up.
    Stat,
    /// A directory is made.
    MakeDirectory,
    /// A new file gets its bytes.
    Write,
    /// A file gets its length.
    SetLength,
    /// A file gets a time.
    SetTime,
    /// A file or directory becomes durable.
    Sync,
    /// A file gets its name.
    Rename,
    /// A file is removed.
    Remove,
}

/// Where calls are made.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(super) trouble: Option<std::sync::Arc<trouble::Trouble>>,
}

impl Disk {
    /// Makes a call.
    pub(crate) fn call<T>(&self, call: Call, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        #[cfg(test)]
        if let Some(trouble) = &self.trouble {
            return trouble.call(call, make);
        }
        let _ = call; // only tests ask
        make()
    }

    /// Makes the call that writes `bytes`.
    pub(crate) fn write<T>(&self, bytes: &[u8], make: impl FnOnce(&[u8]) -> io::Result<T>) -> io::Result<T> {
        #[cfg(test)]
        if let Some(trouble) = &self.trouble {
            return trouble.write(bytes, make);
        }
        self.call(Call::Write, || make(bytes))
    }
}

#[cfg(test)]
pub(crate) mod trouble {
    //! What goes wrong, and when.

    use super::Call;
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    /// What goes wrong with a call.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Kind {
        /// It is refused with this error.
        Refuse(i32),
        /// Half of the bytes are written, in whole blocks of a disk if they are many, then the disk is full; other calls
        /// are refused.
        Half,
        /// It is made, and then said to have failed.
        LoseAnswer,
    }

    /// One call goes wrong, or all from it on; calls are numbered from 0.
    #[derive(Debug)]
    pub(crate) struct Trouble {
        pub(crate) kind: Kind,
        pub(crate) at: usize,
        pub(crate) lasting: bool,
        calls: Mutex<Vec<Call>>,
    }

    /// What disks write at once, in bytes.
    const BLOCK: usize = 4096;
    /// Error number of a full disk.
    pub(crate) const FULL: i32 = 28;
    /// Error number of a broken disk.
    pub(crate) const BROKEN: i32 = 5;
    /// Error number of missing permission.
    pub(crate) const FORBIDDEN: i32 = 13;

    impl Trouble {
        /// Nothing has been called yet.
        pub(crate) fn new(kind: Kind, at: usize, lasting: bool) -> Arc<Self> {
            Arc::new(Trouble { kind, at, lasting, calls: Mutex::default() })
        }

        /// The calls so far.
        pub(crate) fn calls(&self) -> Vec<Call> {
            self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }

        fn strike(&self, call: Call) -> Option<Kind> {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let number = calls.len();
            calls.push(call);
            (number == self.at || (self.lasting && number > self.at)).then_some(self.kind)
        }

        pub(super) fn call<T>(&self, call: Call, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
            match self.strike(call) {
                None => make(),
                Some(Kind::Refuse(number)) => Err(io::Error::from_raw_os_error(number)),
                Some(Kind::Half) => Err(io::Error::from_raw_os_error(FULL)),
                Some(Kind::LoseAnswer) => make().and(Err(io::Error::from_raw_os_error(BROKEN))),
            }
        }

        pub(super) fn write<T>(&self, bytes: &[u8], make: impl FnOnce(&[u8]) -> io::Result<T>) -> io::Result<T> {
            match self.strike(Call::Write) {
                None => make(bytes),
                Some(Kind::Refuse(number)) => Err(io::Error::from_raw_os_error(number)),
                Some(Kind::Half) => {
                    let half = bytes.len() / 2;
                    let written = if half > BLOCK { half / BLOCK * BLOCK } else { half };
                    let _ = make(&bytes[..written]); // however it went: what is said is that the disk is full
                    Err(io::Error::from_raw_os_error(FULL))
                }
                Some(Kind::LoseAnswer) => make(bytes).and(Err(io::Error::from_raw_os_error(BROKEN))),
            }
        }
    }
}
