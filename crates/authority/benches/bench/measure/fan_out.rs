//! A log-out at the last of many verifiers, and the answer that all of them have confirmed it, beside a bare sender that
//! writes as many bytes to as many sockets of as many processes, and is answered as many.

use std::slice;

use rescind_wire::SessionId;
use rescind_wire::feed::{Ack, Entries, Message, Request};

use super::feed::{Device, follow, press, signed_in};
use super::verifier::entry;
use crate::crew::{Member, Sizes, Work, all, allow_open_files, hear_all, processor_nanos};
use crate::effort::Effort;
use crate::load::Connection;
use crate::pair::{Pair, median};
use crate::place::Place;
use crate::process::Server;
use crate::report::{Aim, Report, Row, count};
use crate::stopwatch::shared_nanos;
use crate::{Outcome, progress};

/// Processes that the verifiers are in.
const PROCESSES: usize = 4;

/// The most that Rescind may take, as a multiple of the bare sender.
const AIM: f64 = 1.5;

/// Files of the authority beside its connections, and more.
const SPARE_FILES: u64 = 500;

/// The length of the tag of an entry.
const TAG: usize = 54;

/// The head of a WebSocket frame (RFC 6455 §5.2): of a server's of 126 to 65,535 bytes, and of a client's of at most 125,
/// which is masked.
const HEADS: (usize, usize) = (4, 6);

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let verifiers = effort.verifiers;
    allow_open_files(verifiers as u64 + SPARE_FILES)?;
    let place = Place::new()?;
    let devices = signed_in(&place, 2 * effort.rounds).await?;
    let server = Server::rescind(place.path()).await?;
    let (mut crew, each) = connect(&server, verifiers).await?;
    let found = press_often(&server, &mut crew, &devices, verifiers).await?;
    let verifiers = count(verifiers as f64);
    let row = |what: String, ours: String, theirs: String, pair: &Pair| Row {
        what,
        ours,
        theirs,
        ratio: Some(pair.ratio()),
        aim: Aim::AtMost(pair.ratio(), AIM),
    };
    report.add(row(
        format!("log-out to the first refusal at the last of {verifiers} verifiers"),
        format!("{:.1} ms", median(&found.last.ours)),
        format!("{:.1} ms, bare TCP to the last receipt", median(&found.last.theirs)),
        &found.last,
    ));
    report.add(row(
        format!("… to the answer that it is enforced, {} confirmed", count(found.confirmed as f64)),
        format!("{:.1} ms", median(&found.enforced.ours)),
        format!("{:.1} ms, bare TCP to the last answer", median(&found.enforced.theirs)),
        &found.enforced,
    ));
    for (whom, pair, other) in [
        ("the authority", &found.authority, "the bare sender"),
        ("its verifiers together", &found.verifiers, "the bare receivers"),
    ] {
        report.add(Row {
            what: format!("… processor time of {whom}"),
            ours: format!("{:.1} ms", median(&pair.ours)),
            theirs: format!("{:.1} ms, {other}", median(&pair.theirs)),
            ratio: Some(pair.ratio()),
            aim: Aim::None,
        });
    }
    report.add(Row {
        what: format!("memory of the authority for a connected verifier, of {verifiers}"),
        ours: format!("{} KiB", count(each)),
        theirs: String::new(),
        ratio: None,
        aim: Aim::None,
    });
    drop(crew);
    server.stop().await
}

/// Processes with all the verifiers, and how many KiB the authority's memory grows for each of them.
async fn connect(server: &Server, verifiers: usize) -> Outcome<(Vec<Member>, f64)> {
    // Whatever the first connection needs is there already.
    let mut first = vec![Member::start(Work::Follow(follow(server.address, verifiers, 1))).await?];
    let _: Vec<u64> = all(&mut first, "follow").await?;
    drop(first);
    let before = server.resident_kib()?;
    let (mut crew, count_of_each) = (Vec::new(), verifiers / PROCESSES);
    for process in 0..PROCESSES {
        let first = process * count_of_each;
        crew.push(Member::start(Work::Follow(follow(server.address, first, count_of_each))).await?);
    }
    let ready: Vec<u64> = all(&mut crew, "follow").await?;
    let slowest = ready.into_iter().max().unwrap_or_default() as f64 / 1e6;
    progress(&format!("  {verifiers} verifiers ready in {} ms", count(slowest)));
    let each = server.resident_kib()?.saturating_sub(before) as f64 / verifiers as f64;
    Ok((crew, each))
}

