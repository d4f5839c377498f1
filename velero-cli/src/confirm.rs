//! Asks before something is taken away for good.

use crate::exit::usage;
use crate::output::note;
use anyhow::Context as _;
use std::io::{BufRead, IsTerminal};

/// Asks until the answer is y or n. The end of input means no; input that is not a terminal is refused.
pub async fn ask(question: &'static str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(usage(
            "nothing was deleted: there is no terminal to ask on; add --confirm to go on without asking",
        ));
    }
    tokio::task::spawn_blocking(move || read_answer(question, &mut std::io::stdin().lock()))
        .await
        .context("reading the answer")
}

fn read_answer(question: &str, input: &mut impl BufRead) -> bool {
    loop {
        note(format_args!("{question} (y/n)"));
        let mut line = String::new();
        if !matches!(input.read_line(&mut line), Ok(1..)) {
            return false;
        }
        match line.trim() {
            "y" | "Y" => return true,
            "n" | "N" => return false,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_letter_counts_and_the_end_means_no() {
        let check =
            |input: &str, expected: bool| assert_eq!(read_answer("?", &mut input.as_bytes()), expected, "{input:?}");
        check("y\n", true);
        check("Y\n", true);
        check("n\n", false);
        check("yes\nmaybe\ny\n", true);
        check("", false);
    }
}
