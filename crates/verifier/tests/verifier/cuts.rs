//! A connection to the feed that breaks after every byte that goes over it, in either direction.

use rescind_verifier::{Rejected, Verifier};
use rescind_wire::Entry;
use rescind_wire::feed::Message;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::impostor::{Cut, Impostor, Line, TOKEN, answer, asks_for_a_token, check, log, run};
use crate::support::{HEAD, World, revoked};

/// Conversations at a time.
const AT_ONCE: usize = 16;

/// How far a conversation came: what the verifier has heard for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Nowhere,
    /// An echo was said, all of it.
    Echoed,
    /// The end of the session was acknowledged.
    Acknowledged,
    /// To its end.
    Through,
}

struct Case {
    impostor: Impostor,
    world: World,
    verifier: Verifier,
    /// The token of the session that ends, and one of another.
    ended: String,
    other: String,
}

impl Case {
    async fn new() -> Self {
        let (impostor, world) = (Impostor::new().await, World::unsynced(|builder| builder.cache_tokens(0)));
        let verifier = impostor.verifier(&world);
        let (ended, other) = (world.token_of(1, 1), world.token_of(2, 2));
        Self { impostor, world, verifier, ended, other }
    }

    /// What is had over the connection that breaks.
    async fn converse(&self, line: &mut Line, progress: &mut Progress) -> Option<()> {
        let [first, end]: [Entry; 2] = log();
        line.hello().await?;
        line.snapshot(&self.world, &[first]).await?;
        let number = line.ack(HEAD + 1).await?.number;
        assert!(self.verify(&self.other).is_err_and(|rejected| rejected.is_unavailable()), "there is no lease yet");
        line.say(&Message::Echo { number }).await?;
        *progress = Progress::Echoed;
        line.settled().await?;
        assert_eq!((self.verify(&self.ended), self.verify(&self.other)), (Ok(()), Ok(())));
        line.entries(&[end]).await?;
        let number = line.ack(HEAD + 2).await?.number;
        *progress = Progress::Acknowledged;
        assert_eq!(self.verify(&self.ended), Err(revoked("session", HEAD + 2)), "it was acknowledged");
        line.say(&Message::Echo { number }).await?;
        line.settled().await?;
        *progress = Progress::Through;
        Some(())
    }

    fn verify(&self, token: &str) -> Result<(), Rejected> {
        check(&self.verifier, token)
    }

    /// What must hold once the connection broke.
    fn judge(&self, progress: Progress) {
        let (ended, other) = (self.verify(&self.ended), self.verify(&self.other));
        match progress {
            Progress::Nowhere => assert!(other.is_err_and(|rejected| rejected.is_unavailable()), "without a lease"),
            Progress::Echoed => {}
            Progress::Acknowledged | Progress::Through => assert_eq!(ended, Err(revoked("session", HEAD + 2))),
        }
    }

    /// The verifier comes again, by itself, and nothing breaks any more.
    async fn recover(&self) {
        let mut line = self.impostor.line().await;
        let held = line.hello().await.expect("a hello");
        line.catch_up(&self.world, held.as_ref()).await.expect("connected");
        line.grant(HEAD + 2).await.expect("connected");
        assert_eq!(self.verify(&self.ended), Err(revoked("session", HEAD + 2)));
        assert_eq!(self.verify(&self.other), Ok(()));
    }
}

/// One conversation over a connection to the feed that breaks. Answers what it could still have read and written.
async fn over_the_feed(reads: usize, writes: usize) -> (usize, usize) {
    let case = Case::new().await;
    let stream = case.impostor.follower().await;
    let (progress, left) = had(&case, stream, reads, writes).await;
    case.judge(progress);
    case.recover().await;
    left
}

async fn had(case: &Case, stream: TcpStream, reads: usize, writes: usize) -> (Progress, (usize, usize)) {
    let mut progress = Progress::Nowhere;
    let Some(mut line) = Line::welcome(Cut::after(stream, reads, writes)).await else { return (progress, (0, 0)) };
    // Which step failed is known from how far it came.
    let _ = case.converse(&mut line, &mut progress).await;
    (progress, line.socket.get_ref().left())
}

/// One where the answer to the request for a token breaks.
async fn over_the_token(reads: usize, writes: usize) -> (usize, usize) {
    let case = Case::new().await;
    let stream = case.impostor.anybody().await;
    assert!(asks_for_a_token(&stream).await);
    let mut cut = Cut::after(stream, reads, writes);
    let _ = answer(&mut cut, "200 OK", TOKEN).await;
    let left = cut.left();
    drop(cut);
    case.judge(Progress::Nowhere);
    case.recover().await;
    left
}

/// Has a conversation for every byte that one that is not cut reads and writes.
async fn at_every_byte<F>(conversation: fn(usize, usize) -> F)
where
    F: Future<Output = (usize, usize)> + Send + 'static,
{
    let most = usize::MAX;
    let (reads, writes) = conversation(most, most).await;
    let (read, written) = (most - reads, most - writes);
    assert!(read > 100 && written > 100, "{read} {written}");
    let mut running = JoinSet::new();
    let cuts = (0..read).map(|bytes| (bytes, most)).chain((0..written).map(|bytes| (most, bytes)));
    for (reads, writes) in cuts {
        if running.len() == AT_ONCE {
            running.join_next().await.expect("one runs").unwrap_or_else(|error| panic!("{error}"));
        }
        running.spawn(conversation(reads, writes));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn r7_wherever_the_feed_is_cut_nothing_is_wrongly_accepted_and_the_verifier_recovers() {
    run(at_every_byte(over_the_feed));
}

#[test]
fn wherever_the_answer_to_the_request_for_a_token_is_cut_the_verifier_recovers() {
    run(at_every_byte(over_the_token));
}
