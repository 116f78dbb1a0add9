//! `script/bench`: what Rescind costs, each figure beside that of something comparable, measured in turns in one run.
//!
//! Ratios are what counts: absolute figures are those of one machine at one time. Both sides of a pair get the same
//! payload, HTTP settings and client; what Rescind is compared with is in `stand_in`. Whatever is looked up is drawn at
//! random from all there is, and every request is written anew.

#![expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52, and are shown with three digits")]

mod crew;
mod effort;
mod histogram;
mod load;
mod measure;
mod member;
mod pair;
mod place;
mod population;
mod process;
mod random;
mod report;
mod stand_in;
mod stopwatch;

use std::io::Write as _;
use std::process::ExitCode;

use effort::Effort;
use report::Report;

/// What went wrong, in words: a benchmark has nobody to handle it.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USAGE: &str = "usage: script/bench [--quick] [--only NAME,…]

Builds Rescind for release, measures it, and prints one table in Markdown. A part of the table: --only with some of
verifier, checking, footprint, bearer, pages, sign-in, refresh, feed, fan-out, snapshot, growth, ending. With --quick everything is smaller.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = if let [stand_in::ARGUMENT, kind] = *given {
        stand_in::run(kind)
    } else if let Some(effort) = Effort::asked_for(&given) {
        measure_all(&effort)
    } else {
        progress(USAGE);
        return ExitCode::from(2);
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure_all(effort: &Effort) -> Outcome<()> {
    let mut report = Report::default();
    // One thread asks, over all connections: the servers have the rest of the machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let finished = runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            outcome = measure::all(effort, &mut report) => outcome,
            // Dropping the measurement ends its servers and removes its folders.
            _ = terminate.recv() => Err("told to stop".into()),
        }
    });
    let mut output = std::io::stdout().lock();
    write!(output, "\n{}", report.table())?;
    output.flush()?;
    finished
}

/// Tells whoever waits how far it is.
pub(crate) fn progress(text: &str) {
    // Nobody needs to listen.
    let _ = writeln!(std::io::stderr(), "{text}");
}
