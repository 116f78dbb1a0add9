//! A model of feed, lease, restart and two nodes (R8), checked exhaustively within bounds. It calls the transitions that
//! the program calls: those of a node, of an observer, and of a verifier's acknowledgements, keeper and check; only clocks,
//! store and network are its own. What would happen with a mutant of those transitions is caught.

#[path = "model/bounds.rs"]
mod bounds;
#[path = "model/check.rs"]
mod check;
#[path = "model/cover.rs"]
mod cover;
#[path = "model/kept.rs"]
mod kept;
#[path = "model/lean.rs"]
mod lean;
#[path = "model/mutants.rs"]
mod mutants;
#[path = "model/publish.rs"]
mod publish;
#[path = "model/search.rs"]
mod search;
#[path = "model/service.rs"]
mod service;
#[path = "model/step.rs"]
mod step;
#[path = "model/task.rs"]
mod task;
#[path = "model/verdicts.rs"]
mod verdicts;
#[path = "model/world.rs"]
mod world;
