//! Reading Rust source without losing its lines: what is code, what is text, and where functions begin and end.
//!
//! `syn` knows Rust better, but no lines (unless a feature of `proc-macro2` slows every build down), and it does not look
//! into macros. So this reads the text itself, and [`compare_with_syn`] holds it to what `syn` reads.

use super::tree::{File, Problem, Tree, line_at};
use syn::visit::{self, Visit};

/// One file of Rust, read.
pub(crate) struct Source<'a> {
    text: &'a str,
    /// The text with every comment and every string and character literal replaced by spaces, byte for byte.
    code: String,
    /// The string literals: where each begins, and what is between its quotes, escapes and all.
    pub(crate) strings: Vec<(usize, &'a str)>,
}

/// A word or one sign of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

/// A function with its extent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Where its `fn` is, and the first byte behind its closing brace or semicolon.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it carries `#[test]`, `#[tokio::test]` or the like, and is not ignored.
    pub(crate) is_test: bool,
}

/// What is in a file: its functions, and the extents of its `#[cfg(test)]` modules, attribute included.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) functions: Vec<Function>,
    pub(crate) test_modules: Vec<(usize, usize)>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut scanner = Scanner { text, at: 0, code: text.as_bytes().to_vec(), strings: Vec::new() };
        while scanner.at < text.len() {
            scanner.step();
        }
        let code = String::from_utf8(scanner.code).expect("whole characters were replaced");
        Self { text, code, strings: scanner.strings }
    }

    /// The line of an offset, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        line_at(self.text, offset)
    }

    /// The words and signs of the code, in order.
    pub(crate) fn tokens(&self) -> Vec<Token<'_>> {
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(first) = self.code[at..].chars().next() {
            let rest = &self.code[at..];
            let raw = rest.strip_prefix("r#").is_some_and(|name| name.starts_with(is_word));
            let length = match first {
                _ if raw => 2 + word_length(&rest[2..]),
                first if is_word(first) => word_length(rest),
                first => first.len_utf8(),
            };
            if !first.is_whitespace() {
                tokens.push(Token { text: &rest[..length], at });
            }
            at += length;
        }
        tokens
    }

    /// The functions and test modules, those in macros included.
    pub(crate) fn outline(&self) -> Outline {
        let tokens = self.tokens();
        let mut outline = Outline::default();
        let mut before = Before::default();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let next = tokens.get(index + 1).map_or("", |next| next.text);
            match token.text {
                "#" if next == "[" => {
                    let end = matching(&tokens, index + 1);
                    before.attribute(token.at, tokens.get(index + 2..end).unwrap_or_default());
                    index = end;
                }
                "fn" if next.starts_with(is_word) => {
                    let end = end_of_function(&tokens, index + 2);
                    let is_test = before.test && !before.ignored;
                    outline.functions.push(Function { name: next.to_owned(), start: token.at, end, is_test });
                    before = Before::default();
                }
                "mod" if tokens.get(index + 2).is_some_and(|brace| brace.text == "{") => {
                    if let Some(start) = before.cfg_test {
                        outline.test_modules.push((start, end_of(&tokens, matching(&tokens, index + 2))));
                    }
                    before = Before::default();
                }
                "pub" | "(" | "crate" | "super" | "in" | ")" | "async" | "const" | "unsafe" | "extern" => {}
                _ => before = Before::default(),
            }
            index += 1;
        }
        outline
    }
}

/// The attributes seen since the last item.
#[derive(Default)]
struct Before {
    test: bool,
    ignored: bool,
    cfg_test: Option<usize>,
}

