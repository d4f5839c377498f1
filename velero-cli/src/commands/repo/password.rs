//! Where the password of a repository comes from: the environment, a file, a person at a terminal. Never an argument,
//! because other users of the machine can read those.

use crate::exit::{Interrupted, usage};
use crate::output::note;
use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::env::VarError;
use std::io::{IsTerminal, Write};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use velero_repo::repository::format::Password;
use zeroize::Zeroizing;

/// The variable.
pub const VARIABLE: &str = "VELERO_REPO_PASSWORD";
/// The longest password file that is read, in bytes.
const LONGEST: u64 = 1 << 16;

/// What is asked at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The password of a repository that exists.
    Once,
    /// A new password, twice.
    Twice,
}

/// The password from the environment, else from `file`, else from the terminal. `missing` is the advice when there is
/// none of these.
pub async fn find(
    file: Option<&Path>,
    ask: Ask,
    missing: &str,
    cancel: &CancellationToken,
) -> anyhow::Result<Password> {
    if let Some(text) = of_environment(std::env::var(VARIABLE))? {
        return Ok(Password::new(text));
    }
    if let Some(file) = file {
        return read(file);
    }
    if !std::io::stdin().is_terminal() {
        return Err(usage(format!("no password is given: set {VARIABLE} or --password-file; {missing}")));
    }
    let password = prompt("Password of the repository: ", cancel).await?;
    if ask == Ask::Twice && prompt("The same again: ", cancel).await? != password {
        return Err(usage("the two passwords differ"));
    }
    match password.is_empty() {
        true => Err(usage("the password is empty")),
        false => Ok(Password::new(password.as_str())),
    }
}

/// What the variable says; nothing if it is empty.
fn of_environment(value: Result<String, VarError>) -> anyhow::Result<Option<String>> {
    match value {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(usage(format!("the password in {VARIABLE} is not UTF-8"))),
    }
}

/// The text of a file without the white space around it.
fn read(file: &Path) -> anyhow::Result<Password> {
    let reading = || format!("reading the password from {}", file.display());
    let mut text = Zeroizing::new(String::new());
    let open = std::fs::File::open(file).with_context(reading)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(open, LONGEST), &mut text).with_context(reading)?;
    match text.trim() {
        "" => Err(usage(format!("the password file {} is empty", file.display()))),
        password => Ok(Password::new(password)),
    }
}

/// Asks at the terminal. What is typed is not shown.
async fn prompt(question: &str, cancel: &CancellationToken) -> anyhow::Result<Zeroizing<String>> {
    let quiet = Quiet::start().context("turning off the echo of the terminal")?;
    let mut stderr = std::io::stderr();
    // A prompt that can not be shown is no reason not to read an answer.
    let _ = stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush());
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        () = cancel.cancelled() => Err(Interrupted.into()),
        line = reading => line.context("reading the password").and_then(|line| line.context("reading the password")),
    };
    drop(quiet);
    note("");
    Ok(Zeroizing::new(line?.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Quiet(Termios);

impl Quiet {
    fn start() -> rustix::io::Result<Quiet> {
        let before = tcgetattr(std::io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet)?;
        Ok(Quiet(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0) {
            note(format_args!("velero: the terminal could not be set back ({error}); `stty echo` does it"));
        }
    }
}
