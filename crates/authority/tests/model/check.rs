//! The model is checked, and each mutant of it is caught.

use std::num::NonZeroUsize;

use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use crate::bounds::Bounds;
use crate::mutants::Mutant;
use crate::step::Step;
use crate::world::{World, Wrong};

const ENFORCED: &str = "what was reported as enforced is accepted by nobody";
const SPARED: &str = "what was read after a revocation is not refused for it";
const FAIR: &str = "whoever keeps to the protocol is not told otherwise";
const CONFIRMED: &str = "something is enforced while a verifier that has applied it has a lease";
const LAPSED: &str = "something is enforced while a verifier has not applied it, whose lease is over";

/// How far the whole of the model is gone into each time: steps from the beginning.
const STEPS: usize = 5;

struct Enforcement {
    bounds: Bounds,
    mutant: Option<Mutant>,
}

impl Model for Enforcement {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        [[true, false], [false, false]].iter().map(|fast| World::new(self.bounds, *fast, self.mutant)).collect()
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.steps(self.bounds, steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        world.after(step, self.mutant)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ENFORCED, |_, world: &World| world.wrong != Some(Wrong::Accepted)),
            Property::always(SPARED, |_, world: &World| world.wrong != Some(Wrong::Refused)),
            Property::always(FAIR, |_, world: &World| world.wrong != Some(Wrong::Accused)),
        ];
        if self.mutant.is_none() {
            properties.push(Property::sometimes(CONFIRMED, |_, world: &World| {
                let (reported, mut services) = (world.reported, world.services.iter());
                reported > 0 && services.any(|service| service.applied >= reported && world.has_lease(service))
            }));
            properties.push(Property::sometimes(LAPSED, |_, world: &World| {
                let (reported, mut services) = (world.reported, world.services.iter());
                services.any(|service| service.applied < reported && service.has_lapsed())
            }));
        }
        properties
    }
}

