//! Where new identities, times and random names come from: the operating system, or a seed for tests that repeat.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The time of everything a seeded cluster makes, and of manifests that do not say when they were made.
const FIXED: &str = "2026-01-01T00:00:00Z";
/// The characters of generated names (no vowels, no digits that look like letters), as in Kubernetes.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Makes identities, times and names.
#[derive(Debug)]
pub struct Origin {
    seed: Option<(u64, u64)>,
    stable: bool,
}

impl Origin {
    /// Takes everything from the operating system.
    pub fn system() -> Self {
        Origin { seed: None, stable: false }
    }

    /// Like [`Origin::system`], but objects that were there before get what never changes.
    pub fn directory() -> Self {
        Origin { seed: None, stable: true }
    }

    /// Makes the same sequence for the same seed; its clock stands still.
    pub fn seeded(seed: u64) -> Self {
        Origin { seed: Some((seed, 0)), stable: false }
    }

    /// A new identity.
    pub fn uid(&mut self) -> String {
        Uuid::from_bytes(self.bytes()).to_string()
    }

    /// The time now, RFC 3339 UTC in whole seconds.
    pub fn now(&self) -> String {
        match self.seed {
            Some(_) => FIXED.to_owned(),
            None => Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    /// Five characters that end a generated name.
    pub fn suffix(&mut self) -> String {
        self.bytes()[..5].iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
    }

    /// The identity of an object that was there before, without saying which: in a directory always the same.
    pub fn uid_of(&mut self, key: &str) -> String {
        if self.stable { Uuid::from_bytes(uuid_of(&[b"object", key.as_bytes()])).to_string() } else { self.uid() }
    }

    /// The creation time of an object that was there before.
    pub fn birth(&self) -> String {
        if self.stable { FIXED.to_owned() } else { self.now() }
    }

    fn bytes(&mut self) -> [u8; 16] {
        let Some((seed, count)) = &mut self.seed else { return Uuid::new_v4().into_bytes() };
        *count += 1;
        uuid_of(&[&seed.to_be_bytes(), &count.to_be_bytes()])
    }
}

fn uuid_of(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        let make = |mut origin: Origin| (origin.uid(), origin.suffix(), origin.uid());
        assert_eq!(make(Origin::seeded(7)), make(Origin::seeded(7)));
        assert_ne!(make(Origin::seeded(7)), make(Origin::seeded(8)));
        assert_ne!(Origin::system().uid(), Origin::system().uid());
        assert_eq!(Origin::seeded(1).now().len(), 20);
        assert_eq!(Origin::system().now().len(), 20);
    }

    #[test]
    fn a_directory_gives_old_objects_the_same_identity_each_time() {
        let uid = Origin::directory().uid_of("configmaps a/b");
        assert_eq!(uid, Origin::directory().uid_of("configmaps a/b"));
        assert_eq!(uid.as_bytes()[14], b'4', "a UUID of version 4: {uid}");
        assert_ne!(Origin::directory().uid(), Origin::directory().uid());
    }
}
