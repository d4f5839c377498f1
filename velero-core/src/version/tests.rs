use super::*;

fn list(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Versions written with the preferred one first.
fn versions(text: &str) -> Versions {
    let all = list(text);
    Versions::new(all.clone(), all.first().cloned().unwrap_or_default())
}

#[test]
fn versions_are_ranked_as_kubernetes_ranks_them() {
    let mut mixed = list("v2 v11alpha2 foo10 v10 v12alpha1 v3beta1 foo1 v1 v10beta3 v11beta2");
    sort(&mut mixed);
    assert_eq!(mixed, list("v10 v2 v1 v11beta2 v10beta3 v3beta1 v12alpha1 v11alpha2 foo1 foo10"));
}

#[test]
fn the_version_is_chosen_by_user_then_target_then_source_then_what_both_have() {
    for (case, source, target, user, expected) in [
        ("a group that the target does not serve", "v1 v2", None, "v2", "v1"),
        (
            "the user's first that both have",
            "v10alpha2 v9beta1",
            Some("v9 v10beta1 v10alpha2 v10alpha3"),
            "foo v10alpha2 v3",
            "v10alpha2",
        ),
        ("the user's order counts", "v1 v2beta2 v2beta1", Some("v2beta2 v2beta1"), "v2beta1 v2beta2", "v2beta1"),
        ("the user's is in the source only", "v1 v3", Some("v3 v2"), "v1", "v3"),
        ("the user's is in the target only", "v2 v2beta1", Some("v2beta1 v3 v3beta2"), "v3 v1", "v2beta1"),
        ("the target's preferred one", "v2beta1 v1 v2", Some("v1 v2beta1"), "", "v1"),
        ("the source's preferred one", "v2beta1 v2", Some("v1 v2beta1"), "", "v2beta1"),
        ("the highest that both have", "v3 v2beta2 v2beta1 v1alpha1", Some("v4 v2beta1 v2beta2"), "", "v2beta2"),
        ("nothing in common", "v3 v2", Some("v1 v1beta1"), "", "v3"),
        ("one version each", "v3", Some("v1"), "", "v3"),
    ] {
        let target = target.map(versions);
        assert_eq!(choose(&versions(source), target.as_ref(), &list(user)), expected, "{case}");
    }
}

#[test]
fn the_user_s_priorities_are_read_line_by_line() {
    let text = "     pods=v2,v1beta2\nhorizontalpodautoscalers.autoscaling = v2beta2\n\njobs.batch=v3    \n  ";
    let expected = [("pods", "v2 v1beta2"), ("horizontalpodautoscalers.autoscaling", "v2beta2"), ("jobs.batch", "v3")];
    let expected = expected.map(|(resource, versions)| (GroupResource::parse(resource), list(versions)));
    assert_eq!(priorities(text), (BTreeMap::from(expected), Vec::new()));
    for odd in ["a=v1=v2", "a=", "=v1", "a"] {
        assert_eq!(priorities(odd), (BTreeMap::new(), vec![odd.to_owned()]));
    }
}
