//! Every acceptance case is either covered by a test that carries its number, or waits for a feature, with a reason.
//!
//! `ARCHITECTURE.md` has a table for each, whose rows begin with the numbers of cases: `| A1, A2 | … |`.

use super::source::Source;
use super::tree::{File, Problem, Tree};
use std::collections::BTreeSet;

const DOCUMENT: &str = "ARCHITECTURE.md";
const COVERED: &str = "Acceptance cases covered";
const WAITING: &str = "Waiting for later features";

/// The groups of cases, and how many are in each.
const CASES: [(char, usize); 7] = [('A', 18), ('B', 9), ('C', 8), ('D', 4), ('E', 4), ('F', 4), ('G', 8)];

/// One mention of a case in one of the tables.
struct Mention<'a> {
    case: &'a str,
    line: usize,
    /// The second cell of its row.
    text: &'a str,
}

/// Cases without a test and without a reason to wait, and whatever else is wrong with the tables.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let Some(document) = tree.find(DOCUMENT) else {
        let message = format!("is not there: it must list the acceptance cases under {COVERED:?} and {WAITING:?}");
        return vec![Problem::new(DOCUMENT, 1, message)];
    };
    let (covered, mut problems) = table(document, COVERED);
    let (waiting, more) = table(document, WAITING);
    problems.extend(more);
    problems.extend(untested(tree, &covered));
    for mention in waiting.iter().filter(|mention| mention.text.len() < 10) {
        problems.push(Problem::new(DOCUMENT, mention.line, format!("{} waits without a reason", mention.case)));
    }
    problems.extend(miscounted(&covered, &waiting));
    problems
}

/// Covered cases whose number is in the name of no test that runs.
fn untested(tree: &Tree, covered: &[Mention<'_>]) -> Vec<Problem> {
    let words: BTreeSet<String> = tree
        .rust_files()
        .flat_map(|file| Source::new(&file.text).outline().functions)
        .filter(|function| function.is_test)
        .flat_map(|function| function.name.split('_').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let untested = covered.iter().filter(|mention| !words.contains(&mention.case.to_lowercase()));
    let message = |case: &str| format!("no test has {} as a word of its name", case.to_lowercase());
    untested.map(|mention| Problem::new(DOCUMENT, mention.line, message(mention.case))).collect()
}

/// Cases that are in no table or in several places, and numbers that are no case.
fn miscounted(covered: &[Mention<'_>], waiting: &[Mention<'_>]) -> Vec<Problem> {
    let known: Vec<String> =
        CASES.iter().flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}{number}"))).collect();
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for mention in covered.iter().chain(waiting) {
        if !known.iter().any(|case| case == mention.case) {
            problems.push(Problem::new(DOCUMENT, mention.line, format!("{:?} is no acceptance case", mention.case)));
        } else if !seen.insert(mention.case) {
            problems.push(Problem::new(DOCUMENT, mention.line, format!("{} is listed twice", mention.case)));
        }
    }
    let missing = known.iter().filter(|case| !seen.contains(case.as_str()));
    problems.extend(missing.map(|case| Problem::new(DOCUMENT, 1, format!("{case} is neither covered nor waiting"))));
    problems
}

/// The cases that the table under a heading lists.
fn table<'a>(document: &'a File, heading: &str) -> (Vec<Mention<'a>>, Vec<Problem>) {
    let title = |line: &'a str| line.starts_with('#').then(|| line.trim_start_matches('#').trim());
    let lines = || document.text.lines().enumerate();
    let Some((start, _)) = lines().find(|(_, line)| title(line) == Some(heading)) else {
        return (Vec::new(), vec![Problem::new(DOCUMENT, 1, format!("has no section {heading:?}"))]);
    };
    let section = lines().skip(start + 1).take_while(|(_, line)| title(line).is_none());
    let rows = section.filter_map(|(index, line)| Some((index + 1, line.trim().strip_prefix('|')?))).skip(2);
    let mut mentions = Vec::new();
    for (line, row) in rows {
        let mut cells = row.split('|').map(str::trim);
        let (cases, text) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
        mentions.extend(cases.split(',').map(|case| Mention { case: case.trim(), line, text }));
    }
    let empty = mentions.is_empty().then(|| Problem::new(DOCUMENT, start + 1, "has no table of cases"));
    (mentions, empty.into_iter().collect())
}

