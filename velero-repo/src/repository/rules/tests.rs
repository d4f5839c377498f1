use super::*;
use proptest::prelude::*;

fn files(rules: &[&str]) -> Files {
    Files { ignore: rules.iter().map(|rule| rule.to_string()).collect(), ..Files::default() }
}

fn rules(list: &[&str]) -> Rules {
    Rules::root(&files(list), &[]).unwrap()
}

fn skips(rules: &Rules, path: &str) -> bool {
    let (path, is_directory) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
    matches!(rules.decide(path, is_directory, 0), Decision::Skip(Reason::Rule(_)))
}

#[test]
fn rules_match_what_kopia_matches() {
    for (rule, path, expected) in [
        ("*.*", "foo.txt", true),
        ("foo\\.txt", "foo.txt", true),
        ("ab[cd]", "abc", true),
        ("ab[!de]", "abd", false),
        ("[\\\\]", "\\", true),
        ("[abc-]", "-", true),
        ("[[]", "[", true),
        ("[a\\-c]", "b", false),
        ("[[:ab]", "[", true),
        ("[![:digit:]ab]", "3", false),
        ("[![:digit:]ab]", "c", true),
        ("[[:upper:]]", "Б", true),
        ("abc", "AbC", false),
        ("ab*cd", "abxxxcd", true),
        ("ab***cd", "abxxxcd", true),
        ("ab*", "ab/cd", false),
        ("/ab*", "ab/cd", false),
        ("?*?", "abc", true),
        ("??", "a", false),
        ("**", "foo/bar", true),
        ("/a/**/b/foo.txt", "a/b/c/b/foo.txt", true),
        ("/a/**/b/foo.txt", "a/b/c/d/foo.txt", false),
        ("/a/**/b/foo.txt", "a/b/foo.txt", true),
        ("foo/**", "foo/bar/a/b/c.txt", true),
        ("foo/**", "foo/", false),
        ("/foo/**/bar/**/p.txt", "foo/x/x/bar/x/y/p.txt", true),
        ("bar/a.txt", "foo/bar/a.txt", false),
        ("bar/a.txt", "bar/a.txt", true),
        ("*.txt", "foo/bar/a.txt", true),
        ("/*.txt", "foo/bar/a.txt", false),
        ("**/*.txt", "foo/bar/a.txt", true),
        ("foo/", "foo", false),
        ("foo/", "bar/foo/", true),
        ("foo/", "foo/bar/", false),
        ("foo/**/bar/", "foo/bar/", true),
        ("**/", "foo/", true),
        ("**/", "foo", false),
        ("  \tfoo", "foo", true),
        ("  foo  ", "foo", true),
        (" foo\\ ", "foo ", true),
        ("/users/*/logs", "users/user1/logs", true),
        ("", "foo", false),
        ("/", "foo/", false),
    ] {
        assert_eq!(skips(&rules(&[rule]), path), expected, "{rule:?} on {path:?}");
    }
}

#[test]
fn the_grammar_departs_from_that_of_git_where_kopia_does() {
    assert!(skips(&rules(&["#a#"]), "#a#"), "a policy has no comments");
    assert!(skips(&rules(&["[^a]"]), "a"), "^ is a character");
    assert!(!skips(&rules(&["[^a]"]), "b"));
    assert!(skips(&rules(&["{a,b}"]), "{a,b}"));
    assert!(!skips(&rules(&["{a,b}"]), "a"));
    for bad in ["[a", "[a-", "\\", "[\\", "[a-\\", "[[:alnum", "[[:alnum:]", "[[:foobar:]]"] {
        assert!(Rules::root(&files(&[bad]), &[]).is_err(), "{bad}");
    }
}

#[test]
fn later_rules_and_deeper_directories_win() {
    let root = rules(&["*.log", "!keep.log", "/tmp/"]);
    assert!(skips(&root, "a.log") && !skips(&root, "keep.log") && skips(&root, "tmp/") && !skips(&root, "sub/tmp/"));
    let text = b"# a comment\n\n!a.log\r\n/local\n #odd\n";
    let deep = root.enter("sub/dir", None, &[text]).unwrap();
    assert!(!skips(&deep, "sub/dir/a.log") && skips(&deep, "sub/dir/b.log"));
    assert!(skips(&deep, "sub/dir/local") && !skips(&deep, "sub/dir/x/local") && skips(&deep, "sub/dir/#odd"));
    assert!(skips(&deep, "sub/dir/x/é/c.log"));
    let alone = root.enter("é", Some(&Files { no_parent_ignore: true, ..files(&["/x"]) }), &[]).unwrap();
    assert!(!skips(&alone, "é/a.log") && skips(&alone, "é/x"));
}

#[test]
fn a_policy_below_the_root_stands_alone_but_for_rules_and_sizes_as_in_kopia() {
    let names = |list: &[&str]| list.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let own =
        Files { max_file_size: 10, one_file_system: Some(true), dot_ignore_files: names(&[".a"]), ..Files::default() };
    let root = Rules::root(&own, &[]).unwrap();
    assert_eq!(root.decide("f", false, 11), Decision::Skip(Reason::TooLarge(10)));
    assert_eq!(root.decide("f", false, 10), Decision::Keep);
    assert_eq!(root.decide("d", true, 4096), Decision::Keep);
    let below = Files { dot_ignore_files: names(&[".b", ".a"]), ignore_cache_dirs: Some(false), ..Files::default() };
    let deep = root.enter("d", Some(&below), &[]).unwrap();
    assert!(root.one_file_system() && !deep.one_file_system() && deep.decide("d/f", false, 11) != Decision::Keep);
    assert_eq!(deep.dot_files(), names(&[".b", ".a"]));
    let tag = [CACHE_SIGNATURE, b"\n# more"].concat();
    assert!(root.is_cache(&tag) && !deep.is_cache(&tag) && !root.is_cache(&tag[..42]));
    let unset = deep.enter("d/e", Some(&Files::default()), &[]).unwrap();
    assert!(unset.dot_files().is_empty() && unset.is_cache(&tag));
    let inherited = deep.enter("d/e", None, &[b"x"]).unwrap();
    assert!(inherited.dot_files() == deep.dot_files() && !inherited.is_cache(&tag));
}

#[test]
fn rules_that_would_make_others_slow_are_matched_at_once() {
    let rule = "*a".repeat(200);
    assert!(!skips(&rules(&[&rule, &format!("/{}x", "**/".repeat(200))]), &"a/".repeat(150).repeat(2)[..599]));
}

proptest! {
    #[test]
    fn no_rule_and_no_path_make_it_panic(rule: String, like in "[]a\\\\*?/!\\[:^#-]{0,12}", path: String) {
        for rule in [&rule, &like] {
            if let Ok(rules) = Rules::root(&files(&[rule]), &[path.as_bytes()]) {
                let _ = (rules.decide(&path, true, 1), rules.decide("a/b", false, 1));
            }
        }
    }

    #[test]
    fn a_name_without_signs_is_a_rule_for_itself(name in "[a-z0-9._-]{3,20}") {
        let path = format!("x/{name}");
        prop_assert!(skips(&rules(&[&name]), &path));
    }
}
