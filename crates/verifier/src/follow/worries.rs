//! What was said to go wrong, so that it is not said each time.

use std::time::Duration;

use tokio::time::Instant;

/// How long what has not changed is not said again.
const QUIET: Duration = Duration::from_mins(5);

/// What was said last, and when.
#[derive(Debug, Default)]
pub(super) struct Worries {
    said: Option<(String, Instant)>,
}

impl Worries {
    /// Whether to say this now: something else was said last, or long ago.
    pub(super) fn is_news(&mut self, why: &str, now: Instant) -> bool {
        let known = self.said.as_ref().is_some_and(|(said, at)| said == why && now < *at + QUIET);
        if !known {
            self.said = Some((why.to_owned(), now));
        }
        !known
    }

    /// All was well meanwhile.
    pub(super) fn reset(&mut self) {
        self.said = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_is_said_once_when_it_changes_after_a_while_and_after_all_was_well() {
        let (mut worries, now) = (Worries::default(), Instant::now());
        assert!(worries.is_news("401", now));
        assert!(!worries.is_news("401", now + QUIET / 2));
        assert!(worries.is_news("503", now + QUIET / 2));
        assert!(worries.is_news("401", now + QUIET / 2));
        assert!(!worries.is_news("401", now + QUIET));
        assert!(worries.is_news("401", now + QUIET * 3 / 2));
        worries.reset();
        assert!(worries.is_news("401", now + QUIET * 3 / 2));
    }
}
