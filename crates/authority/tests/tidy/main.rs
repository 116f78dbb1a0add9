//! The law of the house, as far as a machine can judge it: who may depend on whom, how long files and functions may be,
//! what documents may name, and which promises have a test.
//!
//! Each check takes a [`Tree`] of files and returns what is wrong, so that the tests beside it can feed it a bad tree and
//! see it complain. The tests in this file run every check over this repository.

mod acceptance;
mod dependencies;
mod documents;
mod lengths;
mod lints;
mod names;
mod source;
mod tree;

use std::path::PathBuf;
use std::sync::LazyLock;
use tree::{Problem, Tree};

/// This repository.
static HOUSE: LazyLock<Tree> = LazyLock::new(|| Tree::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")));

/// Fails with the list of problems, if there are any.
#[track_caller]
fn expect_none(problems: &[Problem]) {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} problems:\n{}\n", list.len(), list.join("\n"));
}

#[test]
fn crates_depend_only_on_what_the_design_allows() {
    expect_none(&dependencies::manifests(&HOUSE));
}

#[test]
fn engines_and_frameworks_stay_in_their_rooms() {
    expect_none(&dependencies::sources(&HOUSE));
}

#[test]
fn no_function_is_longer_than_a_screen() {
    expect_none(&lengths::functions(&HOUSE));
}

#[test]
fn no_file_is_too_long() {
    expect_none(&lengths::files(&HOUSE));
}

#[test]
fn there_are_no_drawers_for_odds_and_ends() {
    expect_none(&names::drawers(&HOUSE));
}

#[test]
fn no_file_names_the_place_where_it_was_written() {
    expect_none(&names::places(&HOUSE));
}

#[test]
fn documents_name_only_files_that_exist() {
    expect_none(&documents::check(&HOUSE));
}

#[test]
fn every_acceptance_case_has_a_test_or_a_reason_to_wait() {
    expect_none(&acceptance::check(&HOUSE));
}

#[test]
fn every_crate_keeps_the_lints_and_overrides_none_without_a_reason() {
    expect_none(&lints::manifests(&HOUSE));
    expect_none(&lints::sources(&HOUSE));
}

#[test]
fn what_the_checks_read_as_functions_is_what_rust_reads() {
    expect_none(&source::compare_with_syn(&HOUSE));
}
