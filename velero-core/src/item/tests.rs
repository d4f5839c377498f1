use super::*;
use crate::Scope;

fn read(raw: &'static str) -> Result<Item, Malformed> {
    let pods = Resource {
        group: String::new(),
        version: "v1".into(),
        plural: "pods".into(),
        singular: "pod".into(),
        kind: "Pod".into(),
        short_names: Vec::new(),
        scope: Scope::Namespaced,
        verbs: Vec::new(),
        has_status: true,
    };
    Item::read(&Arc::new(pods), Bytes::from_static(raw.as_bytes()))
}

#[test]
fn what_lists_omit_is_put_in_front_and_nothing_else_changes() {
    for (raw, body) in [
        (r#" {"metadata":{"name":"a"}}"#, r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}"#),
        (r#"{"kind":"P", "metadata":{"name":"a"}}"#, r#"{"apiVersion":"v1","kind":"P", "metadata":{"name":"a"}}"#),
        (
            r#"{"apiVersion":"v2","metadata":{"name":"a"},"kind":"P"}"#,
            r#"{"apiVersion":"v2","metadata":{"name":"a"},"kind":"P"}"#,
        ),
    ] {
        let item = read(raw).unwrap();
        assert_eq!((item.name.as_str(), &item.body[..]), ("a", body.as_bytes()));
    }
}

#[test]
fn what_is_no_object_with_a_name_and_a_type_is_refused() {
    for raw in [
        r#"{"metadata":{}}"#,
        r#"{"kind":null,"metadata":{"name":"a"}}"#,
        r#"{"apiVersion":null,"metadata":{"name":"a"}}"#,
        r#"["v1","Pod",{"name":"a"}]"#,
        r#"[null,null,{"name":"a"}]"#,
        r#"{"kind":"Pod","apiVersion":"v1","metadata":["a"]}"#,
    ] {
        assert!(read(raw).is_err(), "{raw}");
    }
}
