//! Documents name only files that exist, and name them by their whole path, so that a reader can open them and a rename
//! is noticed.

use super::tree::{File, Problem, Tree, line_at};

/// What the name of a file ends with.
const ENDS: [&str; 8] = [".rs", ".md", ".toml", ".sh", ".json", ".txt", ".js", ".html"];
/// What the whole path of a file begins with, if it is in a folder.
const ROOMS: [&str; 6] = ["crates/", "docs/", "script/", ".ci/", "tests/browser/", "examples/"];

/// Names of files that do not exist, in the documents at the root, in `docs`, and beside a crate's manifest.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    tree.files().filter(|file| is_document(&file.path)).flat_map(|file| check_document(tree, file)).collect()
}

fn is_document(path: &str) -> bool {
    let at_root = ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let in_docs = path.strip_prefix("docs/").and_then(|name| name.strip_suffix(".md"));
    let of_crate = path.strip_prefix("crates/").and_then(|name| name.strip_suffix("/README.md"));
    at_root.contains(&path) || in_docs.or(of_crate).is_some_and(|name| !name.contains('/'))
}

fn check_document(tree: &Tree, file: &File) -> Vec<Problem> {
    let prose = without_fences(&file.text);
    let (spans, rest) = code_spans(&prose);
    let mut problems = Vec::new();
    for (at, span) in spans {
        for word in span.split_whitespace().filter(|word| looks_like_a_path(word)) {
            if !tree.contains(word) {
                problems.push(Problem::new(&file.path, line_at(&prose, at), missing(tree, word)));
            }
        }
    }
    for (at, target) in links(&rest) {
        if !tree.contains(&resolve(&file.path, target)) {
            problems.push(Problem::new(
                &file.path,
                line_at(&prose, at),
                format!("links to {target}, which is not there"),
            ));
        }
    }
    problems
}

/// Says what is wrong with a path, and which whole path was probably meant.
fn missing(tree: &Tree, path: &str) -> String {
    let end = format!("/{path}");
    match tree.files().find(|file| file.path.ends_with(&end)) {
        Some(file) => format!("names {path}: write the whole path, {}", file.path),
        None => format!("names {path}, which is not there"),
    }
}

/// Absolute paths, URLs and paths in somebody's home are no paths of this repository.
fn looks_like_a_path(word: &str) -> bool {
    let elsewhere = word.starts_with(['/', '~', '$']) || word.contains("://");
    let named = word.contains('/') && ENDS.iter().any(|end| word.ends_with(end));
    !elsewhere && (named || ROOMS.iter().any(|room| word.starts_with(room)))
}

/// Replaces fenced blocks by spaces: they are transcripts and examples.
fn without_fences(text: &str) -> String {
    let mut fence: Option<&str> = None;
    let mut prose = String::new();
    for line in text.split_inclusive('\n') {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        let inside = fence.is_some() || mark.is_some();
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        prose.push_str(&if inside { blank(line) } else { line.to_owned() });
    }
    prose
}

/// As many bytes, all of them spaces but for the ends of lines.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// The code spans of a text, and the text without them. A span ends at as many backticks as it began with, in the same
/// paragraph.
fn code_spans(text: &str) -> (Vec<(usize, &str)>, String) {
    let mut spans = Vec::new();
    let mut rest = String::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('`').map(|open| at + open) {
        let ticks = text[open..].bytes().take_while(|byte| *byte == b'`').count();
        let start = open + ticks;
        rest.push_str(&text[at..open]);
        match closing(&text[start..], ticks) {
            Some(length) => {
                spans.push((open, &text[start..start + length]));
                at = start + length + ticks;
            }
            None => at = start,
        }
        rest.push_str(&blank(&text[open..at]));
    }
    rest.push_str(&text[at..]);
    (spans, rest)
}

/// Where a run of exactly as many backticks begins.
fn closing(text: &str, ticks: usize) -> Option<usize> {
    let paragraph = text.find("\n\n").unwrap_or(text.len());
    let mut at = 0;
    while let Some(run) = text[at..paragraph].find('`').map(|run| at + run) {
        let length = text[run..paragraph].bytes().take_while(|byte| *byte == b'`').count();
        if length == ticks {
            return Some(run);
        }
        at = run + length;
    }
    None
}

