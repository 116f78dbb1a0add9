//! The server's own chores, each a short transaction: floor, purge, keys, and when devices were last seen.

use std::sync::Arc;
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::verbs::keep_house;

use crate::authority::Authority;

/// How often the floor is moved and activity is written down.
const OFTEN: Duration = Duration::from_secs(15);

/// How often the store is purged and keys are tended: "honoured to the hour" with room to spare.
const SELDOM: Duration = Duration::from_mins(10);

/// Keeps house until the authority goes.
pub async fn keep(authority: Arc<Authority>) {
    let mut often = tokio::time::interval(OFTEN);
    let mut seldom = tokio::time::interval(SELDOM);
    often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    seldom.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = often.tick() => note("floor and activity", tidy(&authority).await),
            _ = seldom.tick() => {
                note("keys", tend_keys(&authority).await);
                note("purge", purge(&authority).await);
            }
        }
    }
}

/// Writes down when devices were last seen, and moves the floor.
pub async fn tidy(authority: &Authority) -> Result<(), Error> {
    keep_house::record_activity(&authority.world, authority.activity.take()).await?;
    let before = authority.world.store.read("floor", |view| Ok(view.head()?)).await?;
    if before.floor < before.position.number {
        keep_house::raise_floor(&authority.world).await?;
    }
    Ok(())
}

async fn tend_keys(authority: &Authority) -> Result<(), Error> {
    if keep_house::tend_keys(&authority.world).await? {
        authority.hint();
    }
    Ok(())
}

/// One pass over the store. Between two batches others write.
pub async fn purge(authority: &Authority) -> Result<(), Error> {
    let (mut after, mut deleted) = (None, 0);
    loop {
        let purged = keep_house::purge_sessions(&authority.world, after).await?;
        deleted += purged.sessions;
        after = purged.next;
        if after.is_none() {
            break;
        }
        tokio::task::yield_now().await;
    }
    loop {
        let others = keep_house::purge_others(&authority.world).await?;
        deleted += others;
        if others < u64::from(keep_house::BATCH) {
            break;
        }
    }
    if deleted > 0 {
        tracing::info!(deleted, "purged");
    }
    Ok(())
}

fn note(chore: &str, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::warn!(chore, %error, "a chore was not done; it is tried again");
    }
}
