//! `rescind completions` and `rescind man`: made from the definition of the command line, as everything about it is.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;

use super::failure::{Code, Failure};
use super::output::print;

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write one page for every command into this folder, which must exist
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::definition(), "rescind", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(super) fn man(arguments: &Man) -> Result<(), Failure> {
    if let Some(folder) = &arguments.dir {
        return clap_mangen::generate_to(super::definition(), folder).map_err(|error| unwritten(folder, &error));
    }
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(super::definition()).render(&mut page);
    rendered.map_err(|error| Failure::failed(format!("no man page: {error}")))?;
    print(&String::from_utf8_lossy(&page))
}

fn unwritten(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::named(Code::Failed, folder, error, "make the folder, or name another one that can be written")
}
