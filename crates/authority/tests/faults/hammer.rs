//! Eight threads do everything that a user can do to sessions, at once and unscheduled; then every token is judged by a
//! scan of the log, which must agree with the store, with the refresh path and with the verifiers that followed the log
//! meanwhile. What `races` enumerates step by step is here left to the machine.

mod arena;
mod deeds;
mod judge;

use arena::Arena;

/// Deeds of each thread, unless `RESCIND_HAMMER` says otherwise.
const DEEDS: u32 = 60;
const THREADS: u32 = 8;

#[test]
fn a16_b1_b3_c2_c7_d1_under_eight_threads_every_token_is_what_the_log_says() {
    hammer(&Arena::with_handles(1));
}

#[test]
fn r1_two_handles_on_one_file_agree_on_every_token() {
    hammer(&Arena::with_handles(2));
}

fn hammer(arena: &Arena) {
    let deeds = deeds_per_thread();
    let seed = arena.entropy();
    eprintln!("{THREADS} threads, {deeds} deeds each, seed {seed}");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || deeds::run(arena, thread, deeds, seed));
        }
    });
    judge::check(arena);
}

fn deeds_per_thread() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "how long to hammer is for whoever runs the tests to say")]
    let asked = std::env::var("RESCIND_HAMMER").ok();
    asked.map_or(DEEDS, |text| text.parse().expect("RESCIND_HAMMER is a number"))
}
