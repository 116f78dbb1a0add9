//! The files that the checks look at, and how they complain.

use std::fmt;
use std::fs;
use std::path::Path;

/// Something that is wrong, at a place that an editor can open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// One file; the path is relative to the root, with slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: String,
    /// Its text; empty for what is not UTF-8.
    pub(crate) text: String,
}

impl File {
    /// The line of the first occurrence of `needle`, from 1; 1 if there is none.
    pub(crate) fn line_with(&self, needle: &str) -> usize {
        self.text.find(needle).map_or(1, |at| line_at(&self.text, at))
    }

    /// Whether this is Rust source.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// Whether the whole file is tests: it is in a folder `tests`, or is a module of that name.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }
}

/// The line of a byte offset, from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// All files that belong to the repository, sorted by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// A tree made up for a test.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { files: files.iter().map(file).collect() }
    }

    /// Reads a folder, without what `.gitignore` names.
    pub(crate) fn read(root: &Path) -> Self {
        let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let ignored: Vec<Ignored> = ignored.lines().filter_map(Ignored::parse).collect();
        let mut files = Vec::new();
        walk(root, "", &ignored, &mut files);
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Self { files }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.is_rust())
    }

    pub(crate) fn find(&self, path: &str) -> Option<&File> {
        self.files().find(|file| file.path == path)
    }

    /// Whether there is such a file or folder.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files()
            .any(|file| file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// The manifest of each crate, with the crate's folder name.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files().filter_map(|file| {
            let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            (!name.contains('/')).then_some((name, file))
        })
    }
}

fn walk(root: &Path, below: &str, ignored: &[Ignored], files: &mut Vec<File>) {
    for entry in fs::read_dir(root.join(below)).expect("a readable folder") {
        let entry = entry.expect("a readable entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if name == ".git" || ignored.iter().any(|pattern| pattern.matches(&path, &name)) {
            continue;
        }
        // Another test may be writing below this folder; what vanishes meanwhile was no file of ours.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            walk(root, &path, ignored, files);
        } else if let (true, Ok(bytes)) = (kind.is_file(), fs::read(entry.path())) {
            files.push(File { path, text: String::from_utf8(bytes).unwrap_or_default() });
        }
    }
}

/// The few forms of `.gitignore` lines that this repository uses.
enum Ignored {
    /// `/path`: from the root.
    Path(String),
    /// `name`: anywhere.
    Name(String),
    /// `*.end`: anywhere.
    End(String),
}

impl Ignored {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim().trim_end_matches('/');
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (form, rest): (fn(String) -> Self, &str) = match (line.strip_prefix('/'), line.strip_prefix('*')) {
            (Some(path), _) => (Self::Path, path),
            (_, Some(end)) => (Self::End, end),
            _ => (Self::Name, line),
        };
        let plain = !rest.contains(['*', '?', '[', '!']) && (line.starts_with('/') || !rest.contains('/'));
        assert!(plain, ".gitignore: the tidy test does not understand {line:?}; teach it, or write it more plainly");
        Some(form(rest.to_owned()))
    }

    fn matches(&self, path: &str, name: &str) -> bool {
        match self {
            Self::Path(ignored) => path == ignored,
            Self::Name(ignored) => name == ignored,
            Self::End(ignored) => name.ends_with(ignored.as_str()),
        }
    }
}

#[test]
fn a_tree_leaves_out_what_git_ignores() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    };
    write(".gitignore", b"# build\n/target\n/a/b\n*.log\nnode_modules/\n");
    write(".git/HEAD", b"x");
    write("target/x.rs", b"x");
    write("crates/wire/target/kept.rs", b"x");
    write("a/b/x.rs", b"x");
    write("a/c.rs", b"fn c() {}");
    write("deep/node_modules/x.js", b"x");
    write("deep/error.log", b"x");
    write("binary", &[0xff, 0x00]);
    let tree = Tree::read(folder.path());
    let paths: Vec<&str> = tree.files().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".gitignore", "a/c.rs", "binary", "crates/wire/target/kept.rs"]);
    assert_eq!(tree.find("a/c.rs").expect("the file").text, "fn c() {}");
    assert_eq!(tree.find("binary").expect("the file").text, "");
}

#[test]
#[should_panic(expected = "does not understand")]
fn a_pattern_that_nobody_understands_is_not_passed_over() {
    Ignored::parse("docs/**/draft?");
}

#[test]
fn folders_are_found_as_well_as_files() {
    let tree = Tree::of(&[("crates/wire/src/lib.rs", "")]);
    assert!(tree.contains("crates/wire/src/lib.rs") && tree.contains("crates/wire/") && tree.contains("crates"));
    assert!(!tree.contains("crates/wir") && !tree.contains("src/lib.rs"));
}

#[test]
fn problems_name_their_line() {
    let file = File { path: "a.rs".to_owned(), text: "one\ntwo\nthree".to_owned() };
    assert_eq!(file.line_with("three"), 3);
    assert_eq!(Problem::new(&file.path, file.line_with("two"), "is wrong").to_string(), "a.rs:2: is wrong");
}
