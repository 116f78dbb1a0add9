//! Charts of the last hour and the last day: bars drawn by the server, and the same numbers as a table.

use std::time::Duration;

use crate::history::{Counted, Lately, Slot};
use crate::http::pages::moment::Moment;
use crate::http::pages::words::{Arg, Language};

/// The units of a drawing: a slot's width, and the height.
const WIDTH: u64 = 10;
const HEIGHT: u64 = 300;

/// The least height of what is not nothing: it can be seen.
const LEAST: u64 = 6;

/// Charts of one stretch of time.
pub(super) struct Stretch {
    pub(super) title: String,
    pub(super) charts: Vec<Chart>,
}

/// One chart: two values stand on each other in each slot.
pub(super) struct Chart {
    pub(super) title: String,
    /// What the two are, with their sums or the greatest, in words.
    pub(super) one: String,
    pub(super) two: String,
    pub(super) bars: Vec<Bar>,
    /// The drawing's width, which does not depend on how long the server has run.
    pub(super) width: u64,
    pub(super) height: u64,
    /// When the drawing begins, in words.
    pub(super) begin: String,
    /// Those slots in which something happened, the newest first.
    pub(super) rows: Vec<Numbers>,
}

/// The bars of a slot.
pub(super) struct Bar {
    pub(super) x: u64,
    pub(super) one_y: u64,
    pub(super) one: u64,
    pub(super) two_y: u64,
    pub(super) two: u64,
}

/// The numbers of a slot.
pub(super) struct Numbers {
    pub(super) at: Moment,
    pub(super) one: String,
    pub(super) two: String,
}

/// What a chart shows of each slot: the upper value stands on the lower one.
type Values = fn(&Slot) -> (u64, u64);

/// The charts that count: title, the two in words, values.
const COUNTS: [(&str, &str, &str, Values); 3] = [
    ("chart-sign-ins", "chart-signed-in", "chart-refused", |slot| {
        (slot.counted(Counted::SignIn), slot.counted(Counted::SignInRefused))
    }),
    ("chart-refreshes", "chart-refreshed", "chart-refused", |slot| {
        (slot.counted(Counted::Refresh), slot.counted(Counted::RefreshRefused))
    }),
    ("chart-tokens", "chart-accepted", "chart-refused", |slot| {
        (slot.counted(Counted::Accepted), slot.counted(Counted::Refused))
    }),
];

/// The charts of what happened lately.
pub(super) fn stretches(lately: &Lately, w: &Language) -> [Stretch; 2] {
    let stretch = |slots: &[Slot], most, title: &'static str, begin| {
        let mut charts: Vec<Chart> = COUNTS
            .iter()
            .map(|(title, one, two, values)| {
                let (first, second) = slots.iter().map(values).fold((0, 0), |sum, (a, b)| (sum.0 + a, sum.1 + b));
                let words = (w.count(one, first), w.count(two, second));
                Chart::new(slots, most, *values, |n| n.to_string(), w.say(title), words, w.say(begin))
            })
            .collect();
        charts.push(enforcement(slots, most, w.say(begin), w));
        Stretch { title: w.say(title).to_owned(), charts }
    };
    [stretch(&lately.hour, 60, "chart-hour", "chart-hour-ago"), stretch(&lately.day, 96, "chart-day", "chart-day-ago")]
}

