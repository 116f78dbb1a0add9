//! Names: of files and folders, and of places that no file may name.

use super::tree::{Problem, Tree, line_at};

/// Names under which anything can be kept, so that nothing can be found.
const DRAWERS: [&str; 5] = ["util", "utils", "common", "helper", "helpers"];

/// Files and folders with such a name, or with one at the end of theirs (`test_helpers`).
pub(crate) fn drawers(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in tree.files() {
        for part in file.path.split('/') {
            let stem = part.split('.').next().unwrap_or(part).to_lowercase();
            let last = stem.rsplit(['_', '-']).next().unwrap_or(&stem);
            // "common" before or after another word usually means something: common_passwords.
            if DRAWERS.contains(&stem.as_str()) || (last != "common" && DRAWERS.contains(&last)) {
                problems.push(Problem::new(
                    &file.path,
                    1,
                    format!("{part:?} says nothing: name it after what it does"),
                ));
            }
        }
    }
    problems
}

/// Files that name a folder of the machine on which they were written.
pub(crate) fn places(tree: &Tree) -> Vec<Problem> {
    // In pieces, since this file is looked at too.
    let places = [concat!("/wo", "rk/"), concat!("/tmp/bash", "_jobs")];
    let mut problems = Vec::new();
    for file in tree.files() {
        for place in places {
            for (at, _) in file.text.match_indices(place) {
                problems.push(Problem::new(
                    &file.path,
                    line_at(&file.text, at),
                    format!("names {place}, which others lack"),
                ));
            }
        }
    }
    problems
}

#[test]
fn drawers_are_found_as_files_and_as_folders() {
    for path in
        ["src/util.rs", "src/Utils/a.rs", "src/common/mod.rs", "a/helpers.ts", "a/test_helper.rs", "a/web-utils.js"]
    {
        assert_eq!(drawers(&Tree::of(&[(path, "")])).len(), 1, "{path}");
    }
}

#[test]
fn names_that_merely_contain_such_a_word_are_fine() {
    for path in ["src/utility.rs", "src/common_passwords.txt", "src/uncommon.rs", "src/helpful.rs"] {
        assert_eq!(drawers(&Tree::of(&[(path, "")])), [], "{path}");
    }
}

#[test]
fn a_folder_of_the_machine_is_found_with_its_line() {
    let text = format!("a\nsee {}main\nand {}.0/x", concat!("/wo", "rk/"), concat!("/tmp/bash", "_jobs"));
    let problems = places(&Tree::of(&[("docs/a.md", &text)]));
    assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(places(&Tree::of(&[("docs/a.md", "at work, /workspace/, /tmp/x")])), []);
}
