//! That the others which a world may have beside cover what further nodes and verifiers do: whatever happens in a world
//! with several of each, the first node and the first verifier could have gone through in a world of their own, with
//! others. So what is true of every such world is true of them in the whole; and since no node and no verifier is
//! treated differently from another one, of each of them.
//!
//! Something is enforced only if no node is missing, so whoever has a lease from one is safe once that one alone cannot
//! be missed. So each node needs to vouch only for the leases that it gave; the others do no more than take the verifier
//! further (never back, which each is held to), hold back what the node publishes, and share the log and the tick.

use crate::bounds::Bounds;
use crate::search::{Marks, Space};
use crate::service::Service;
use crate::step::{Step, What, small};
use crate::task::Task;
use crate::world::{Machine, Row, World};

/// Ids from here on are those of connections of other verifiers than the first.
const OTHERS: u64 = 8;

/// Worlds with several nodes and verifiers, each beside a world of the first ones that goes the same way.
pub(crate) struct Cover {
    pub(crate) bounds: Bounds,
    /// What is left out of what the others may do, to see that it is missed.
    pub(crate) without: Option<Without>,
}

/// What others may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// Hold back what a node publishes.
    HoldingBack,
    /// Tell a verifier of entries.
    Telling,
}

/// A world, and one of the first node and the first verifier alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Both {
    pub(crate) whole: World,
    pub(crate) part: World,
    /// Whether something happened in the whole that the part does not cover.
    pub(crate) missed: bool,
}

impl Space for Cover {
    type State = Both;
    type Step = Step;

    fn beginnings(&self) -> Vec<Both> {
        let clocks = [[true, false], [false, false], [false, true], [true, true]];
        let both = |fast: &[bool; 2]| {
            let (whole, part) = (World::new(self.bounds, *fast, None), World::new(self.part(), *fast, None));
            let missed = !is_covered(&whole, &part);
            Both { whole, part, missed }
        };
        clocks.iter().map(both).collect()
    }

    fn after(&self, both: &Both) -> Vec<(Step, Both)> {
        let mut steps = Vec::new();
        if !both.missed {
            both.whole.steps(self.bounds, &mut steps);
        }
        steps.into_iter().filter_map(|step| Some((step, self.both_after(both, step)?))).collect()
    }

    fn marks(&self, both: &Both) -> Marks {
        Marks { wrong: both.missed, ..Marks::default() }
    }
}

impl Cover {
    fn part(&self) -> Bounds {
        Bounds { nodes: 1, verifiers: 1, others: true, ..self.bounds }
    }

    fn both_after(&self, both: &Both, step: Step) -> Option<Both> {
        let whole = both.whole.after(step, None)?;
        let Some(step) = counterpart(&both.whole, &both.part, step, &whole) else {
            let missed = !is_covered(&whole, &both.part);
            return Some(Both { whole, part: both.part.clone(), missed });
        };
        let mut may = Vec::new();
        both.part.steps(self.part(), &mut may);
        may.retain(|may| self.without.is_none_or(|without| !without.forbids(*may)));
        let part = may.contains(&step).then(|| both.part.after(step, None)).flatten();
        let granted = |before: &World, after: &World| before.service(0).until < after.service(0).until;
        let missed = part.as_ref().is_none_or(|part| {
            let vouched = !granted(&both.whole, &whole)
                || is_at_first(both.whole.service(0)) && part.service(0).until >= whole.service(0).until;
            !vouched || !is_covered(&whole, part)
        });
        Some(Both { whole, part: part.unwrap_or_else(|| both.part.clone()), missed })
    }
}

impl Without {
    fn forbids(self, step: Step) -> bool {
        match self {
            Self::HoldingBack => matches!(step.what, What::Publish { others: Some(_), .. }),
            Self::Telling => matches!(step.what, What::Elsewhere { .. }),
        }
    }
}

/// What a step comes to for the first node and the first verifier; nothing if they do not notice.
fn counterpart(whole: &World, part: &World, step: Step, after: &World) -> Option<Step> {
    let service = whole.service(0);
    let first = match step.what {
        What::Tick | What::Revoke | What::Look | What::Connect { at: 0, to: 0, .. } => true,
        What::Beat(at) | What::Read(at) | What::Restart(at) => at == 0,
        What::Publish { at: 0, .. } => {
            // Of the node before, for it may be given up as it publishes.
            let mut node = whole.machine(0).node.clone()?;
            node.publish(whole.clock_of_machine(0));
            let others = Some(small(node.reached()));
            // Letting go of the leases of others is nothing to the first.
            part.publication(0, others)?;
            return Some(Step { what: What::Publish { at: 0, others }, ..step });
        }
        What::Notice(at, id) => at == 0 && id < OTHERS,
        What::Connect { at: 0, .. } => return elsewhere(part, after),
        What::Hear(0) if !is_at_first(service) => return elsewhere(part, after),
        What::Hear(at) | What::Apply(at) | What::Say(at) | What::Arrive(at) | What::Break(at) | What::Leave(at) => {
            at == 0 && is_at_first(service)
        }
        What::Bye(at) => at == 0 && service.bye.is_some_and(|bye| bye.at == 0),
        What::Late(at) => at == 0 && service.late.is_some_and(|said| said.at == 0),
        What::Publish { .. } | What::Elsewhere { .. } | What::Connect { .. } => false,
        What::Remove => part.observer.lapsed().next().is_some(),
        What::Continue => whole.stopped.as_deref().is_some_and(concerns_first),
    };
    first.then_some(step)
}

