//! `rescind import`: users of another system, one JSON object on a line. Nothing is held but one batch.

mod lines;
mod user;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rescind_domain::verbs::import_users::{self, BATCH, ImportedUser, Outcome};
use serde_json::json;

use super::failure::{Code, Failure, warn};
use super::folder::{Absent, Context, Tool};
use super::output::{Output, print_value};
use lines::{Line, Lines};

const HELP: &str = "\
Each line is one JSON object:

  {\"login\": \"ann\", \"password_hash\": \"$argon2id$…\", \"external_id\": \"42\", \"role\": \"user\",
   \"metadata\": {\"plan\": \"pro\"}}

Only login is required; without a hash somebody has to set a password first. Hashes may be argon2, bcrypt, scrypt or
PBKDF2, as PHC strings or in the forms of passlib and Django; for Keycloak give \"keycloak\": {\"credentialData\": …,
\"secretData\": …} as it exports them. Bad lines are reported by number and left out. It can be run again: who is here
already stays as they are.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// The file, or - for standard input
    file: PathBuf,
}

pub(super) async fn run(arguments: Arguments, context: &Context) -> Result<(), Failure> {
    let (input, bytes) = open(&arguments)?;
    let tool = context.open(Absent::Make).await?;
    let bar = progress(bytes);
    let input = BufReader::with_capacity(lines::LONGEST, bar.wrap_read(input));
    let import = Import { tool: &tool, output: context.output, bar, counts: Counts::default(), batch: Vec::new() };
    let counts = import.all(Lines::new(input)).await?;
    let value = json!({ "imported": counts.imported, "already_here": counts.already_here, "bad": counts.bad });
    let line = format!("{} imported, {} already here, {} bad lines", counts.imported, counts.already_here, counts.bad);
    let said = context.output.answer(&value, &[line]);
    if counts.bad == 0 { said } else { Err(Failure::Said(Code::InPart)) }
}

fn open(arguments: &Arguments) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if arguments.file.as_os_str() == "-" {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let failed = |code, error: &io::Error| {
        Failure::named(code, &arguments.file, error, "name a file with one user on each line, or - for standard input")
    };
    let opened = File::open(&arguments.file).and_then(|file| Ok((file.metadata()?, file)));
    match opened {
        Ok((metadata, _)) if metadata.is_dir() => Err(failed(Code::Usage, &io::ErrorKind::IsADirectory.into())),
        Ok((metadata, file)) => Ok((Box::new(file), metadata.is_file().then_some(metadata.len()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(failed(Code::NotFound, &error)),
        Err(error) => Err(failed(Code::Failed, &error)),
    }
}

/// On standard error, and only if that is a terminal.
fn progress(bytes: Option<u64>) -> ProgressBar {
    let template = "{wide_bar} {bytes}/{total_bytes} {eta}";
    match (bytes, ProgressStyle::with_template(template)) {
        (Some(bytes), Ok(style)) => ProgressBar::new(bytes).with_style(style),
        _ => ProgressBar::new_spinner(),
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    imported: u64,
    already_here: u64,
    bad: u64,
}

/// An import under way.
struct Import<'a> {
    tool: &'a Tool,
    output: Output,
    bar: ProgressBar,
    counts: Counts,
    /// Users that wait for their transaction, each with its line.
    batch: Vec<(u64, ImportedUser)>,
}

impl Import<'_> {
    async fn all(mut self, mut lines: Lines<impl BufRead>) -> Result<Counts, Failure> {
        loop {
            let next = lines.next().map_err(|error| self.interrupted(&format!("the file cannot be read: {error}")))?;
            let Some((number, line)) = next else { break };
            match read(line) {
                Ok(Some(user)) => self.batch.push((number, user)),
                Ok(None) => {}
                Err(problem) => self.bad(number, &problem)?,
            }
            if self.batch.len() == BATCH {
                self.flush().await?;
            }
        }
        self.flush().await?;
        self.bar.finish_and_clear();
        Ok(self.counts)
    }

    /// Takes over what waits, in one transaction.
    async fn flush(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let (numbers, users): (Vec<u64>, Vec<ImportedUser>) = self.batch.drain(..).unzip();
        let outcomes = import_users::import_users(self.tool.world(), users).await;
        let outcomes = outcomes.map_err(|error| self.interrupted(&error.to_string()))?;
        for (number, outcome) in numbers.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Imported => self.counts.imported += 1,
                Outcome::AlreadyHere => self.counts.already_here += 1,
                Outcome::LoginTaken => {
                    self.bad(
                        number,
                        "the login name belongs to another account: give this one another, or leave it out",
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Reports a bad line at once: to programs on standard output, to people on standard error.
    fn bad(&mut self, number: u64, problem: &str) -> Result<(), Failure> {
        self.counts.bad += 1;
        if self.output.json {
            return print_value(&json!({ "line": number, "problem": problem }));
        }
        self.bar.suspend(|| warn(&format!("line {number}: {problem}")));
        Ok(())
    }

    fn interrupted(&self, problem: &str) -> Failure {
        self.bar.finish_and_clear();
        let imported = self.counts.imported;
        Failure::failed(format!("{problem}; {imported} users were imported: run it again for the others"))
    }
}

/// A user, nobody on an empty line, or what is wrong and what would be right.
fn read(line: Line) -> Result<Option<ImportedUser>, String> {
    match line {
        Line::Text(text) if text.trim().is_empty() => Ok(None),
        Line::Text(text) => user::read(&text).map(Some),
        Line::TooLong => Err(format!("longer than {} KiB: leave out what is not needed", lines::LONGEST / 1024)),
        Line::NotText => Err("not UTF-8: convert the file".to_owned()),
    }
}
