//! What is measured, one file each.

mod bearer;
mod checking;
mod ending;
mod fan_out;
mod feed;
mod footprint;
mod grown;
mod growth;
mod pages;
mod refresh;
mod sign_in;
mod snapshot;
mod verifier;

use crate::effort::Effort;
use crate::report::Report;
use crate::{Outcome, progress};

/// Measures what is wanted, the quick parts first.
pub(crate) async fn all(effort: &Effort, report: &mut Report) -> Outcome<()> {
    for part in crate::effort::PARTS.into_iter().filter(|part| effort.wants(part)) {
        progress(part);
        match part {
            "verifier" => verifier::measure(effort, report).await?,
            "checking" => checking::measure(effort, report).await?,
            "footprint" => footprint::measure(effort, report).await?,
            "bearer" => bearer::measure(effort, report).await?,
            "pages" => pages::measure(effort, report).await?,
            "sign-in" => sign_in::measure(effort, report).await?,
            "refresh" => refresh::measure(effort, report).await?,
            "feed" => feed::measure(effort, report).await?,
            "fan-out" => fan_out::measure(effort, report).await?,
            "snapshot" => snapshot::measure(effort, report).await?,
            "growth" => growth::measure(effort, report).await?,
            _ => ending::measure(effort, report).await?,
        }
    }
    Ok(())
}