/// The targets of links into this repository, without anchors.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("](") {
        let target = &text[at + 2..];
        let target = &target[..target.find([')', ' ', '\n']).unwrap_or(target.len())];
        let target = target.split('#').next().unwrap_or(target);
        if !target.is_empty() && !target.contains(':') {
            found.push((at, target));
        }
    }
    found
}

/// The path from the root that a link in a document means.
fn resolve(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn complaints(text: &str) -> Vec<String> {
    let tree = Tree::of(&[
        ("README.md", text),
        ("docs/api.md", ""),
        ("script/test", ""),
        ("crates/authority/src/store/sqlite/session.rs", ""),
    ]);
    check(&tree).iter().map(ToString::to_string).collect()
}

#[test]
fn whole_paths_of_files_and_folders_are_fine() {
    let text = "`crates/authority/src/store/sqlite/session.rs`, `docs/api.md`, `crates/authority/`, `script/test -h`\n\
                and ``docs/api.md``, [the API](docs/api.md#errors), [above](#top), [there](https://example.org/x.md)";
    assert_eq!(complaints(text), Vec::<String>::new());
}

#[test]
fn a_file_that_is_gone_is_named_with_its_line() {
    assert_eq!(complaints("a\n\n`docs/gone.md`"), ["README.md:3: names docs/gone.md, which is not there"]);
    assert_eq!(complaints("`crates/gone`"), ["README.md:1: names crates/gone, which is not there"]);
    assert_eq!(complaints("``` not a fence, since\n\n`run script/gone`").len(), 0, "an open fence hides what follows");
    assert_eq!(complaints("run `script/gone --fast`").len(), 1);
    assert_eq!(complaints("[x](docs/gone.md)"), ["README.md:1: links to docs/gone.md, which is not there"]);
}

#[test]
fn half_a_path_is_refused_and_the_whole_one_offered() {
    assert_eq!(
        complaints("`store/sqlite/session.rs`"),
        [
            "README.md:1: names store/sqlite/session.rs: write the whole path, crates/authority/src/store/sqlite/session.rs"
        ]
    );
}

#[test]
fn what_is_no_path_of_the_repository_is_left_alone() {
    let text = "`10.0.0.0/8` `/etc/rescind/rescind.toml` `https://example.org/a.json` `~/x.toml` `and/or` `rescind.toml` \
                docs/gone.md\n```\n`docs/gone.md`\n```\n";
    assert_eq!(complaints(text), Vec::<String>::new());
}

#[test]
fn fences_end_and_what_follows_is_checked_again() {
    assert_eq!(complaints("```text\nx\n```\n`docs/gone.md`"), ["README.md:4: names docs/gone.md, which is not there"]);
    assert_eq!(complaints("~~~\n```\n~~~\n`docs/gone.md`").len(), 1);
}

#[test]
fn a_span_may_wrap_and_an_unmatched_backtick_confuses_nothing() {
    assert_eq!(complaints("`cat\ndocs/gone.md` x").len(), 1);
    assert_eq!(complaints("a ` b\n\n`docs/gone.md`").len(), 1);
    assert_eq!(complaints("`` ` `` then `docs/gone.md`").len(), 1);
}

#[test]
fn links_are_relative_to_their_document() {
    let tree = |link: &str| Tree::of(&[("docs/a.md", link), ("docs/b.md", ""), ("README.md", "")]);
    assert_eq!(check(&tree("[b](b.md) [b](./b.md) [r](../README.md)")), []);
    assert_eq!(check(&tree("[r](README.md)")).len(), 1);
}

#[test]
fn only_documents_are_checked() {
    let tree = Tree::of(&[("notes.md", "`docs/gone.md`"), ("docs/old/x.md", "`docs/gone.md`")]);
    assert_eq!(check(&tree), []);
    let tree =
        Tree::of(&[("crates/wire/README.md", "`docs/gone.md`"), ("crates/wire/data/README.md", "`docs/gone.md`")]);
    assert_eq!(check(&tree), [Problem::new("crates/wire/README.md", 1, "names docs/gone.md, which is not there")]);
}
