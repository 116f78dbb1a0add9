use super::*;

/// Ten minutes after some hour.
const TEN_PAST: Timestamp = Timestamp(3_600_000 * 400_000 + 600_000);

fn minutes(n: u64) -> Timestamp {
    TEN_PAST.after(Duration::from_mins(n))
}

fn sign_ins(slots: &[Slot]) -> Vec<u64> {
    slots.iter().map(|slot| slot.counted(Counted::SignIn)).collect()
}

#[test]
fn what_happens_counts_for_the_minute_and_the_quarter_in_which_it_does() {
    let history = History::default();
    history.sample(TEN_PAST);
    (0..3).for_each(|_| history.count(Counted::SignIn));
    history.count(Counted::Refused);
    history.sample(minutes(0).after(Duration::from_millis(59_999)));
    history.count(Counted::SignIn);
    history.sample(minutes(2));
    history.count(Counted::SignIn);
    let lately = history.lately(minutes(5));
    assert_eq!(sign_ins(&lately.hour), [3, 0, 1, 0, 0, 1]);
    assert_eq!(sign_ins(&lately.day), [4, 1]);
    assert_eq!(lately.hour[0].counted(Counted::Refused), 1);
    let at: Vec<u64> = lately.day.iter().map(|slot| slot.at.0).collect();
    assert_eq!(at, [TEN_PAST.0 - 600_000, TEN_PAST.0 + 300_000], "quarters begin with the hour");
    assert_eq!(sign_ins(&history.lately(minutes(5)).hour), [3, 0, 1, 0, 0, 1], "looking changes nothing");
}

#[test]
fn an_hour_and_a_day_are_kept_and_no_more() {
    let history = History::default();
    for n in 0..3000 {
        history.count(Counted::SignIn);
        history.sample(minutes(n));
    }
    let lately = history.lately(minutes(2999));
    assert_eq!((lately.hour.len(), lately.day.len()), (60, 96));
    assert_eq!(sign_ins(&lately.hour), [1; 60]);
    assert_eq!(sign_ins(&lately.day)[..95], [15; 95]);
    assert_eq!(lately.hour[0].at, minutes(2940));
    // Asleep for a month: whatever there is was counted just now.
    history.count(Counted::SignIn);
    let lately = history.lately(minutes(50_000));
    assert_eq!((lately.hour.len(), lately.day.len()), (60, 96));
    assert_eq!((sign_ins(&lately.hour).iter().sum(), sign_ins(&lately.day).iter().sum()), (1_u64, 1_u64));
    assert_eq!(lately.hour[59].at, minutes(50_000));
}

#[test]
fn an_enforcement_takes_from_the_read_of_the_log_until_it_was_published() {
    let history = History::default();
    let millis = Duration::from_millis;
    history.known(7, 1, millis(1000), TEN_PAST);
    history.known(9, 2, millis(1500), TEN_PAST);
    history.known(11, 0, millis(1600), TEN_PAST);
    history.enforced(6, millis(1700), TEN_PAST);
    assert_eq!(history.lately(TEN_PAST).hour[0].enforcement.count(), 0);
    history.enforced(8, millis(1700), minutes(1));
    history.enforced(20, millis(4500), minutes(1));
    history.enforced(20, millis(9000), minutes(1));
    let lately = history.lately(minutes(1));
    assert_eq!((lately.hour[0].revocations, lately.hour[1].revocations), (3, 0));
    let times = &lately.hour[1].enforcement;
    assert_eq!((lately.hour[0].enforcement.count(), times.count(), times.max()), (0, 3, millis(3000)));
    assert_eq!(times.percentile(50), millis(3000));
    assert!((millis(700)..millis(900)).contains(&times.percentile(33)), "{:?}", times.percentile(33));
    assert_eq!(lately.day[0].enforcement.count(), 3);
}

#[test]
fn what_is_awaited_is_bounded_and_none_of_it_is_lost() {
    let history = History::default();
    for number in 1..=3000 {
        history.known(number, 1, Duration::from_millis(number), TEN_PAST);
    }
    assert_eq!(history.at(TEN_PAST).awaited.len(), AWAITED);
    history.enforced(3000, Duration::from_secs(3), TEN_PAST);
    let times = &history.lately(TEN_PAST).hour[0].enforcement;
    assert_eq!((times.count(), times.max()), (3000, Duration::from_millis(2999)));
}

#[test]
fn a_time_is_told_to_within_a_quarter() {
    for micros in [1, 100, 127, 128, 511, 512, 1000, 5000, 77_777, 1_000_000, 30_000_000, 60_000_000] {
        let took = Duration::from_micros(micros);
        let (at, longest) = (Times::bucket(took), Duration::from_micros(micros + micros / 4 + Times::FINEST));
        assert!(at < Times::BUCKETS, "{took:?}");
        assert!(took < Times::upper(at) && Times::upper(at) <= longest, "{took:?}: {:?}", Times::upper(at));
        assert!(at == 0 || Times::upper(at - 1) <= took, "{took:?}");
    }
    let mut times = Times::default();
    times.add(Duration::from_hours(2), 1);
    assert_eq!(times.percentile(50), Duration::from_hours(2));
    assert_eq!(Times::default().percentile(99), Duration::ZERO);
}

#[test]
fn the_median_is_not_moved_by_one_that_took_long() {
    let mut times = Times::default();
    times.add(Duration::from_millis(5), 98);
    times.add(Duration::from_secs(8), 2);
    assert!(times.percentile(50) < Duration::from_millis(7));
    assert_eq!((times.percentile(99), times.max()), (Duration::from_secs(8), Duration::from_secs(8)));
}