fn complaints(covered: &str, waiting: &str, source: &str) -> Vec<String> {
    let document = format!(
        "# Architecture\n\n## {COVERED}\n\n| case | where |\n| --- | --- |\n{covered}\n\n\
         ## {WAITING}\n\n| case | reason |\n| --- | --- |\n{waiting}\n\n## Next\n\n| Z9 | x |\n"
    );
    let tree = Tree::of(&[(DOCUMENT, &document), ("crates/domain/src/session.rs", source)]);
    check(&tree).iter().map(ToString::to_string).collect()
}

/// Every case but A1 waits.
const REST: &str = "| A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17, A18 | sign-in comes later |\n\
                    | B1, B2, B3, B4, B5, B6, B7, B8, B9, C1, C2, C3, C4, C5, C6, C7, C8 | refresh comes later |\n\
                    | D1, D2, D3, D4, E1, E2, E3, E4, F1, F2, F3, F4, G1, G2, G3, G4, G5, G6, G7, G8 | not started yet |";
const TESTED: &str = "#[test]\nfn a1_an_ended_session_is_refused() {}";

#[test]
fn a_case_with_a_test_and_cases_with_reasons_are_fine() {
    assert_eq!(complaints("| A1 | sessions |", REST, TESTED), Vec::<String>::new());
    let inside = "proptest! { #[test] fn whatever_happens_a1_holds(x: u8) {} }";
    assert_eq!(complaints("| A1 | sessions |", REST, inside), Vec::<String>::new());
}

#[test]
fn a_case_without_a_test_is_found() {
    let expected = ["ARCHITECTURE.md:7: no test has a1 as a word of its name"];
    assert_eq!(complaints("| A1 | sessions |", REST, "#[test]\nfn a11_ends_it() {}\n// a1\nfn a1_x() {}"), expected);
    assert_eq!(complaints("| A1 | sessions |", REST, "#[test]\n#[ignore]\nfn a1_x() {}"), expected);
}

#[test]
fn a_case_in_no_table_is_found() {
    let rest = REST.replace("G7, G8", "G7");
    assert_eq!(complaints("| A1 | x |", &rest, TESTED), ["ARCHITECTURE.md:1: G8 is neither covered nor waiting"]);
}

#[test]
fn a_case_that_waits_without_a_reason_is_found() {
    let rest = REST.replace("| sign-in comes later |", "| later |");
    let problems = complaints("| A1 | x |", &rest, TESTED);
    assert_eq!(problems.len(), 17);
    assert_eq!(problems[0], "ARCHITECTURE.md:13: A2 waits without a reason");
}

#[test]
fn cases_that_are_listed_twice_or_do_not_exist_are_found() {
    let twice = complaints("| A1 | x |\n| A1 | y |", REST, TESTED);
    assert_eq!(twice, ["ARCHITECTURE.md:8: A1 is listed twice"]);
    let unknown = complaints("| A1 | x |", &format!("{REST}\n| A19 | no such promise |"), TESTED);
    assert_eq!(unknown, ["ARCHITECTURE.md:16: \"A19\" is no acceptance case"]);
}

#[test]
fn a_missing_document_section_or_table_is_a_problem() {
    let missing = check(&Tree::of(&[]));
    assert!(missing[0].to_string().starts_with("ARCHITECTURE.md:1: is not there"), "{missing:?}");
    let bare = check(&Tree::of(&[(DOCUMENT, "# Architecture\n## Waiting for later features\n")]));
    let bare: Vec<String> = bare.iter().map(ToString::to_string).collect();
    assert_eq!(bare[0], "ARCHITECTURE.md:1: has no section \"Acceptance cases covered\"");
    assert_eq!(bare[1], "ARCHITECTURE.md:2: has no table of cases");
    assert_eq!(bare.len(), 2 + 55);
}
