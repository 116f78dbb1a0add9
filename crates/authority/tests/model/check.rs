//! The model is checked, and each mutant of it is caught.

use std::num::NonZeroUsize;

use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use crate::bounds::Bounds;
use crate::cover::{Cover, Without, stray};
use crate::mutants::Mutant;
use crate::search::{Marks, Space, search};
use crate::step::Step;
use crate::world::{World, Wrong};

const ENFORCED: &str = "what was reported as enforced is accepted by nobody";
const SPARED: &str = "what was read after a revocation is not refused for it";
const FAIR: &str = "whoever keeps to the protocol is not told otherwise";
const KEPT: &str = "what a verifier has applied it goes on to apply";
const CONFIRMED: &str = "something is enforced while a verifier that has applied it has a lease";
const LAPSED: &str = "something is enforced while a verifier has not applied it, whose lease is over";

/// How often all bounds are gone through at random, to see that others cover what several do.
const WALKS: u32 = 300;

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
            Property::always(KEPT, |_, world: &World| world.wrong != Some(Wrong::Forgot)),
            Property::always(ENFORCED, |_, world: &World| world.wrong != Some(Wrong::Accepted)),
            Property::always(SPARED, |_, world: &World| world.wrong != Some(Wrong::Refused)),
            Property::always(FAIR, |_, world: &World| world.wrong != Some(Wrong::Accused)),
        ];
        if self.mutant.is_none() {
            properties.push(Property::sometimes(CONFIRMED, |_, world: &World| is_confirmed(world)));
            properties.push(Property::sometimes(LAPSED, |_, world: &World| is_lapsed(world)));
        }
        properties
    }
}

impl Space for Enforcement {
    type State = World;
    type Step = Step;

    fn beginnings(&self) -> Vec<World> {
        self.init_states()
    }

    fn after(&self, world: &World) -> Vec<(Step, World)> {
        let mut steps = Vec::new();
        world.steps(self.bounds, &mut steps);
        steps.into_iter().filter_map(|step| Some((step, world.after(step, self.mutant)?))).collect()
    }

    fn marks(&self, world: &World) -> Marks {
        Marks { wrong: world.wrong.is_some(), confirmed: is_confirmed(world), lapsed: is_lapsed(world) }
    }
}

fn is_confirmed(world: &World) -> bool {
    let (reported, mut services) = (world.reported, world.services.iter());
    reported > 0 && services.any(|service| service.applied >= reported && world.has_lease(service))
}

fn is_lapsed(world: &World) -> bool {
    let (reported, mut services) = (world.reported, world.services.iter());
    services.any(|service| service.applied < reported && service.has_lapsed())
}

/// The shortest way to what is wrong.
fn explain(bounds: Bounds, mutant: Option<Mutant>) -> Option<(&'static str, Vec<Step>)> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let builder = Enforcement { bounds, mutant }.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    let checker = builder.spawn_bfs().join();
    let steps = |name| checker.discovery(name).map(Path::into_actions).map(|steps| (name, steps));
    [ENFORCED, SPARED, FAIR, KEPT].into_iter().find_map(steps)
}

/// Goes through all of it. Answers how many states there are.
fn holds(bounds: Bounds) -> usize {
    let found = search(&Enforcement { bounds, mutant: None });
    eprintln!("{:>9} states: {bounds:?}", found.states);
    if let Some((world, steps)) = found.wrong {
        panic!("{bounds:?}: {steps:#?} {world:#?}");
    }
    assert!(found.confirmed, "nothing that a verifier applied is ever enforced: {bounds:?}");
    // A lease takes two ticks to be over on a slow clock.
    assert_eq!(found.lapsed, bounds.ticks > 1, "{bounds:?}");
    found.states
}

#[expect(clippy::disallowed_methods, reason = "how far the model goes is no setting of the program")]
fn far() -> Option<u8> {
    std::env::var("RESCIND_MODEL_TICKS").ok()?.parse().ok()
}

#[test]
fn g5_enforced_is_never_followed_by_an_acceptance_within_the_bounds() {
    for bounds in Bounds::NEAR {
        holds(bounds);
    }
    for bounds in Bounds::FAR.into_iter().filter(|_| far().is_some()) {
        holds(bounds);
    }
}

#[test]
fn g5_enforced_is_never_followed_by_an_acceptance_beside_any_number_of_other_nodes_and_verifiers() {
    for (bounds, states) in Bounds::BESIDE_OTHERS {
        assert_eq!(holds(bounds), states, "{bounds:?}");
    }
    let Some(ticks) = far() else { return };
    for (bounds, states) in Bounds::ALL_BESIDE_OTHERS {
        assert_eq!(holds(bounds), states, "{bounds:?}");
    }
    for ticks in 3..=ticks {
        holds(Bounds::all_beside_others(ticks));
    }
}

