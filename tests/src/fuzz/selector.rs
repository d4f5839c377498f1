//! Label selectors and globs as people type them.

use super::{Random, Target, mutate};
use std::collections::BTreeMap;
use velero_core::glob::{Glob, GlobSet};
use velero_core::selector;

const WORDS: [&str; 24] = [
    "a=b",
    "c!=d",
    "e in (f,g)",
    "h notin (i)",
    "!j",
    "k==l",
    "app.kubernetes.io/name",
    "=",
    "!=",
    " in ",
    "(",
    ")",
    ",",
    "**",
    "*",
    "?",
    "[a-z]",
    "[!a]",
    "{a,b}",
    "{",
    "}",
    "\\",
    "[",
    "ü",
];

const SEEDS: [&str; 6] = [
    "a=b,c!=d,e in (f,g),!h\nname",
    "app.kubernetes.io/name notin (x,y),tier\nweb-1",
    "kube-*\nkube-system",
    "{a,b}*[0-9]?\nb-7x",
    "*.{apps,batch{,.x}}\ndeployments.apps",
    "*a*b*c*d*e*\naaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb",
];

pub struct Selectors;

impl Target for Selectors {
    fn name(&self) -> &'static str {
        "selector"
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = random.pick(&SEEDS).as_bytes().to_vec();
        mutate::havoc(random, &mut bytes, &WORDS);
        bytes.truncate(4 << 10);
        bytes
    }

    fn run(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
        labels(first);
        globs(first, second);
    }
}

fn labels(text: &str) {
    let Ok(selector) = selector::parse(text) else { return };
    let printed = selector::print(&selector);
    let again = selector::parse(&printed).expect("what is printed can be read");
    assert_eq!(selector::print(&again), printed);
    for labels in [&[][..], &[("a", "b")], &[("a", "b"), ("c", "d"), ("e", "f")], &[("tier", "")]] {
        let labels: BTreeMap<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(selector::matches(&selector, &labels), selector::matches(&again, &labels), "{printed}");
    }
}

fn globs(pattern: &str, text: &str) {
    let compiled = Glob::new(pattern);
    if let Ok(glob) = &compiled {
        let plain = !pattern.contains(['*', '?', '[', '{', '\\']);
        assert!(!plain || glob.matches(text) == (pattern == text), "a pattern without wildcards means itself");
        assert_eq!(GlobSet::new([pattern]).matches(text), glob.matches(text));
    }
    if let Ok(bounded) = Glob::with_separator(pattern, '.') {
        // Where `*` crosses nothing it matches less; negated classes are not affected.
        assert!(!bounded.matches(text) || compiled.is_ok_and(|glob| glob.matches(text)));
    }
}