/// What was found.
struct Found {
    states: usize,
    /// What went wrong, step by step.
    wrong: Option<(&'static str, Vec<Step>)>,
    confirmed: bool,
    lapsed: bool,
}

impl Found {
    fn by(checker: &impl Checker<Enforcement>, mutant: Option<Mutant>) -> Self {
        let wrong = |name| checker.discovery(name).map(Path::into_actions).map(|steps| (name, steps));
        Self {
            states: checker.unique_state_count(),
            wrong: [ENFORCED, SPARED, FAIR].into_iter().find_map(wrong),
            confirmed: mutant.is_none() && checker.discovery(CONFIRMED).is_some(),
            lapsed: mutant.is_none() && checker.discovery(LAPSED).is_some(),
        }
    }
}

/// Explores all of it, or until something is wrong.
fn explore(bounds: Bounds, mutant: Option<Mutant>) -> Found {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let builder = Enforcement { bounds, mutant }.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    // Breadth finds the shortest way to what is wrong; depth takes less memory.
    if mutant.is_some() {
        Found::by(&builder.spawn_bfs().join(), mutant)
    } else {
        Found::by(&builder.spawn_dfs().join(), None)
    }
}

/// Explores all that takes so many steps. One thread, for several do not go strictly breadth first, and could come to a
/// state by a longer way before they come by a shorter one.
fn explore_steps(bounds: Bounds, steps: usize) -> Found {
    let builder = Enforcement { bounds, mutant: None }.checker().finish_when(HasDiscoveries::AnyFailures);
    // The beginning is at depth 1, and what is at the last depth is not looked at.
    Found::by(&builder.target_max_depth(steps + 2).spawn_bfs().join(), None)
}

fn holds(bounds: &[Bounds]) {
    for bounds in bounds {
        let found = explore(*bounds, None);
        eprintln!("{:>9} states: {bounds:?}", found.states);
        assert_eq!(found.wrong, None, "{bounds:?}");
        assert!(found.confirmed, "nothing that a verifier applied is ever enforced: {bounds:?}");
        // A lease takes two ticks to be over on a slow clock.
        assert_eq!(found.lapsed, bounds.ticks > 1, "{bounds:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "how far the model goes is no setting of the program")]
fn far() -> Option<usize> {
    std::env::var("RESCIND_MODEL_STEPS").ok()?.parse().ok()
}

#[test]
fn g5_enforced_is_never_followed_by_an_acceptance_within_the_bounds() {
    holds(&Bounds::NEAR);
    if far().is_some() {
        holds(&Bounds::FAR);
    }
}

#[test]
fn g5_enforced_is_never_followed_by_an_acceptance_in_the_first_steps_of_everything() {
    let steps = far().unwrap_or(STEPS);
    let found = explore_steps(Bounds::ALL, steps);
    eprintln!("{:>9} states, {steps} steps and what may follow: {:?}", found.states, Bounds::ALL);
    assert_eq!(found.wrong, None);
}

/// A mutant makes something that was reported as enforced acceptable, in bounds in which nothing is found without it.
fn is_caught(mutant: Mutant) {
    breaks(mutant, ENFORCED);
}

fn breaks(mutant: Mutant, property: &str) {
    let bounds = mutant.bounds();
    let explored = Bounds::NEAR.iter().any(|near| bounds.are_within(*near));
    assert!(explored, "{bounds:?} are not explored without {mutant:?}");
    let found = explore(bounds, Some(mutant));
    let (wrong, steps) = found.wrong.expect("the mutant survives");
    eprintln!("{mutant:?}: {} steps, {} states: {bounds:?}", steps.len(), found.states);
    assert_eq!(wrong, property, "{steps:#?}");
}

#[test]
fn g5_no_wait_after_a_restart_is_caught() {
    is_caught(Mutant::NoWaitAfterRestart);
}

#[test]
fn g5_an_acknowledgement_before_the_entries_are_applied_is_caught() {
    is_caught(Mutant::AckBeforeApply);
}

#[test]
fn g5_an_echo_that_names_only_a_position_is_caught() {
    is_caught(Mutant::EchoNamesPosition);
}

#[test]
fn g5_a_first_echo_below_what_the_node_published_is_caught() {
    is_caught(Mutant::FirstEchoBelowPublished);
}

#[test]
fn g5_an_unechoed_acknowledgement_that_extends_the_lease_is_caught() {
    is_caught(Mutant::UnechoedAckExtends);
}

#[test]
fn g5_a_lease_from_receipt_at_the_verifier_is_caught() {
    is_caught(Mutant::LeaseFromReceipt);
}

#[test]
fn g5_a_lapsed_lease_that_is_echoed_late_is_caught() {
    is_caught(Mutant::EchoesLapsed);
}

#[test]
fn g5_a_first_echo_before_the_head_is_read_and_sent_is_caught() {
    is_caught(Mutant::FirstEchoBeforeRead);
}

#[test]
fn g5_a_snapshot_older_than_the_verifiers_own_on_moving_to_another_node_is_caught() {
    is_caught(Mutant::OlderSnapshot);
}

#[test]
fn g5_a_node_that_forgets_a_verifier_that_left_is_caught() {
    is_caught(Mutant::ForgetsWhoLeft);
}

#[test]
fn g5_a_node_that_echoes_beyond_its_own_lease_is_caught() {
    is_caught(Mutant::EchoesBeyondOwnLease);
}

#[test]
fn g5_a_node_that_echoes_before_it_reads_the_log_again_after_a_lapse_is_caught() {
    is_caught(Mutant::EchoesBeforeRereading);
}

#[test]
fn g5_a_node_that_admits_below_what_it_published_is_caught() {
    is_caught(Mutant::AdmitsBelowPublished);
}

#[test]
fn g5_a_node_that_deletes_its_row_on_shutdown_is_caught() {
    is_caught(Mutant::DeletesRowOnShutdown);
}

#[test]
fn g5_an_observer_that_samples_its_clock_before_its_read_is_caught() {
    is_caught(Mutant::ClockBeforeRead);
}

#[test]
fn a_node_that_counts_as_sent_too_late_accuses_a_verifier_that_is_quick() {
    breaks(Mutant::CountsAsSentLate, FAIR);
}
