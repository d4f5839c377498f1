//! Signals: the first Ctrl-C asks the run to end cleanly, the second one ends the process.

use crate::exit::Exit;
use crate::output::note;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `token` on the first SIGINT or SIGTERM and leaves the process on the second.
pub fn listen(token: CancellationToken) {
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return; // The default handlers then end the process.
        };
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if first {
                note("Stopping cleanly; press Ctrl-C again to stop at once.");
                token.cancel();
            }
        }
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
}
