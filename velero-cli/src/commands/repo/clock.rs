//! The time by which a repository is worked with: this machine's.
//!
//! For tests only, `VELERO_REPO_CLOCK` sets another: an instant such as `2026-01-01T00:00:00Z` at which the clock stands
//! still, or `@FILE` with such an instant, which is read again whenever the time is asked for. Blobs in a directory get
//! their times from the same clock.

use crate::exit::usage;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use velero_repo::repository::clock::Clock;

/// The variable.
const VARIABLE: &str = "VELERO_REPO_CLOCK";

/// The clock that the environment sets, if it does.
pub fn of_environment() -> anyhow::Result<Option<Arc<dyn Clock>>> {
    let Some(text) = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()) else { return Ok(None) };
    let clock: Arc<dyn Clock> = match text.strip_prefix('@') {
        Some(file) => Arc::new(FileClock { last: Mutex::new(read(Path::new(file))?), file: file.into() }),
        None => Arc::new(Still(parse(&text)?)),
    };
    Ok(Some(clock))
}

/// A clock that stands still.
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A clock that shows what a file holds; what it held last while the file can not be read.
struct FileClock {
    file: PathBuf,
    last: Mutex<Timestamp>,
}

impl Clock for FileClock {
    fn now(&self) -> Timestamp {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = read(&self.file).unwrap_or(*last);
        *last
    }
}

fn read(file: &Path) -> anyhow::Result<Timestamp> {
    parse(crate::flags::read_file(file)?.trim())
}

fn parse(text: &str) -> anyhow::Result<Timestamp> {
    text.parse().map_err(|_| usage(format!("{VARIABLE}: {text:?} is no instant such as 2026-01-01T00:00:00Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_a_file_moves_with_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "2026-01-01T00:00:00Z\n").unwrap();
        let clock = FileClock { last: Mutex::new(read(file.path()).unwrap()), file: file.path().into() };
        std::fs::write(&file, "2026-01-02T00:00:00Z").unwrap();
        assert_eq!(clock.now(), "2026-01-02T00:00:00Z".parse().unwrap());
        std::fs::write(&file, "").unwrap();
        assert_eq!(clock.now(), "2026-01-02T00:00:00Z".parse().unwrap());
        assert!(parse("yesterday").is_err());
    }
}
