//! What an entry of a tree is, as the system tells it.

/// Kinds of special files, which Kopia's format can not carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Special {
    /// A block device.
    Block,
    /// A character device.
    Character,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// Anything else the system knows.
    Other,
}

/// Kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A file whose length is known only at its end and that can be read once, such as a block device that is saved as
    /// one file.
    Stream,
    /// A symbolic link.
    Link,
    /// A device, pipe or socket.
    Special(Special),
}

/// An entry without its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-user-id, set-group-id and sticky bit, as POSIX numbers them (`0o7777`).
    pub mode: u32,
    /// Owning user.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// Bytes of a file or of a link's target; 0 for everything else.
    pub size: u64,
    /// Nanoseconds since 1970, negative before.
    pub modified: i64,
    /// Whether the system's time lies outside the years 1677 to 2262, and `modified` is the nearest time inside.
    pub time_clamped: bool,
    /// File system that holds it.
    pub device: u64,
    /// Names that this entry has.
    pub links: u64,
    /// Bytes that it occupies; less than `size` where it has holes.
    pub allocated: u64,
    /// Whether it has extended attributes or access control lists.
    pub extended: bool,
}

/// What a restore sets on an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// User and group; `None` leaves them.
    pub owner: Option<(u32, u32)>,
    /// Permission bits as POSIX numbers them; `None` leaves them. Links have none.
    pub mode: Option<u32>,
    /// Nanoseconds since 1970; `None` leaves the time.
    pub modified: Option<i64>,
}

/// The attributes that could not be set, and why.
#[derive(Debug, Default)]
pub struct Refused {
    /// User and group.
    pub owner: Option<std::io::Error>,
    /// Permission bits; also when set-user-id and set-group-id were left away because the owner is another.
    pub mode: Option<std::io::Error>,
    /// Time.
    pub modified: Option<std::io::Error>,
}

impl Refused {
    /// All refusals with the name of what was refused.
    pub fn named(self) -> impl Iterator<Item = (&'static str, std::io::Error)> {
        let all = [("owner", self.owner), ("permissions", self.mode), ("time", self.modified)];
        all.into_iter().filter_map(|(name, error)| Some((name, error?)))
    }
}
