use super::*;
use proptest::prelude::*;

#[test]
fn patterns_match_whole_texts_in_veleros_dialect() {
    for (pattern, text, expected) in [
        ("pods", "pods", true),
        ("pods", "pods.metrics.k8s.io", false),
        ("*.velero.io", "backups.velero.io", true),
        ("*.velero.io", "a.b.velero.io", true),
        ("*", "", true),
        ("", "", true),
        ("?", "", false),
        ("n?-*", "ns-1", true),
        ("ns-[ab]", "ns-b", true),
        ("ns-[ab]", "ns-c", false),
        ("ns-[!ab]", "ns-c", true),
        ("ns-[a-c]", "ns-b", true),
        ("ns-[!a-c]", "ns-b", false),
        ("ns-[^a]", "ns-^", true),
        ("{web,db}-*", "db-1", true),
        ("{web,db}-*", "mail-1", false),
        ("a{b{c,d},e}", "abd", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("{a,b", "b", true),
        ("a,b", "a,b", true),
    ] {
        assert_eq!(Glob::new(pattern).unwrap().matches(text), expected, "{pattern} on {text}");
    }
}

#[test]
fn malformed_classes_are_refused() {
    for pattern in ["ns[", "ns[]", "ns[!]", "[a-", "[z-a]", "[a-z0-9]"] {
        assert!(Glob::new(pattern).is_err(), "{pattern}");
    }
    assert!(Glob::new(&"{".repeat(1000)).is_err());
}

#[test]
fn m8_only_two_stars_cross_a_separator() {
    for (pattern, text, expected) in [
        ("*", "pods", true),
        ("*", "deployments.apps", false),
        ("*.apps", "deployments.apps", true),
        ("*.*", "deployments.apps", true),
        ("*.*", "ingresses.networking.k8s.io", false),
        ("**", "ingresses.networking.k8s.io", true),
        ("pod?", "pod.", false),
    ] {
        assert_eq!(Glob::with_separator(pattern, '.').unwrap().matches(text), expected, "{pattern} on {text}");
    }
}

#[test]
fn a_malformed_pattern_ends_the_search_of_its_set() {
    let set = GlobSet::new(["a", "b[", "c"]);
    assert_eq!((set.find("a"), set.find("c"), set.malformed()), (Some("a"), None, Some("b[")));
}

#[test]
fn many_stars_stay_cheap() {
    let pattern = "*a".repeat(60) + "b";
    assert!(!Glob::new(&pattern).unwrap().matches(&"a".repeat(250)));
}

proptest! {
    #[test]
    fn a_name_matches_itself_and_its_wildcards(name in "[a-z0-9.-]{0,40}", cut in 0usize..40) {
        let cut = cut.min(name.len());
        let (head, tail) = name.split_at(cut);
        prop_assert!(Glob::new(&name).unwrap().matches(&name));
        let starred = format!("{head}*{tail}");
        prop_assert!(Glob::new(&starred).unwrap().matches(&name));
        let chosen = format!("{{{},other}}", name);
        prop_assert!(Glob::new(&chosen).unwrap().matches(&name));
        prop_assert!(GlobSet::new([name.as_str()]).matches(&name));
        let questions = "?".repeat(name.len());
        prop_assert!(Glob::new(&questions).unwrap().matches(&name));
    }

    #[test]
    fn no_pattern_panics(pattern in "[a-c*?\\[\\]{},!\\\\-]{0,16}", text in "[a-c,!-]{0,12}") {
        if let Ok(glob) = Glob::new(&pattern) {
            glob.matches(&text);
        }
    }
}
