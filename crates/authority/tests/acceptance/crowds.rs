//! Crowds at the door: who gets a place in the queue of hashes.

use std::future::Future;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use rescind::passwords::{HashingPool, PoolOptions, Strength};
use rescind_domain::Error;
use rescind_domain::password::Passwords as _;
use rescind_domain::verbs::sign_in::{self, SignIn};
use rescind_domain::verbs::sign_up::{NewUser, SignUp, sign_up};

use super::device::{OLD, Person};
use super::house::{House, password, run};

type SigningUp = Pin<Box<dyn Future<Output = Result<NewUser, Error>> + Send>>;

/// Where the one hashing thread of a house waits, at its first salt, until the gate is dropped.
struct Gate {
    reached: Receiver<()>,
    _open: Sender<()>,
}

fn held() -> (House, Arc<HashingPool>, Gate) {
    let (reach, reached) = channel();
    let (open, opened) = channel::<()>();
    let opened = Mutex::new(opened);
    let options = PoolOptions {
        threads: NonZeroUsize::MIN,
        queue: NonZeroUsize::new(64).unwrap(),
        params: Strength { memory_kib: 64, passes: 1, lanes: 1 },
        entropy: Arc::new(move |salt: &mut [u8]| {
            salt.fill(7);
            let _ = reach.send(());
            let _ = opened.lock().unwrap().recv();
        }),
        decoy_key: [9; 32],
    };
    let pool = Arc::new(HashingPool::new(options).unwrap());
    let mut house = House::new();
    house.world.passwords = Arc::clone(&pool) as Arc<_>;
    (house, pool, Gate { reached, _open: open })
}

/// Signs up so many people at an address, and answers those who wait for their hash. All others are told to come again.
fn crowd(house: &House, name: &str, count: u32, address: Option<IpAddr>) -> Vec<SigningUp> {
    let begin = |number| -> Option<SigningUp> {
        let request = SignUp { login: format!("{name}{number}"), password: password(OLD), address, idempotency: None };
        let world = house.world.clone();
        let mut signing_up: SigningUp = Box::pin(async move { sign_up(&world, request).await });
        match signing_up.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Some(signing_up),
            // The thread was faster.
            Poll::Ready(Ok(new)) => Some(Box::pin(std::future::ready(Ok(new)))),
            Poll::Ready(Err(Error::Busy { .. })) => None,
            Poll::Ready(other) => panic!("{other:?}"),
        }
    };
    (0..count).filter_map(begin).collect()
}

/// Signs in while every hash is held, and opens once that is in the queue, or was refused. Answers whether it got in.
fn gets_in(house: &House, pool: &HashingPool, request: SignIn, gate: Gate) -> bool {
    // What the thread has taken is not in the queue any more.
    gate.reached.recv().unwrap();
    let before = pool.queued();
    std::thread::scope(|scope| {
        let signing_in = scope.spawn(|| run(sign_in::sign_in(&house.world, request)).is_ok());
        while pool.queued() == before && !signing_in.is_finished() {
            std::thread::yield_now();
        }
        drop(gate);
        signing_in.join().unwrap()
    })
}

/// Somebody who came from another system, with a hash that needs no thread to be made.
fn ann(house: &House) -> Person {
    let plain = PoolOptions {
        threads: NonZeroUsize::MIN,
        queue: NonZeroUsize::MIN,
        params: Strength { memory_kib: 64, passes: 1, lanes: 1 },
        entropy: Arc::new(|salt| salt.fill(5)),
        decoy_key: [9; 32],
    };
    let hash = run(HashingPool::new(plain).unwrap().hash(password(OLD))).unwrap();
    house.imported("ann", Some(hash.expose()))
}

#[test]
fn who_signs_up_at_one_address_leaves_places_for_those_who_sign_in_there_and_elsewhere() {
    let crowded: IpAddr = "198.51.100.7".parse().unwrap();
    for address in [crowded, "203.0.113.9".parse().unwrap()] {
        let (house, pool, gate) = held();
        let ann = ann(&house);
        let waiting = crowd(&house, "new", 120, Some(crowded));
        assert_eq!(waiting.len(), 8);
        assert!(gets_in(&house, &pool, SignIn { address: Some(address), ..ann.request(OLD) }, gate), "{address}");
        // Whoever waited is served, and their places are free again.
        for signing_up in waiting {
            run(signing_up).unwrap();
        }
        assert!(crowd(&house, "later", 120, Some(crowded)).len() >= 8);
    }
}

#[test]
fn who_signs_up_at_many_addresses_leaves_half_of_the_places() {
    let (house, pool, gate) = held();
    let ann = ann(&house);
    let addresses = (1..=100_u8).map(|last| Some(IpAddr::from([198, 51, 100, last])));
    let waiting: Vec<_> = addresses.flat_map(|address| crowd(&house, "new", 3, address)).collect();
    assert_eq!((waiting.len(), crowd(&house, "unknown", 9, None).len()), (32, 0));
    let request = SignIn { address: Some(IpAddr::from([198, 51, 100, 1])), ..ann.request(OLD) };
    assert!(gets_in(&house, &pool, request, gate));
}

#[test]
fn who_hangs_up_while_signing_up_makes_no_room_for_another_before_the_queue_has_come_to_it() {
    let (house, pool, gate) = held();
    let address = Some(IpAddr::from([198, 51, 100, 7]));
    let gone = crowd(&house, "gone", 120, address);
    // If all had gone before, there would be nobody to hash for.
    gate.reached.recv().unwrap();
    drop(gone);
    assert!(crowd(&house, "next", 120, address).is_empty());
    house.advance(std::time::Duration::from_mins(5));
    assert!(crowd(&house, "late", 120, address).is_empty(), "however long that takes");
    drop(gate);
    let mut served = Vec::new();
    while served.is_empty() {
        served = crowd(&house, "served", 120, address);
    }
    let counts = pool.counts();
    assert!(counts.skipped > 0 && counts.argon2 > 0, "{counts:?}");
}