#[test]
fn whatever_several_nodes_and_verifiers_do_is_covered_by_one_of_each_beside_others() {
    let far_too = far().map_or(&[][..], |_| &Bounds::FAR_COVERED);
    for &bounds in Bounds::COVERED.iter().chain(far_too) {
        let found = search(&Cover { bounds, without: None });
        eprintln!("{:>9} states covered: {bounds:?}", found.states);
        if let Some((both, steps)) = found.wrong {
            panic!("{bounds:?}: {steps:#?} {both:#?}");
        }
    }
    let walks = far().map_or(WALKS, |_| WALKS * 100);
    let (steps, missed) = stray(&Cover { bounds: Bounds::WALKED, without: None }, walks);
    eprintln!("{steps:>9} steps covered: {:?}", Bounds::WALKED);
    assert_eq!(missed, None);
}

#[test]
fn others_that_hold_nothing_back_or_tell_a_verifier_nothing_do_not_cover_several() {
    let bounds = Bounds { nodes: 2, verifiers: 2, ..Bounds::LEAST };
    for without in [Without::HoldingBack, Without::Telling] {
        assert!(search(&Cover { bounds, without: Some(without) }).wrong.is_some(), "{without:?}");
    }
}

#[test]
fn what_is_left_out_of_a_world_changes_no_verdict() {
    for bounds in Bounds::BOTH_WAYS {
        let lean = search(&Enforcement { bounds: Bounds { lean: true, ..bounds }, mutant: None });
        let full = search(&Enforcement { bounds, mutant: None });
        assert_eq!((lean.wrong, full.wrong), (None, None), "{bounds:?}");
        assert_eq!((lean.confirmed, lean.lapsed), (full.confirmed, full.lapsed), "{bounds:?}");
        assert!(lean.states < full.states, "{} of {}: {bounds:?}", lean.states, full.states);
    }
}

#[test]
fn the_search_finds_as_many_states_as_another_one() {
    for bounds in Bounds::BOTH_WAYS {
        let found = search(&Enforcement { bounds, mutant: None });
        let checker = Enforcement { bounds, mutant: None }.checker().spawn_dfs().join();
        assert_eq!(found.states, checker.unique_state_count(), "{bounds:?}");
    }
}

/// A mutant makes something that was reported as enforced acceptable, in bounds in which nothing is found without it.
fn is_caught(mutant: Mutant) {
    breaks(mutant, ENFORCED, ENFORCED);
}

/// A mutant breaks one thing, and that or another one beside others.
fn breaks(mutant: Mutant, property: &str, beside: &str) {
    let bounds = mutant.bounds();
    let explored = Bounds::NEAR.iter().any(|near| bounds.are_within(*near));
    assert!(explored, "{bounds:?} are not explored without {mutant:?}");
    is_found(mutant, bounds, property);
    let bounds = Bounds { nodes: 1, verifiers: 1, others: true, lean: true, ..bounds };
    let mut explored = Bounds::BESIDE_OTHERS.iter().chain(&Bounds::ALL_BESIDE_OTHERS).map(|(bounds, _)| *bounds);
    assert!(explored.any(|all| bounds.are_within(all)), "{bounds:?} are not explored beside others without {mutant:?}");
    is_found(mutant, bounds, beside);
    assert!(
        search(&Enforcement { bounds, mutant: Some(mutant) }).wrong.is_some(),
        "the search does not find {mutant:?}"
    );
}

fn is_found(mutant: Mutant, bounds: Bounds, property: &str) {
    let (wrong, steps) = explain(bounds, Some(mutant)).expect("the mutant survives");
    eprintln!("{mutant:?}: {} steps: {bounds:?}", steps.len());
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
    // Who has nothing to do with the others finds that its verifier was set back.
    breaks(Mutant::OlderSnapshot, ENFORCED, KEPT);
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
fn g5_a_goodbye_from_who_keeps_a_lease_is_caught() {
    is_caught(Mutant::GoodbyeKeepsLease);
}

#[test]
fn g5_a_goodbye_that_frees_more_than_its_connection_is_caught() {
    // Its verifier is the first to notice: the node no longer knows a connection that is there.
    breaks(Mutant::GoodbyeFreesAll, FAIR, FAIR);
}

#[test]
fn a_node_that_counts_as_sent_too_late_accuses_a_verifier_that_is_quick() {
    breaks(Mutant::CountsAsSentLate, FAIR, FAIR);
}
