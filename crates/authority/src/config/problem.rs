//! Where a value came from, and what is wrong with it.

use super::preset::Preset;
use super::rule::Named;
use std::fmt;

/// Where the value of a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// Nobody set it, and the preset has a default of its own.
    Preset(Preset),
    /// A line of the configuration file.
    File {
        /// The name of the file as it was given.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl Origin {
    /// The place alone, as it begins a message: `rescind.toml:12`, `RESCIND_LISTEN`, `--listen`.
    pub fn place(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::Preset(preset) => format!("preset {}", preset.name()),
            Self::File { name, line } => format!("{name}:{line}"),
            Self::Environment(name) | Self::Flag(name) => name.clone(),
        }
    }

    /// The kind of source in one word.
    pub fn source(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Preset(_) => "preset",
            Self::File { .. } => "file",
            Self::Environment(_) => "environment",
            Self::Flag(_) => "flag",
        }
    }
}

impl fmt::Display for Origin {
    /// `default`, `preset aal2`, `file rescind.toml:12`, `environment RESCIND_LISTEN`, `flag --listen`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default | Self::Preset(_) => f.write_str(&self.place()),
            _ => write!(f, "{} {}", self.source(), self.place()),
        }
    }
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `rescind.toml:12`, `RESCIND_LISTEN`, `--listen`.
    pub place: String,
    /// What is wrong, and what is allowed. Never a secret.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Everything that is wrong with the configuration, in the order of the sources. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_read_as_the_manual_shows_them() {
        let file = Origin::File { name: "rescind.toml".to_owned(), line: 12 };
        assert_eq!(Origin::Default.to_string(), "default");
        assert_eq!(Origin::Preset(Preset::Aal2).to_string(), "preset aal2");
        assert_eq!(file.to_string(), "file rescind.toml:12");
        assert_eq!(Origin::Environment("RESCIND_LISTEN".to_owned()).to_string(), "environment RESCIND_LISTEN");
        assert_eq!(Origin::Flag("--listen".to_owned()).to_string(), "flag --listen");
    }

    #[test]
    fn problems_are_listed_one_on_a_line() {
        let problems = Problems(vec![Problem::new("rescind.toml:3", "is odd"), Problem::new("--listen", "is odder")]);
        assert_eq!(problems.to_string(), "rescind.toml:3: is odd\n--listen: is odder");
    }
}