fn elsewhere(part: &World, after: &World) -> Option<Step> {
    let (service, position) = (part.service(0), after.service(0).applied);
    let what = What::Elsewhere { at: 0, position };
    (service.line.is_some() || service.applied < position).then_some(Step { what, stop: 0 })
}

fn is_at_first(service: &Service) -> bool {
    service.line.as_ref().is_some_and(|line| line.at == 0)
}

fn concerns_first(task: &Task) -> bool {
    match task {
        Task::Enter { at, .. }
        | Task::Entered { at, .. }
        | Task::Beat { at, .. }
        | Task::Beaten { at, .. }
        | Task::Read { at, .. }
        | Task::Got { at, .. }
        | Task::Publish { at, .. } => *at == 0,
        Task::Opening { at, service, .. } => (*at, *service) == (0, 0),
        Task::Catching { at, id, .. } => *at == 0 && *id < OTHERS,
        Task::Arrived { said, .. } => said.at == 0 && said.id < OTHERS,
        Task::Look { .. } | Task::Looked { .. } => true,
    }
}

/// Whether the part is as the whole is, as far as the first node and the first verifier go, or may do more.
fn is_covered(whole: &World, part: &World) -> bool {
    let stopped = whole.stopped.as_deref().filter(|task| concerns_first(task)).map(of_first);
    whole.reported <= part.reported
        && whole.restarts <= part.restarts
        && whole.pauses <= part.pauses
        && whole.breaks <= part.breaks
        && whole.goodbyes <= part.goodbyes
        && (whole.tick, whole.head, whole.fast[0]) == (part.tick, part.head, part.fast[0])
        && rows_of_first(&whole.rows) == part.rows
        && machine_of_first(whole.machine(0)) == *part.machine(0)
        && stopped.as_ref() == part.stopped.as_deref()
        && is_served(whole.service(0), part.service(0))
}

fn is_served(whole: &Service, part: &Service) -> bool {
    let line = whole.line.as_ref().filter(|line| line.at == 0);
    (whole.applied, whole.unapplied, line) == (part.applied, part.unapplied, part.line.as_ref())
        && whole.late.is_none_or(|said| said.at != 0 || part.late == whole.late)
        && whole.bye.filter(|bye| bye.at == 0) == part.bye
        && (line.is_none() || whole.said == part.said)
}

fn machine_of_first(machine: &Machine) -> Machine {
    let mut machine = machine.clone();
    machine.lines.retain(|line| line.service == 0);
    if let Some(node) = &mut machine.node {
        let others: Vec<_> = node.followers().map(|held| held.id).filter(|id| *id >= OTHERS).collect();
        for id in others {
            node.goodbye(id);
        }
    }
    machine
}

fn rows_of_first(rows: &[Row]) -> Vec<Row> {
    rows.iter().filter(|row| row.node < 16).copied().collect()
}

fn of_first(task: &Task) -> Task {
    match task {
        Task::Looked { began, rows, head } => Task::Looked { began: *began, rows: rows_of_first(rows), head: *head },
        task => task.clone(),
    }
}

/// How long a walk is.
const LENGTH: u32 = 300;

/// Walks at random, so many times. Answers how many steps were taken, and the first world in which something was missed.
pub(crate) fn stray(cover: &Cover, walks: u32) -> (usize, Option<Both>) {
    let (mut taken, mut chance) = (0, Chance(1));
    for _ in 0..walks {
        let beginnings = cover.beginnings();
        let mut both = beginnings[chance.below(beginnings.len())].clone();
        for _ in 0..LENGTH {
            let mut steps = Vec::new();
            both.whole.steps(cover.bounds, &mut steps);
            // Time passes seldom, for a lot may happen meanwhile.
            if chance.below(8) > 0 && steps.len() > 1 {
                steps.retain(|step| step.what != What::Tick);
            }
            let Some(next) = (!steps.is_empty())
                .then(|| steps[chance.below(steps.len())])
                .and_then(|step| cover.both_after(&both, step))
            else {
                continue;
            };
            taken += 1;
            if next.missed {
                return (taken, Some(next));
            }
            both = next;
        }
    }
    (taken, None)
}

/// Numbers in no particular order, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below")
    }
}
