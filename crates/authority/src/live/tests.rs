use rescind_domain::Error;
use rescind_domain::verbs::watch_sessions::{Judge, Watcher};
use rescind_wire::{KeyId, SessionId, TokenId};

use super::*;

fn user(n: u16) -> UserId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    UserId::from_bytes(bytes)
}

const SESSION: SessionId = SessionId::from_bytes([9; 16]);

fn token(n: u8) -> TokenId {
    TokenId::from_bytes([n; 16])
}

fn key(n: u8) -> KeyId {
    format!("key_{n}").parse().unwrap()
}

/// A watcher of this user, with that token, made with that key.
fn holding(n: u16, tokens: Option<u8>, keys: u8) -> Watcher {
    let judge: Judge = Arc::new(|_, _| Err(Error::SignedOut(None)));
    let shown = Shown { token: tokens.map(token), key: key(keys) };
    Watcher { user: user(n), session: SESSION, address: None, shown, judge }
}

fn watcher(n: u16) -> Watcher {
    holding(n, Some(0), 0)
}

/// A device of this user signed in.
fn signed_in(id: u64, n: u16) -> (u64, News) {
    (id, News::Of(user(n), Notice { kind: Kind::SignedIn, session: Some(SESSION) }))
}

fn found(news: Vec<(u64, News)>) -> Look {
    let last = news.last().map_or(0, |(id, _)| *id);
    Look { news, is_behind: false, last }
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
    let (ann, bob) = (live.enter(&watcher(1)).unwrap(), live.enter(&watcher(2)).unwrap());
    ann.begin(4);
    live.deliver(4, &found(vec![signed_in(5, 1), signed_in(6, 2), signed_in(7, 1), signed_in(8, 3)]), false);
    assert_eq!((ids(&waiting(&ann)), ids(&waiting(&bob))), (vec![5, 7], vec![6]));
    assert_eq!(live.cursor(), Some(8));
    live.deliver(8, &found(vec![(9, News::ToAll)]), false);
    assert!(waiting(&ann).many && waiting(&bob).many);
}

#[test]
fn whoever_is_behind_is_told_that_much_happened_and_goes_on_from_there() {
    let live = Arc::<Live>::default();
    let ann = live.enter(&watcher(1)).unwrap();
    ann.begin(0);
    live.deliver(0, &Look { is_behind: true, last: 5000, ..Look::default() }, false);
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
    let ann = live.enter(&watcher(1)).unwrap();
    ann.begin(0);
    let fits = MAILBOX as u64;
    live.deliver(0, &found((1..=fits).map(|id| signed_in(id, 1)).collect()), false);
    assert_eq!(ann.mailbox.lock().notices.len(), MAILBOX);
    live.deliver(fits, &found(vec![signed_in(fits + 1, 1)]), false);
    assert_eq!(waiting(&ann), Parcel { many: true, ..Parcel::default() });
}

#[test]
fn a_token_or_a_key_that_is_revoked_wakes_those_alone_who_showed_it() {
    let live = Arc::<Live>::default();
    let watchers = [holding(1, Some(1), 1), holding(1, Some(2), 1), holding(2, Some(3), 2), holding(3, None, 3)];
    let lines = watchers.map(|watcher| live.enter(&watcher).unwrap());
    let woken = |news: News| {
        live.deliver(0, &found(vec![(1, news)]), false);
        lines.each_ref().map(|line| {
            let parcel = waiting(line);
            assert!(!parcel.many && parcel.notices.is_empty(), "no session has changed");
            parcel.judge
        })
    };
    assert_eq!(woken(News::Token(token(2))), [false, true, false, false]);
    assert_eq!(woken(News::Key(key(1))), [true, true, false, false]);
    assert_eq!(woken(News::Key(key(3))), [false, false, false, true]);
    assert_eq!(woken(News::Key(key(4))), [false; 4]);
}

#[test]
fn administrators_have_places_that_nobody_else_can_take() {
    let live = Arc::<Live>::default();
    let users: Vec<Line> = (0..MOST).map(|n| live.enter(&watcher(u16::try_from(n).unwrap())).unwrap()).collect();
    assert_eq!(live.enter(&watcher(u16::MAX)).unwrap_err(), Full);
    let admit = |n: usize| live.admit(&format!("admin {n}"), None);
    let guests: Vec<Guest> = (0..MOST_GUESTS).map(|n| admit(n).unwrap()).collect();
    assert_eq!(admit(MOST_GUESTS).unwrap_err(), Full);
    drop((users, guests));
    live.enter(&watcher(u16::MAX)).expect("room");
    admit(MOST_GUESTS).expect("room");
}

#[tokio::test]
async fn the_oldest_stream_of_an_administrator_gives_way_to_one_too_many() {
    let live = Arc::<Live>::default();
    let admit = || live.admit("admin", None).unwrap();
    let guests: Vec<Guest> = (0..=MOST_OF_ONE).map(|_| admit()).collect();
    guests[0].replaced().await;
    assert!(guests[1..].iter().all(|guest| *guest.mailbox.lock() == Parcel::default()));
}

#[test]
fn looking_begins_where_the_first_watcher_does_and_ends_with_the_last() {
    let live = Arc::<Live>::default();
    assert_eq!(live.cursor(), None);
    let one = live.enter(&watcher(1)).unwrap();
    assert_eq!(live.cursor(), None, "it does not know yet from where on");
    one.begin(7);
    let two = live.enter(&watcher(1)).unwrap();
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
    let (ann, bob) = (live.enter(&watcher(1)).unwrap(), live.enter(&watcher(2)).unwrap());
    ann.set_due(Timestamp(100));
    bob.set_due(Timestamp(101));
    live.wake_due(Timestamp(99));
    assert_eq!(waiting(&ann), Parcel::default());
    live.wake_due(Timestamp(100));
    assert!(waiting(&ann).judge && !waiting(&bob).judge);
    live.wake_due(Timestamp(100));
    assert_eq!(waiting(&ann), Parcel::default());
}