/// How long enforcements took: the median, and on it what is missing to the time of the slowest.
fn enforcement(slots: &[Slot], most: u64, begin: &str, w: &Language) -> Chart {
    let times: Values = |slot| {
        let median = micros(slot.enforcement.percentile(50));
        (median, micros(slot.enforcement.percentile(99)).saturating_sub(median))
    };
    let greatest = |value: fn(&Slot) -> u64| slots.iter().map(value).max().unwrap_or(0);
    let median = greatest(|slot| micros(slot.enforcement.percentile(50)));
    let most_of = greatest(|slot| micros(slot.enforcement.percentile(99)));
    let said = |key, time| w.with(key, &[("ms", Arg::Text(&millis(time)))]);
    let words = (said("chart-median", median), said("chart-p99", most_of));
    let mut chart = Chart::new(slots, most, times, millis, w.say("chart-enforcement"), words, begin);
    // The table says how long, not how much longer.
    for (row, slot) in chart.rows.iter_mut().zip(slots.iter().rev().filter(|slot| times(slot) != (0, 0))) {
        row.two = millis(micros(slot.enforcement.percentile(99)));
    }
    chart
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds, with tenths.
fn millis(micros: u64) -> String {
    format!("{}.{}", micros / 1000, micros % 1000 / 100)
}

impl Chart {
    fn new(
        slots: &[Slot],
        most: u64,
        values: Values,
        say: fn(u64) -> String,
        title: &str,
        (one, two): (String, String),
        begin: &str,
    ) -> Self {
        let highest = slots.iter().map(|slot| values(slot).0.saturating_add(values(slot).1)).max().unwrap_or(0);
        let missing = most.saturating_sub(slots.len() as u64);
        let bars = slots.iter().zip(missing..).filter(|(slot, _)| values(slot) != (0, 0));
        let bars = bars.map(|(slot, at)| Bar::new(at, values(slot), highest)).collect();
        let rows = slots.iter().rev().filter(|slot| values(slot) != (0, 0)).map(|slot| {
            let (one, two) = values(slot);
            Numbers { at: Moment::exact(slot.at), one: say(one), two: say(two) }
        });
        let (title, begin, rows) = (title.to_owned(), begin.to_owned(), rows.collect());
        Self { title, one, two, bars, width: most * WIDTH, height: HEIGHT, begin, rows }
    }
}

impl Bar {
    fn new(at: u64, (one, two): (u64, u64), highest: u64) -> Self {
        let scaled = |value: u64| match u128::from(value) * u128::from(HEIGHT - 2 * LEAST) / u128::from(highest.max(1))
        {
            0 if value == 0 => 0,
            height => u64::try_from(height).unwrap_or(HEIGHT).max(LEAST),
        };
        let (one, two) = (scaled(one), scaled(two));
        Self { x: at * WIDTH, one_y: HEIGHT - one, one, two_y: HEIGHT - one - two, two }
    }
}

#[cfg(test)]
mod tests {
    use rescind_domain::clock::Timestamp;

    use super::*;
    use crate::history::History;
    use crate::http::pages::words::Words;

    const MINUTE: u64 = 60_000;

    fn charts(history: &History, now: u64) -> [Stretch; 2] {
        stretches(&history.lately(Timestamp(now)), &Words::load().all()[0])
    }

    #[test]
    fn what_happened_stands_at_its_time_and_the_newest_at_the_end() {
        let history = History::default();
        history.sample(Timestamp(100 * MINUTE));
        (0..10).for_each(|_| history.count(Counted::SignIn));
        history.count(Counted::SignInRefused);
        history.sample(Timestamp(100 * MINUTE + 1));
        (0..5).for_each(|_| history.count(Counted::SignIn));
        let [hour, day] = charts(&history, 102 * MINUTE);
        let chart = &hour.charts[0];
        assert_eq!(
            (chart.title.as_str(), chart.one.as_str(), chart.two.as_str()),
            ("Sign-ins", "15 signed in", "1 refused")
        );
        assert_eq!(chart.bars.iter().map(|bar| bar.x).collect::<Vec<_>>(), [57 * WIDTH, 59 * WIDTH]);
        assert_eq!(chart.rows.iter().map(|row| (&*row.one, &*row.two)).collect::<Vec<_>>(), [("5", "0"), ("10", "1")]);
        assert_eq!(chart.width, 60 * WIDTH);
        assert_eq!(day.charts[0].bars.len(), 1);
        assert_eq!((hour.charts[1].bars.len(), hour.charts[1].rows.len()), (0, 0));
    }

    #[test]
    fn bars_fit_into_the_drawing_and_what_is_not_nothing_can_be_seen() {
        for (one, two, highest) in [(1, 0, 1), (0, 1, u64::MAX), (u64::MAX / 2, u64::MAX / 2, u64::MAX), (3, 7, 10)] {
            let bar = Bar::new(0, (one, two), highest);
            assert!(bar.one + bar.two <= HEIGHT && bar.two_y + bar.two == bar.one_y, "{one} {two} {highest}");
            assert_eq!(bar.one_y + bar.one, HEIGHT);
            assert!((one > 0) == (bar.one >= LEAST) && (two > 0) == (bar.two >= LEAST), "{one} {two} {highest}");
        }
    }

    #[test]
    fn times_of_enforcement_are_told_in_milliseconds() {
        let history = History::default();
        history.known(7, 1, Duration::from_millis(100), Timestamp(MINUTE));
        history.enforced(7, Duration::from_millis(110), Timestamp(MINUTE));
        let [hour, _] = charts(&history, MINUTE);
        let chart = &hour.charts[3];
        assert_eq!(chart.rows.len(), 1);
        assert_eq!((chart.rows[0].one.as_str(), chart.rows[0].two.as_str()), ("10.0", "10.0"));
        assert_eq!(chart.one, "half within 10.0 ms");
    }
}
