//! A fuzzer for everything that reads what others wrote, on the stable toolchain.
//!
//! Every input is a pure function of target, seed and number: valid documents made in code are mutated by their structure
//! and by their bytes. A [`Target`] reads the input; a panic, an input that keeps a processor for five seconds and one
//! that needs more memory than its target says are findings. Inputs are run by a second process ([`worker`]), so that a
//! stack overflow or an abort is a finding like any other; its parent ([`session`]) names the input.

pub mod memory;
pub mod session;
pub mod worker;

mod archive;
mod documents;
mod list;
mod mutate;
mod policies;
mod random;
mod repository;
mod restore;
mod selector;
mod tape;

pub use random::Random;

/// One reader of foreign bytes, with what it takes to attack it.
pub trait Target {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Memory that one input may need, in bytes, beside what libraries in C take.
    fn memory(&self) -> usize {
        256 << 20
    }

    /// Makes a mutated input.
    fn input(&self, random: &mut Random) -> Vec<u8>;

    /// Reads an input; panics if what came of it contradicts itself.
    fn run(&self, input: &[u8]);
}

/// All targets.
pub fn targets() -> Vec<Box<dyn Target>> {
    let mut all: Vec<Box<dyn Target>> = vec![
        Box::new(archive::Archive),
        Box::new(documents::Documents::new()),
        Box::new(list::List),
        Box::new(policies::Policies::new()),
        Box::new(restore::Restores::new()),
        Box::new(selector::Selectors),
    ];
    all.extend(repository::targets());
    all
}

/// Input `number` of `target` under `seed`.
pub fn input(target: &dyn Target, seed: u64, number: u64) -> Vec<u8> {
    target.input(&mut Random::new(seed, number))
}
