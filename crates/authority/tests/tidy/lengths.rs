//! How long files and functions may be. Tests are exempt: a long table of cases is easy to read.

use super::source::{Function, Source};
use super::tree::{File, Problem, Tree};

/// The most lines of a function, from its `fn` to its closing brace.
const LONGEST_FUNCTION: usize = 70;
/// The most lines of a file, without its test modules.
const LONGEST_FILE: usize = 600;
/// The most lines of nine files in ten.
const LONG_FILE: usize = 400;

/// Functions that do not fit on one screen.
pub(crate) fn functions(tree: &Tree) -> Vec<Problem> {
    let files = tree.rust_files().filter(|file| !file.is_test());
    files.flat_map(long_functions).collect()
}

fn long_functions(file: &File) -> Vec<Problem> {
    let source = Source::new(&file.text);
    let outline = source.outline();
    let in_tests =
        |function: &Function| outline.test_modules.iter().any(|(start, end)| (*start..*end).contains(&function.start));
    let mut problems = Vec::new();
    for function in outline.functions.iter().filter(|function| !in_tests(function)) {
        let first = source.line(function.start);
        let lines = source.line(function.end) - first + 1;
        if lines > LONGEST_FUNCTION {
            let message = format!("{} has {lines} lines, at most {LONGEST_FUNCTION} are allowed", function.name);
            problems.push(Problem::new(&file.path, first, message));
        }
    }
    problems
}

/// Files over the limit, and all long files if there are too many of them.
pub(crate) fn files(tree: &Tree) -> Vec<Problem> {
    let sizes: Vec<(&File, usize)> =
        tree.rust_files().filter(|file| !file.is_test()).map(|file| (file, lines_without_tests(file))).collect();
    let complain = |(file, lines): &(&File, usize), allowed: &str| {
        Problem::new(&file.path, 1, format!("has {lines} lines without tests, {allowed}"))
    };
    let too_long = sizes.iter().filter(|(_, lines)| *lines > LONGEST_FILE);
    let mut problems: Vec<Problem> =
        too_long.map(|file| complain(file, &format!("at most {LONGEST_FILE} are allowed"))).collect();
    let long: Vec<_> = sizes.iter().filter(|(_, lines)| *lines > LONG_FILE).collect();
    if long.len() * 10 > sizes.len() {
        let share =
            format!("and only one file in ten may have more than {LONG_FILE} ({} of {})", long.len(), sizes.len());
        problems.extend(long.iter().map(|file| complain(file, &share)));
    }
    problems
}

fn lines_without_tests(file: &File) -> usize {
    let source = Source::new(&file.text);
    let tests = source.outline().test_modules;
    let in_tests: usize = tests.iter().map(|(start, end)| source.line(*end) - source.line(*start) + 1).sum();
    file.text.lines().count() - in_tests
}

fn function_of(lines: usize) -> String {
    format!("pub fn long() {{\n{}}}\n", "    // a line\n".repeat(lines - 2))
}

#[test]
fn a_function_of_seventy_lines_is_the_longest() {
    assert_eq!(functions(&Tree::of(&[("a.rs", &function_of(70))])), []);
    let text = format!("// first\n{}", function_of(71));
    let problems = functions(&Tree::of(&[("a.rs", &text)]));
    assert_eq!(problems, [Problem::new("a.rs", 2, "long has 71 lines, at most 70 are allowed")]);
}

#[test]
fn the_lines_of_a_signature_count() {
    let text = format!("fn long(\n    a: u8,\n) {{\n{}}}\n", "\n".repeat(67));
    assert_eq!(functions(&Tree::of(&[("a.rs", &text)])).len(), 1);
}

#[test]
fn methods_and_functions_in_macros_count() {
    for text in [format!("impl A {{\n{}}}", function_of(71)), format!("m! {{\n{}}}", function_of(71))] {
        assert_eq!(functions(&Tree::of(&[("a.rs", &text)])).len(), 1);
    }
}

#[test]
fn test_functions_may_be_long() {
    let module = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function_of(100));
    assert_eq!(functions(&Tree::of(&[("a.rs", &module)])), []);
    assert_eq!(functions(&Tree::of(&[("crates/a/tests/b.rs", &function_of(100))])), []);
    assert_eq!(functions(&Tree::of(&[("crates/a/src/b/tests.rs", &function_of(100))])), []);
    let ordinary = module.replace("#[cfg(test)]\n", "");
    assert_eq!(functions(&Tree::of(&[("a.rs", &ordinary)])).len(), 1);
}

#[test]
fn a_file_of_six_hundred_lines_is_the_longest() {
    let short: Vec<(String, String)> = (0..20).map(|n| (format!("{n}.rs"), "\n".to_owned())).collect();
    let with = |text: &str| {
        let mut all: Vec<(&str, &str)> = short.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        all.push(("long.rs", text));
        files(&Tree::of(&all))
    };
    assert_eq!(with(&"\n".repeat(600)), []);
    let problems = with(&"\n".repeat(601));
    assert_eq!(problems, [Problem::new("long.rs", 1, "has 601 lines without tests, at most 600 are allowed")]);
    let tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(600), "\n".repeat(500));
    assert_eq!(with(&tests), []);
}

#[test]
fn one_file_in_ten_may_be_long() {
    let paths: Vec<String> = (0..20).map(|n| format!("{n}.rs")).collect();
    let (long, short) = ("\n".repeat(401), "\n".repeat(400));
    let with = |count: usize| {
        let text = |n: usize| if n < count { long.as_str() } else { short.as_str() };
        let all: Vec<(&str, &str)> = paths.iter().enumerate().map(|(n, path)| (path.as_str(), text(n))).collect();
        files(&Tree::of(&all)).len()
    };
    assert_eq!(with(2), 0);
    assert_eq!(with(3), 3);
}
