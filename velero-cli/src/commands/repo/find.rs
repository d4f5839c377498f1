//! `velero repo find`.

use super::entry::EntryDocument;
use super::location::{Access, CachedLocation};
use super::output::Output;
use crate::context::Context;
use crate::exit::Exit;
use regex::Regex;
use std::ops::ControlFlow;
use velero_repo::repository::browse;

/// Arguments of `repo find`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A snapshot's identity or a unique beginning of it (at least 4 characters), or an object; behind it a path inside
    #[arg(value_name = "TARGET[/PATH]")]
    target: String,
    /// Base names to look for: * is any text, ? any letter, [a-z] any of these
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    name: Regex,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: CachedLocation,
}

/// Prints the paths below the target whose names match.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let repository = args.location.open(Access::Read, context).await?;
    let found = browse::resolve(&repository, &args.target).await?;
    let mut list = args.output.list(context);
    let mut shown = Ok(());
    let each = |path: &str, entry: &_| {
        if args.name.is_match(path.rsplit('/').next().unwrap_or(path)) {
            shown = list.show(&EntryDocument::new(path, entry), EntryDocument::shown);
        }
        if shown.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    browse::find(&repository, &found.entry, each).await?;
    shown?;
    list.end()?;
    Ok(Exit::Completed)
}

/// Reads a pattern of names.
fn glob(text: &str) -> Result<Regex, String> {
    let mut regex = String::from("(?s)^");
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let (class, after) = rest.split_once(']').ok_or("a bracket is not closed")?;
                let (not, class) = class.strip_prefix(['!', '^']).map_or(("", class), |class| ("^", class));
                let class = class.replace('\\', r"\\").replace('[', r"\[").replace("&&", r"&\&").replace('~', r"\~");
                regex.push_str(&format!("[{not}{class}]"));
                rest = after;
            }
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&(regex + "$")).map_err(|_| "it is no pattern of names".to_owned())
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("*", "", true),
            ("?", "ö", true),
            ("a[0-9]b", "a7b", true),
            ("a[!0-9]b", "a7b", false),
            ("a.b", "axb", false),
            ("[[~]", "~", true),
            ("(x|y)", "x", false),
        ] {
            assert_eq!(glob(pattern).unwrap().is_match(name), expected, "{pattern} {name}");
        }
        assert!(glob("[a").is_err() && glob("[]").is_err());
    }
}
