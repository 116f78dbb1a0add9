//! One watcher of a user's sessions: waits for something to happen, has itself judged again, and says what there is to say.

use std::collections::VecDeque;
use std::sync::Arc;

use rescind_domain::Error;
use rescind_domain::verbs::watch_sessions::{self, Change, Ends, Kind, Notice, Told, Watcher};

use super::{Full, Line, Parcel};
use crate::authority::Authority;

/// One watcher, with what it has still to say.
pub struct Listener {
    authority: Arc<Authority>,
    watcher: Watcher,
    line: Line,
    /// Events up to this one had happened before it began.
    since: u64,
    ends: Ends,
    waiting: VecDeque<Change>,
    over: bool,
}

/// What a watcher hears.
#[derive(Debug)]
pub enum Word {
    /// Something happened to the user's sessions.
    Changed(Box<Change>),
    /// The watcher's own session is over. Nothing follows.
    Ended,
    /// The session goes on, but what was shown for it is not accepted any more: refresh, and come again. Nothing follows.
    Refused,
    /// Another stream took this one's place: a newer one of the same user, or one of somebody who has fewer. Nothing follows.
    Replaced,
}

/// Why nobody may watch.
#[derive(Debug)]
pub enum Denied {
    /// There are as many streams as there may be.
    Full,
    /// The watcher was refused, or could not be judged.
    Refused(Error),
}

impl From<Full> for Denied {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Listener {
    /// Begins to watch, if the watcher may. What is committed from now on is heard.
    pub async fn begin(authority: Arc<Authority>, watcher: Watcher) -> Result<Self, Denied> {
        // The place first: what happens while the store is being read is found by whoever looks for all.
        let line = authority.live.enter(&watcher)?;
        let beginning = watch_sessions::begin(&authority.world, &watcher).await?;
        line.begin(beginning.event);
        line.set_due(beginning.ends.first());
        let (since, ends) = (beginning.event, beginning.ends);
        Ok(Self { authority, watcher, line, since, ends, waiting: VecDeque::new(), over: false })
    }

    /// What happens next. Nothing once it is over, and where the store cannot be read: whoever wants to go on comes again,
    /// and learns why not.
    pub async fn next(&mut self) -> Option<Word> {
        loop {
            if self.over {
                return None;
            }
            if let Some(change) = self.waiting.pop_front() {
                return Some(Word::Changed(Box::new(change)));
            }
            let parcel = self.line.take().await;
            if parcel.replaced {
                self.over = true;
                return Some(Word::Replaced);
            }
            if let Some(last) = self.open(parcel).await {
                self.over = true;
                return last;
            }
        }
    }

    /// Finds out what to say of a parcel. Answers with the last word, or none, if there is nothing to say after it.
    async fn open(&mut self, parcel: Parcel) -> Option<Option<Word>> {
        let notices = self.notices(&parcel);
        match watch_sessions::tell(&self.authority.world, &self.watcher, notices).await {
            Ok(Told::Changes(changes, ends)) => {
                self.waiting.extend(changes);
                self.ends = ends;
                self.line.set_due(ends.first());
                None
            }
            Ok(Told::Ended) => Some(Some(Word::Ended)),
            Ok(Told::Refused) => Some(Some(Word::Refused)),
            Err(error) => {
                tracing::debug!(%error, "a watcher could not be judged");
                Some(None)
            }
        }
    }

    fn notices(&self, parcel: &Parcel) -> Vec<Notice> {
        if parcel.many {
            return vec![Notice::of(Kind::Many)];
        }
        let new = parcel.notices.iter().filter(|(event, _)| *event > self.since);
        let mut notices: Vec<Notice> = new.map(|(_, notice)| *notice).collect();
        let now = self.authority.world.now();
        if parcel.judge && self.ends.others.is_some_and(|end| now >= end) {
            notices.push(Notice::of(Kind::Expired));
        }
        notices.dedup();
        notices
    }
}
