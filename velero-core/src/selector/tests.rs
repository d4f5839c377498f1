use super::*;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn text_selectors_match_as_kubernetes_matches() {
    let set = [("app", "web"), ("tier", "front"), ("empty", "")];
    for (text, expected) in [
        ("", true),
        ("app=web", true),
        ("app==web", true),
        (" app = web , tier in ( back , front ) ", true),
        ("app=web,tier=back", false),
        ("app!=db", true),
        ("app!=web", false),
        ("missing!=x", true),
        ("missing notin (x)", true),
        ("tier notin (back,front)", false),
        ("tier in(front)", true),
        ("app", true),
        ("!app", false),
        ("!missing", true),
        ("missing", false),
        ("empty=", true),
        ("app=", false),
        ("app=web,app=db", false),
    ] {
        let selector = parse(text).unwrap();
        assert_eq!(matches(&selector, &labels(&set)), expected, "{text}");
        assert_eq!(parse(&print(&selector)).unwrap(), selector, "{text}");
    }
}

#[test]
fn malformed_selectors_are_refused() {
    for text in [
        "a=b,",
        ",",
        "a b",
        "a in",
        "a in b",
        "a in (b",
        "a like (b)",
        "a>1",
        "=b",
        "!",
        "-a=b",
        "a=-b",
        "a/b/c=d",
        "A_/x=y",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert!(parse(&format!("a={}", "x".repeat(64))).is_err());
}

#[test]
fn faults_find_what_can_never_match() {
    let with = |operator: &str, values: &[&str]| LabelSelector {
        match_expressions: vec![Requirement {
            key: "a".into(),
            operator: operator.into(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        }],
        ..LabelSelector::default()
    };
    assert!(faults(&with("In", &["b"])).is_empty());
    for selector in [with("In", &[]), with("Exists", &["b"]), with("Like", &["b"]), with("NotIn", &["b c"])] {
        assert_eq!(faults(&selector).len(), 1, "{selector:?}");
    }
    assert!(!matches(&with("Like", &["b"]), &labels(&[("a", "b")])));
}

fn word() -> impl Strategy<Value = String> {
    "[a-z]([a-zA-Z0-9_.-]{0,8}[a-z0-9])?"
}

fn selector() -> impl Strategy<Value = LabelSelector> {
    let expression = (word(), 0..4usize, btree_set(word(), 1..4)).prop_map(|(key, operator, values)| Requirement {
        key,
        operator: ["In", "NotIn", "Exists", "DoesNotExist"][operator].to_owned(),
        values: if operator < 2 { values.into_iter().collect() } else { Vec::new() },
    });
    (btree_map(word(), word(), 0..4), vec(expression, 0..4))
        .prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(selector in selector()) {
        prop_assert!(faults(&selector).is_empty());
        prop_assert_eq!(parse(&print(&selector)).unwrap(), selector);
    }

    #[test]
    fn no_text_panics(text in "[ab=!,() innot]{0,24}") {
        if let Ok(selector) = parse(&text) {
            prop_assert_eq!(parse(&print(&selector)).unwrap(), selector);
        }
    }
}
