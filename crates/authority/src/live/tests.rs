use rescind_domain::event::{EventKind, NewEvent};
use rescind_domain::revocation::Actor;
use rescind_wire::SessionId;

use super::*;

fn user(n: u16) -> UserId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    UserId::from_bytes(bytes)
}

const SESSION: SessionId = SessionId::from_bytes([9; 16]);

fn event(id: u64, kind: EventKind) -> Event {
    Event { id, what: NewEvent::new(Timestamp(1), kind, Actor::System) }
}

/// A device of this user signed in.
fn signed_in(id: u64, n: u16) -> Event {
    let event = event(id, EventKind::SignedIn);
    Event { what: event.what.user(user(n)).session(SESSION), ..event }
}

fn found(events: Vec<Event>) -> Look {
    let last = events.last().map_or(0, |event| event.id);
    Look { events, last }
}

/// What waits for a watcher now.
fn waiting(line: &Line) -> Parcel {
    std::mem::take(&mut *line.mailbox.lock())
}

fn ids(parcel: &Parcel) -> Vec<u64> {
    parcel.notices.iter().map(|(id, _)| *id).collect()
}

#[test]
fn each_user_is_told_of_their_own_sessions_and_everybody_of_what_is_about_nobody() {
    let live = Arc::<Live>::default();
    let (ann, bob) = (live.enter(user(1)).unwrap(), live.enter(user(2)).unwrap());
    ann.begin(4);
    live.deliver(4, &found(vec![signed_in(5, 1), signed_in(6, 2), signed_in(7, 1), signed_in(8, 3)]), false);
    assert_eq!((ids(&waiting(&ann)), ids(&waiting(&bob))), (vec![5, 7], vec![6]));
    assert_eq!(live.cursor(), Some(8));
    let mut everyone = event(9, EventKind::Revoked);
    everyone.what.revocation = Some(3);
    live.deliver(8, &found(vec![everyone]), false);
    assert!(waiting(&ann).many && waiting(&bob).many);
}

#[test]
fn whoever_is_behind_is_told_that_much_happened_and_goes_on_from_there() {
    let live = Arc::<Live>::default();
    let ann = live.enter(user(1)).unwrap();
    ann.begin(0);
    let full: Vec<Event> = (1..=u64::from(LOOK)).map(|id| signed_in(id, 2)).collect();
    live.deliver(0, &Look { events: full, last: 5000 }, false);
    assert_eq!((waiting(&ann), live.cursor()), (Parcel { many: true, ..Parcel::default() }, Some(5000)));
    live.deliver(5000, &found(vec![signed_in(4, 1)]), false);
    assert!(waiting(&ann).many, "the store went back");
    assert_eq!(live.cursor(), Some(4));
    live.deliver(4, &found(vec![signed_in(5, 2)]), true);
    assert!(waiting(&ann).many, "events may have been purged unseen");
    live.deliver(5, &found(vec![signed_in(6, 2)]), false);
    assert_eq!(waiting(&ann), Parcel::default());
}

#[test]
fn what_waits_for_a_watcher_is_bounded() {
    let live = Arc::<Live>::default();
    let ann = live.enter(user(1)).unwrap();
    ann.begin(0);
    let fits = MAILBOX as u64;
    live.deliver(0, &found((1..=fits).map(|id| signed_in(id, 1)).collect()), false);
    assert_eq!(ann.mailbox.lock().notices.len(), MAILBOX);
    live.deliver(fits, &found(vec![signed_in(fits + 1, 1)]), false);
    assert_eq!(waiting(&ann), Parcel { many: true, ..Parcel::default() });
}

#[test]
fn there_are_so_many_streams_of_a_user_and_altogether() {
    let live = Arc::<Live>::default();
    let of_ann: Vec<Line> = (0..=MOST_OF_USER).map(|_| live.enter(user(0)).unwrap()).collect();
    assert!(waiting(&of_ann[0]).replaced && !waiting(&of_ann[1]).replaced);
    assert_eq!(live.watchers(), MOST_OF_USER);
    let guests: Vec<Guest> = (0..MOST_GUESTS).map(|_| live.admit().unwrap()).collect();
    assert_eq!(live.admit().unwrap_err(), Full);
    let rest = MOST - MOST_OF_USER - MOST_GUESTS;
    let mut others: Vec<Line> = (1..=rest).map(|n| live.enter(user(u16::try_from(n).unwrap())).unwrap()).collect();
    assert_eq!(live.enter(user(u16::MAX)).unwrap_err(), Full);
    drop(live.enter(user(0)).expect("her oldest makes room"));
    drop(others.pop());
    drop(guests);
    live.admit().expect("room");
    others.push(live.enter(user(u16::MAX)).expect("room"));
}

#[test]
fn looking_begins_where_the_first_watcher_does_and_ends_with_the_last() {
    let live = Arc::<Live>::default();
    assert_eq!(live.cursor(), None);
    let one = live.enter(user(1)).unwrap();
    assert_eq!(live.cursor(), None, "it does not know yet from where on");
    one.begin(7);
    let two = live.enter(user(1)).unwrap();
    two.begin(9);
    drop(one);
    assert_eq!(live.cursor(), Some(7), "what is between is looked at once more");
    drop(two);
    assert_eq!(live.cursor(), None);
    live.deliver(7, &found(vec![signed_in(10, 1)]), false);
    assert_eq!(live.cursor(), None, "a look that was under way begins nothing");
}

#[test]
fn a_watcher_is_woken_once_when_a_session_may_have_run_out() {
    let live = Arc::<Live>::default();
    let (ann, bob) = (live.enter(user(1)).unwrap(), live.enter(user(2)).unwrap());
    ann.set_due(Timestamp(100));
    bob.set_due(Timestamp(101));
    live.wake_due(Timestamp(99));
    assert_eq!(waiting(&ann), Parcel::default());
    live.wake_due(Timestamp(100));
    assert!(waiting(&ann).due && !waiting(&bob).due);
    live.wake_due(Timestamp(100));
    assert_eq!(waiting(&ann), Parcel::default());
}
