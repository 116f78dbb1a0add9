//! The processes of a crew, from the inside. All threads of the machine are needed for those that are measured, so each of
//! these has one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rescind_verifier::{Presented, Rejected, Verified, Verifier};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::crew::{Contract, Follow, Sizes, Work};
use crate::place::ISSUER;
use crate::stopwatch::shared_nanos;

/// Tokens that a verifier remembers: they are few here, and a thousand caches are many.
const CACHE: usize = 64;

/// Does what its orders say until there are none.
pub(crate) fn run(contract: &str) -> Outcome<()> {
    let Contract { control, work } = serde_json::from_str(contract)?;
    let mut runtime = match work {
        // The bare sender has the runtime of `rescind serve`.
        Work::Send { .. } => tokio::runtime::Builder::new_multi_thread(),
        Work::Follow(_) | Work::Receive { .. } => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    let finished = runtime.block_on(async {
        let orders = Orders(BufReader::new(TcpStream::connect(control).await?));
        match work {
            Work::Follow(follow) => follow_on(orders, follow).await,
            Work::Receive { address, count, sizes } => {
                let sockets = connect(address, count).await?;
                receive(orders, sockets, sizes).await
            }
            Work::Send { count, sizes } => send(orders, count, sizes).await,
        }
    });
    runtime.shutdown_background();
    finished
}

struct Orders(BufReader<TcpStream>);

impl Orders {
    /// The next one; none once whoever measures is gone.
    async fn next(&mut self) -> Outcome<Option<String>> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await?;
        Ok((read > 0).then(|| line.trim_end().to_owned()))
    }

    async fn say(&mut self, what: &impl Serialize) -> Outcome<()> {
        let line = serde_json::to_string(what)? + "\n";
        Ok(self.0.get_mut().write_all(line.as_bytes()).await?)
    }
}

/// `follow`: sets the verifiers up, and says after how many nanoseconds all were ready. `watch TOKEN`: says so once all
/// accept it, and when the first and the last refused it.
async fn follow_on(mut orders: Orders, follow: Follow) -> Outcome<()> {
    let mut verifiers = Vec::new();
    while let Some(order) = orders.next().await? {
        if let Some(token) = order.strip_prefix("watch ") {
            let mut watched = JoinSet::new();
            for verifier in &verifiers {
                let held = accepted(verifier, token).await?;
                watched.spawn(refused(Verifier::clone(verifier), token.to_owned(), held));
            }
            orders.say(&true).await?;
            orders.say(&first_and_last(watched).await?).await?;
        } else {
            let began = shared_nanos();
            for number in follow.first..follow.first + follow.count {
                verifiers.push(verifier(&follow, number)?);
            }
            for verifier in &verifiers {
                while verifier.health().unavailable.is_some() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            orders.say(&(shared_nanos() - began)).await?;
        }
    }
    Ok(())
}

fn verifier(follow: &Follow, number: usize) -> Outcome<Verifier> {
    let (client, secret) = &follow.client;
    let builder = Verifier::builder(ISSUER).audience(ISSUER).authority(format!("http://{}", follow.address));
    Ok(builder.client(client, secret).name(format!("verifier {number}")).cache_tokens(CACHE).build()?)
}

/// The token as it is accepted. A verifier whose lease ran out while the machine was busy is waited for.
async fn accepted(verifier: &Verifier, token: &str) -> Outcome<Verified> {
    loop {
        match verifier.verify(&Presented::bearer(token)) {
            Ok(found) => return Ok(found),
            Err(Rejected::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(other) => return Err(other.into()),
        }
    }
}

/// When `verify` refuses the token for the first time, because it was revoked.
async fn refused(verifier: Verifier, token: String, mut held: Verified) -> Outcome<u64> {
    loop {
        held.revoked().await;
        match verifier.verify(&Presented::bearer(&token)) {
            Err(Rejected::Revoked { .. }) => return Ok(shared_nanos()),
            _ => match accepted(&verifier, &token).await {
                Ok(again) => held = again,
                Err(_) => return Ok(shared_nanos()),
            },
        }
    }
}

async fn first_and_last(mut times: JoinSet<Outcome<u64>>) -> Outcome<(u64, u64)> {
    let mut found = (u64::MAX, 0);
    while let Some(time) = times.join_next().await {
        let time = time??;
        found = (found.0.min(time), found.1.max(time));
    }
    Ok(found)
}

async fn connect(address: std::net::SocketAddr, count: usize) -> Outcome<Vec<TcpStream>> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// `receive`: says so at once, and later when the first and the last of its sockets had got a whole message. Each answers.
async fn receive(mut orders: Orders, mut sockets: Vec<TcpStream>, sizes: Sizes) -> Outcome<()> {
    while orders.next().await?.is_some() {
        orders.say(&true).await?;
        let mut receipts = JoinSet::new();
        let (back, mut returned) = tokio::sync::mpsc::unbounded_channel();
        for mut socket in sockets.drain(..) {
            let back = back.clone();
            receipts.spawn(async move {
                let mut frame = vec![0; sizes.frame];
                socket.read_exact(&mut frame).await?;
                let received = shared_nanos();
                socket.write_all(&vec![b'a'; sizes.ack]).await?;
                let _ = back.send(socket);
                Ok(received)
            });
        }
        drop(back);
        orders.say(&first_and_last(receipts).await?).await?;
        while let Some(socket) = returned.recv().await {
            sockets.push(socket);
        }
    }
    Ok(())
}

/// Says where it listens, and once everybody is there. `send`: writes a message to all, and says so once all have answered.
async fn send(mut orders: Orders, count: usize, sizes: Sizes) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    orders.say(&listener.local_addr()?).await?;
    let missing = Arc::new((AtomicUsize::new(0), Notify::new()));
    let mut writers: Vec<OwnedWriteHalf> = Vec::new();
    for _ in 0..count {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (reader, writer) = socket.into_split();
        tokio::spawn(hear_answers(reader, sizes.ack, Arc::clone(&missing)));
        writers.push(writer);
    }
    orders.say(&true).await?;
    let frame = vec![b'f'; sizes.frame];
    while orders.next().await?.is_some() {
        missing.0.store(count, Ordering::SeqCst);
        for writer in &mut writers {
            writer.write_all(&frame).await?;
        }
        missing.1.notified().await;
        orders.say(&true).await?;
    }
    Ok(())
}

async fn hear_answers(mut reader: OwnedReadHalf, size: usize, missing: Arc<(AtomicUsize, Notify)>) {
    let mut answer = vec![0; size];
    while reader.read_exact(&mut answer).await.is_ok() {
        if missing.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            missing.1.notify_one();
        }
    }
}