/// What the rounds found, in milliseconds.
struct Found {
    /// Until the last verifier refused, or the last socket had the message.
    last: Pair,
    /// Until the answer that it is enforced, or until all had answered.
    enforced: Pair,
    /// What the processors did for each log-out: for the authority, or the bare sender.
    authority: Pair,
    /// The same for the verifiers, or the bare receivers.
    verifiers: Pair,
    /// How many verifiers had confirmed each log-out, at least.
    confirmed: u64,
}

/// The figures of a press are from one and the same press, and so are those of the bare sender.
async fn press_often(server: &Server, crew: &mut [Member], devices: &[Device], verifiers: usize) -> Outcome<Found> {
    let mut connection = Connection::open(server.address).await?;
    let mut bare = Bare::start(verifiers).await?;
    let (mut ours_last, mut theirs_last) = (Vec::new(), Vec::new());
    let (mut authority, mut sender) = (Vec::new(), Vec::new());
    let (mut verifying, mut receiving) = (Vec::new(), Vec::new());
    let (mut confirmed, mut waiting) = (u64::MAX, devices.iter());
    let ours = async || {
        let device = waiting.next().ok_or("no device is left")?;
        let used = server.processor_nanos()?;
        let pressed = press(crew, &mut connection, device, true).await?;
        authority.push((server.processor_nanos()? - used) as f64 / 1e6);
        verifying.push(pressed.verifiers);
        ours_last.push(pressed.last);
        confirmed = confirmed.min(pressed.confirmed);
        Ok(pressed.answered)
    };
    let theirs = async || {
        let sent = bare.send().await?;
        theirs_last.push(sent.received);
        sender.push(sent.sender);
        receiving.push(sent.receivers);
        Ok(sent.answered)
    };
    let enforced = Pair::measure(devices.len(), ours, theirs).await?;
    let last = Pair { ours: ours_last, theirs: theirs_last };
    let authority = Pair { ours: authority, theirs: sender };
    let verifiers = Pair { ours: verifying, theirs: receiving };
    Ok(Found { last, enforced, authority, verifiers, confirmed })
}

/// A sender that knows nothing of logs and leases.
struct Bare {
    sender: Member,
    receivers: Vec<Member>,
}

impl Bare {
    async fn start(sockets: usize) -> Outcome<Self> {
        let sizes = sizes()?;
        let mut sender = Member::start(Work::Send { count: sockets, sizes }).await?;
        let address = sender.hear().await?;
        let mut receivers = Vec::new();
        for _ in 0..PROCESSES {
            receivers.push(Member::start(Work::Receive { address, count: sockets / PROCESSES, sizes }).await?);
        }
        let _: bool = sender.hear().await?;
        Ok(Self { sender, receivers })
    }

    async fn send(&mut self) -> Outcome<Sent> {
        let _: Vec<bool> = all(&mut self.receivers, "receive").await?;
        let used = (processor_nanos(slice::from_ref(&self.sender))?, processor_nanos(&self.receivers)?);
        let began = shared_nanos();
        self.sender.tell("send").await?;
        let _: bool = self.sender.hear().await?;
        let answered = shared_nanos();
        let times: Vec<(u64, u64)> = hear_all(&mut self.receivers).await?;
        let last = times.iter().map(|(_, last)| *last).max().ok_or("nobody receives")?;
        let millis = |at: u64| at.saturating_sub(began) as f64 / 1e6;
        let sender = (processor_nanos(slice::from_ref(&self.sender))? - used.0) as f64 / 1e6;
        let receivers = (processor_nanos(&self.receivers)? - used.1) as f64 / 1e6;
        Ok(Sent { received: millis(last), answered: millis(answered), sender, receivers })
    }
}

/// What came of a message to all, in milliseconds.
struct Sent {
    /// The last socket had it.
    received: f64,
    /// The last answer was there.
    answered: f64,
    /// What the processors did for the sender.
    sender: f64,
    /// The same for the receivers.
    receivers: f64,
}

/// As many bytes as the frame of one session's end has, and its acknowledgement.
fn sizes() -> Outcome<Sizes> {
    let mut entry = entry(100, SessionId::from_bytes([7; 16]));
    entry.tag = "t".repeat(TAG);
    let message = Message::Entries(Entries { entries: vec![entry], floor: 0, longest_lifetime: 24 * 3600 });
    let ack = Request::Ack(Ack { position: 100, number: 100 });
    let (frame, ack) = (serde_json::to_string(&message)?.len(), serde_json::to_string(&ack)?.len());
    Ok(Sizes { frame: HEADS.0 + frame, ack: HEADS.1 + ack })
}
