//! The demo without a terminal: a fixed script, one line for each happening.

use std::io::Write;

use super::DemoError;
use super::ending::Ending;
use super::stage::Stage;

/// What happens, one after the other; everybody signs in again in between.
const SCRIPT: [Ending; 4] = [Ending::Phone, Ending::Others, Ending::All, Ending::Everyone];

/// Runs the script to its end. Fails if anything was not refused, or not enforced, as it was said to be.
pub(super) async fn run(stage: &Stage, out: &mut impl Write) -> Result<(), DemoError> {
    let mut say = |text: &str| {
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| DemoError::Output(error.into()))
    };
    say(&super::opening(stage))?;
    for ending in SCRIPT {
        say(&stage.sign_in().await?)?;
        if let Some(outcome) = stage.end(ending).await? {
            say(&outcome.text)?;
            DemoError::judge(outcome.faults)?;
        }
    }
    say("Everything was refused and enforced as said")
}
