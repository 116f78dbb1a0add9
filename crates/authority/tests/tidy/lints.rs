//! The lints of the workspace hold in every crate, and whoever overrides one says why.

use super::source::{Source, Token, matching};
use super::tree::{File, Problem, Tree};

/// Crates that do not keep the lints of the workspace, and a workspace that does not forbid unsafe code.
pub(crate) fn manifests(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    let says = |file: &File, path: &[&str], expected: &toml::Value| {
        let table = file.text.parse::<toml::Table>().ok().map(toml::Value::Table);
        let value = path.iter().try_fold(table?, |value, key| value.get(key).cloned());
        Some(value.as_ref() == Some(expected))
    };
    for (_, file) in tree.manifests() {
        if says(file, &["lints", "workspace"], &true.into()) != Some(true) {
            problems.push(Problem::new(
                &file.path,
                1,
                "does not keep the lints of the workspace: [lints] workspace = true",
            ));
        }
    }
    let root = tree.find("Cargo.toml");
    let path = ["workspace", "lints", "rust", "unsafe_code"];
    if root.and_then(|root| says(root, &path, &"forbid".into())) != Some(true) {
        problems.push(Problem::new("Cargo.toml", 1, "does not forbid unsafe code: [workspace.lints.rust] unsafe_code"));
    }
    problems
}

/// Source that switches a lint off for good, or that is not finished.
pub(crate) fn sources(tree: &Tree) -> Vec<Problem> {
    tree.rust_files().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Problem> {
    let source = Source::new(&file.text);
    let tokens = source.tokens();
    let mut problems = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let text = |offset: usize| tokens.get(index + offset).map_or("", |token| token.text);
        let unfinished = ["todo", "unimplemented"].contains(&token.text) && text(1) == "!" && "([{".contains(text(2));
        if unfinished && !text(2).is_empty() {
            problems.push(Problem::new(&file.path, source.line(token.at), format!("{}! is not finished", token.text)));
        }
        let open = if text(1) == "!" { index + 2 } else { index + 1 };
        let attribute = token.text == "#" && tokens.get(open).is_some_and(|token| token.text == "[");
        if attribute && allows(&tokens[open..matching(&tokens, open)]) {
            let message = "use #[expect(lint, reason = \"…\")], which complains once it is no longer needed";
            problems.push(Problem::new(&file.path, source.line(token.at), message));
        }
    }
    problems
}

/// Whether an attribute allows a lint, also under a condition (`cfg_attr`).
fn allows(tokens: &[Token<'_>]) -> bool {
    tokens.windows(2).any(|pair| pair[0].text == "allow" && pair[1].text == "(")
}

fn complaints(text: &str) -> Vec<String> {
    sources(&Tree::of(&[("a.rs", text)])).iter().map(ToString::to_string).collect()
}

#[test]
fn a_lint_that_is_allowed_is_found() {
    let message = "use #[expect(lint, reason = \"…\")], which complains once it is no longer needed";
    for text in [
        "\n#[allow(dead_code)]\nfn a() {}",
        "\n#![allow(missing_docs, reason = \"x\")]",
        "\n#[cfg_attr(test, allow(unused))]\nfn a() {}",
        "\n# [ allow (x) ] fn a() {}",
    ] {
        assert_eq!(complaints(text), [format!("a.rs:2: {message}")], "{text}");
    }
}

#[test]
fn what_is_not_finished_is_found() {
    assert_eq!(complaints("fn a() {\n  todo!()\n}"), ["a.rs:2: todo! is not finished"]);
    assert_eq!(complaints("fn a() { unimplemented!(\"later\") }").len(), 1);
    assert_eq!(complaints("fn a() { core::todo! {} }").len(), 1);
}

#[test]
fn what_only_looks_like_it_is_left_alone() {
    let text = "#[expect(dead_code, reason = \"allow(x)\")]\nfn allow(todo: bool) { if todo != true { allow(todo) } }\n\
                // #[allow(x)] todo!()\nconst A: &str = \"#[allow(x)] todo!()\";\n#[serde(default)] struct S;\ntodo!";
    assert_eq!(complaints(text), Vec::<String>::new());
}

#[test]
fn a_crate_that_keeps_its_own_lints_is_found() {
    let root = ("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = 'forbid'\n");
    let problems = |manifest: &str| manifests(&Tree::of(&[root, ("crates/wire/Cargo.toml", manifest)])).len();
    assert_eq!(problems("[lints]\nworkspace = true\n"), 0);
    for bad in ["", "[lints]\nworkspace = false", "[lints.rust]\nunsafe_code = 'forbid'", "[lints", "lints = 1"] {
        assert_eq!(problems(bad), 1, "{bad}");
    }
}

#[test]
fn a_workspace_that_does_not_forbid_unsafe_code_is_found() {
    for bad in ["", "[workspace.lints.rust]\nunsafe_code = 'deny'", "[workspace]"] {
        let problems = manifests(&Tree::of(&[("Cargo.toml", bad)]));
        assert_eq!(problems.len(), 1, "{bad}");
    }
    assert_eq!(manifests(&Tree::of(&[])).len(), 1);
}