impl Before {
    /// Takes note of one attribute, given the tokens between its brackets.
    fn attribute(&mut self, at: usize, tokens: &[Token<'_>]) {
        let words = || tokens.iter().map(|token| token.text);
        let path = words().take_while(|text| text.starts_with(is_word) || *text == ":");
        match path.last() {
            Some("test") => self.test = true,
            Some("ignore") => self.ignored = true,
            Some("cfg") if words().any(|word| word == "test") && !words().any(|word| word == "not") => {
                self.cfg_test = self.cfg_test.or(Some(at));
            }
            _ => {}
        }
    }
}

/// The index of the bracket that closes the one at `open`; the last index if none does.
pub(crate) fn matching(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len().saturating_sub(1)
}

fn end_of(tokens: &[Token<'_>], index: usize) -> usize {
    tokens.get(index).map_or(0, |token| token.at + token.text.len())
}

/// Where a function ends whose parameters begin at or after token `index`. A brace between angle brackets is a constant.
fn end_of_function(tokens: &[Token<'_>], mut index: usize) -> usize {
    let mut angles = 0_usize;
    while let Some(token) = tokens.get(index) {
        let before = tokens.get(index.wrapping_sub(1)).map_or("", |token| token.text);
        match token.text {
            "{" if angles == 0 => return end_of(tokens, matching(tokens, index)),
            ";" if angles == 0 => return end_of(tokens, index),
            "(" | "[" | "{" => index = matching(tokens, index),
            "<" => angles += 1,
            ">" if before != "-" && before != "=" => angles = angles.saturating_sub(1),
            _ => {}
        }
        index += 1;
    }
    end_of(tokens, tokens.len().saturating_sub(1))
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

/// Goes through the text once and tells code from the rest.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    code: Vec<u8>,
    strings: Vec<(usize, &'a str)>,
}

impl Scanner<'_> {
    /// Reads one comment, one literal, one word, or one character.
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let word = word_length(rest);
        match rest.chars().next() {
            Some('/') if rest.starts_with("//") => self.blank(rest.find('\n').unwrap_or(rest.len())),
            Some('/') if rest.starts_with("/*") => self.blank(block_comment(rest)),
            Some('"') => self.string(0, 0),
            Some('\'') => match character(rest) {
                Some(length) => self.blank(length),
                None => self.at += 1,
            },
            _ if word > 0 => match (&rest[..word], rest[word..].trim_start_matches('#').starts_with('"')) {
                ("r" | "br" | "cr", true) => {
                    let hashes = rest[word..].bytes().take_while(|byte| *byte == b'#').count();
                    self.raw_string(word, hashes);
                }
                ("b" | "c", _) if rest[word..].starts_with('"') => self.string(word, 0),
                _ => self.at += word,
            },
            first => self.at += first.map_or(1, char::len_utf8),
        }
    }

    /// Replaces the next bytes by spaces, and goes on behind them.
    fn blank(&mut self, length: usize) {
        let end = (self.at + length).min(self.text.len());
        for byte in &mut self.code[self.at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        self.at = end;
    }

    fn string(&mut self, prefix: usize, hashes: usize) {
        let start = self.at + prefix + hashes + 1;
        let mut escaped = false;
        let end = self.text[start..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        self.literal(start, end, 1);
    }

    fn raw_string(&mut self, prefix: usize, hashes: usize) {
        let start = self.at + prefix + hashes + 1;
        let close = format!("\"{}", "#".repeat(hashes));
        self.literal(start, self.text[start..].find(&close), close.len());
    }

    /// Takes a literal whose inside begins at `start` and has the length `inside`, and whose end has that of `close`.
    fn literal(&mut self, start: usize, inside: Option<usize>, close: usize) {
        let end = inside.map_or(self.text.len(), |inside| start + inside);
        self.strings.push((self.at, &self.text[start..end]));
        self.blank(end + close - self.at);
    }
}

/// The length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of the character literal at the start of the text; `None` if it is a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut inside = text[1..].chars();
    let first = inside.next()?;
    if first == '\\' {
        let escape = 2 + inside.next()?.len_utf8();
        Some(escape + text[escape..].find('\'')? + 1)
    } else {
        (inside.next()? == '\'').then_some(2 + first.len_utf8())
    }
}

/// Functions that `syn` sees and this does not, or whose extent, cut out, is no function for `syn`.
pub(crate) fn compare_with_syn(tree: &Tree) -> Vec<Problem> {
    let problems = |file: &File| {
        let functions = Source::new(&file.text).outline().functions;
        compare_file(file, &functions)
            .into_iter()
            .map(|(line, message)| Problem::new(&file.path, line, message))
            .collect()
    };
    tree.rust_files().flat_map(|file| -> Vec<Problem> { problems(file) }).collect()
}

fn compare_file(file: &File, functions: &[Function]) -> Vec<(usize, String)> {
    let parsed = match syn::parse_file(&file.text) {
        Ok(parsed) => parsed,
        Err(error) => return vec![(1, format!("is not Rust: {error}"))],
    };
    let mut seen = Seen::default();
    seen.visit_file(&parsed);
    // Both are in the order of the text; only what macros make is here and not there.
    let mut ours = functions.iter();
    let mut problems = Vec::new();
    for (name, is_test) in seen.0 {
        let Some(function) = ours.find(|ours| ours.name == name && ours.is_test == is_test) else {
            problems.push((1, format!("the function {name} (a test: {is_test}) was overlooked")));
            continue;
        };
        let text = file.text.get(function.start..function.end).unwrap_or_default();
        if syn::parse_str::<syn::TraitItemFn>(text).is_err() {
            problems.push((line_at(&file.text, function.start), format!("the extent of {name} was misread")));
        }
    }
    problems
}

/// The names of all functions, in order, and whether each is a test that runs.
#[derive(Default)]
struct Seen(Vec<(String, bool)>);

impl Seen {
    fn note(&mut self, signature: &syn::Signature, attributes: &[syn::Attribute]) {
        let carries = |name: &str| {
            let last = |attribute: &syn::Attribute| attribute.path().segments.last().map(|part| part.ident.to_string());
            attributes.iter().any(|attribute| last(attribute).as_deref() == Some(name))
        };
        self.0.push((signature.ident.to_string(), carries("test") && !carries("ignore")));
    }
}

impl<'ast> Visit<'ast> for Seen {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.sig, &item.attrs);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.sig, &item.attrs);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.note(&item.sig, &item.attrs);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_foreign_item_fn(&mut self, item: &'ast syn::ForeignItemFn) {
        self.note(&item.sig, &item.attrs);
    }
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = concat!(
        "a // fn b() {}\n/* fn c /* nested */ { */ d \"fn e \\\" {\" f r#\"fn \" g\"# h b\"i\" c\"j\" br\"k\\\" l\n",
        "'{' m '\\'' n '\\u{1F600}' o 'é' p<'q> r##\"\"# s\"## t b'{' r#fn /// fn u\n v",
    );
    let source = Source::new(text);
    let words: Vec<&str> = source.tokens().iter().map(|token| token.text).collect();
    assert_eq!(words, ["a", "d", "f", "h", "l", "m", "n", "o", "p", "<", "'", "q", ">", "t", "b", "r#fn", "v"]);
    let strings: Vec<&str> = source.strings.iter().map(|(_, string)| *string).collect();
    assert_eq!(strings, ["fn e \\\" {", "fn \" g", "i", "j", "k\\", "\"# s"]);
    assert_eq!(source.code.len(), text.len());
    assert_eq!(source.line(text.find(" v").expect("the end")), 4);
}

#[test]
fn an_unfinished_literal_or_comment_ends_with_the_file() {
    for text in
        ["\"abc", "r#\"abc\"", "/* abc", "'", "'\\", "b\"\\", "#[", "fn", "fn f", "fn f(", "fn f() {", "mod", ""]
    {
        let source = Source::new(text);
        assert_eq!(source.code.len(), text.len());
        source.outline();
    }
}

#[test]
fn functions_end_at_their_closing_brace() {
    let text = "impl A {\n  pub(crate) const fn one<const N: usize>(f: fn(u8) -> u8) -> [u8; { 3 }]\n  where\n    \
                B<{ N }>: C,\n  {\n    fn inner() {}\n    \"}\";\n  }\n}\ntrait T { fn two(&self) -> Box<dyn Fn() -> u8>; }\n";
    let source = Source::new(text);
    let outline = source.outline();
    let extents: Vec<(&str, usize, usize)> = outline
        .functions
        .iter()
        .map(|function| (function.name.as_str(), source.line(function.start), source.line(function.end)))
        .collect();
    assert_eq!(extents, [("one", 2, 8), ("inner", 6, 6), ("two", 10, 10)]);
}

#[test]
fn tests_are_told_by_their_attributes() {
    let text = "#[test] fn a() {}\n#[tokio::test(flavor = \"x\")]\n#[expect(y)]\npub async fn b() {}\n\
                #[test] #[ignore = \"slow\"] fn c() {}\n#[cfg(test)] fn d() {}\nfn test() {}\n\
                proptest! { #[test] fn e(x: u8) {} }\n#[test] struct S; fn f() {}\n";
    let outline = Source::new(text).outline();
    let tests: Vec<&str> =
        outline.functions.iter().filter(|function| function.is_test).map(|function| function.name.as_str()).collect();
    assert_eq!(tests, ["a", "b", "e"]);
}

#[test]
fn test_modules_are_found_with_their_attribute() {
    let text = "fn a() {}\n#[cfg(test)]\n#[expect(x)]\nmod tests {\n  fn b() {}\n}\n#[cfg(not(test))]\nmod real {}\n\
                #[cfg(all(test, unix))] pub(crate) mod more { }\n#[cfg(test)] mod elsewhere;\nmod plain {}\n";
    let source = Source::new(text);
    let lines = |(start, end): &(usize, usize)| (source.line(*start), source.line(*end));
    let modules: Vec<(usize, usize)> = source.outline().test_modules.iter().map(lines).collect();
    assert_eq!(modules, [(2, 6), (9, 9)]);
}

#[test]
fn the_comparison_sees_what_was_overlooked_or_misread() {
    let text =
        "#[test] fn a() { fn b() {} }\nimpl C { fn d() {} }\nmacro_rules! m { ($n:ident) => { fn e() -> $n {} } }";
    let file = File { path: "a.rs".to_owned(), text: text.to_owned() };
    let right = Source::new(text).outline().functions;
    assert_eq!(right.iter().map(|function| function.name.as_str()).collect::<Vec<_>>(), ["a", "b", "d", "e"]);
    assert_eq!(compare_file(&file, &right), []);

    let overlooked = [&right[..1], &right[2..]].concat();
    assert_eq!(compare_file(&file, &overlooked)[0], (1, "the function b (a test: false) was overlooked".to_owned()));
    let mut no_test = right.clone();
    no_test[0].is_test = false;
    assert_eq!(compare_file(&file, &no_test)[0], (1, "the function a (a test: true) was overlooked".to_owned()));
    for wrong in [-1, 1] {
        let mut misread = right.clone();
        misread[2].end = misread[2].end.saturating_add_signed(wrong);
        misread[2].end += usize::from(wrong > 0);
        assert_eq!(compare_file(&file, &misread), [(2, "the extent of d was misread".to_owned())]);
    }
    let broken = compare_with_syn(&Tree::of(&[("a.rs", "fn a( {")]));
    assert!(broken[0].to_string().starts_with("a.rs:1: is not Rust: "), "{broken:?}");
}
