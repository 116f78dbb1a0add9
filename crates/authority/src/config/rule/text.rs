//! Text whose form is checked: folders and files, the issuer, names and colours, the log filter.

use super::Rule;
use std::marker::PhantomData;
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

/// A folder. Whether it exists is for whoever uses it to find out.
pub(in crate::config) struct Folder {
    pub(in crate::config) default: &'static str,
}

impl Rule for Folder {
    type Value = PathBuf;

    fn initial(&self) -> PathBuf {
        self.default.into()
    }

    fn kind(&self) -> &'static str {
        "folder"
    }

    fn allowed(&self) -> String {
        "a path".to_owned()
    }

    fn read(&self, text: &str) -> Result<PathBuf, String> {
        if text.is_empty() || text.contains('\0') { Err("must be a path".to_owned()) } else { Ok(text.into()) }
    }

    fn show(&self, value: &PathBuf) -> String {
        value.display().to_string()
    }
}

/// A file that may be named or not. Whether it exists is for whoever uses it to find out.
pub(in crate::config) struct OptionalFile {
    /// What to do for whoever wants none, where an empty name is more likely a variable that nobody filled than a wish to
    /// go without. Nothing where an empty name is that wish.
    pub(in crate::config) without: Option<&'static str>,
}

impl Rule for OptionalFile {
    type Value = Option<PathBuf>;

    fn initial(&self) -> Option<PathBuf> {
        None
    }

    fn kind(&self) -> &'static str {
        "file"
    }

    fn allowed(&self) -> String {
        "a path".to_owned()
    }

    fn read(&self, text: &str) -> Result<Option<PathBuf>, String> {
        match self.without {
            Some(without) if text.is_empty() => Err(format!("names no file: write its path, or {without}")),
            _ if text.contains('\0') => Err("must be a path".to_owned()),
            _ => Ok(Some(text.into()).filter(|_| !text.is_empty())),
        }
    }

    fn show(&self, value: &Option<PathBuf>) -> String {
        value.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

/// What a text must look like.
pub(in crate::config) trait Form {
    const KIND: &'static str;
    const ALLOWED: &'static str;

    /// Says what is wrong with the text, if anything is.
    fn check(text: &str) -> Result<(), String>;
}

/// A text of a certain form.
pub(in crate::config) struct Text<F> {
    default: &'static str,
    form: PhantomData<fn() -> F>,
}

impl<F> Text<F> {
    pub(in crate::config) const fn new(default: &'static str) -> Self {
        Self { default, form: PhantomData }
    }
}

impl<F: Form> Rule for Text<F> {
    type Value = String;

    fn initial(&self) -> String {
        self.default.to_owned()
    }

    fn kind(&self) -> &'static str {
        F::KIND
    }

    fn allowed(&self) -> String {
        F::ALLOWED.to_owned()
    }

    fn read(&self, text: &str) -> Result<String, String> {
        F::check(text)?;
        Ok(text.to_owned())
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}

/// An issuer identifier (RFC 8414, section 2): a URL without query and fragment. Plain `http` is for machines that can
/// be reached in no other way; [`super::super::load`] warns of it.
pub(in crate::config) enum IssuerUrl {}

impl Form for IssuerUrl {
    const KIND: &'static str = "URL";
    const ALLOWED: &'static str = "an http(s) URL without user, query, fragment or slash at its end";

    fn check(text: &str) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        let wrong = |what: &str| Err(format!("{what}; must be {}", Self::ALLOWED));
        let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
            return wrong("starts with neither https:// nor http://");
        };
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() || host.starts_with(':') {
            return wrong("has no host");
        }
        if text.ends_with('/') {
            return wrong("ends with a slash");
        }
        // Clients compare issuers byte by byte, so it must have one spelling only.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]".contains(&byte);
        if !rest.bytes().all(plain) || host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return wrong("has characters that an issuer must not have (hosts are lower case)");
        }
        Ok(())
    }
}

/// Where a collector is reached, or nowhere.
pub(in crate::config) enum CollectorUrl {}

impl Form for CollectorUrl {
    const KIND: &'static str = "URL";
    const ALLOWED: &'static str = "empty, or an http(s) URL without user, query or fragment";

    fn check(text: &str) -> Result<(), String> {
        let plain = !text.contains(['@', '?', '#']);
        let fine = text.is_empty() || (plain && crate::traces::is_collector(text));
        if fine { Ok(()) } else { Err(format!("must be {}", Self::ALLOWED)) }
    }
}

/// A colour as style sheets write it, or none.
pub(in crate::config) enum HexColour {}

impl Form for HexColour {
    const KIND: &'static str = "colour";
    const ALLOWED: &'static str = "empty, or a colour such as #0a7d5c";

    fn check(text: &str) -> Result<(), String> {
        let fine = text.is_empty() || crate::branding::Colour::parse(text).is_some();
        if fine { Ok(()) } else { Err(format!("must be {}", Self::ALLOWED)) }
    }
}

/// What something is called where people read it.
pub(in crate::config) enum Name {}

impl Form for Name {
    const KIND: &'static str = "text";
    const ALLOWED: &'static str = "1 to 60 characters, no control characters";

    fn check(text: &str) -> Result<(), String> {
        let length = text.chars().count();
        let fine = (1..=60).contains(&length) && !text.trim().is_empty() && !text.chars().any(char::is_control);
        if fine { Ok(()) } else { Err(format!("must be {}", Self::ALLOWED)) }
    }
}

/// Which log lines are written: a level, or `target=level` pairs separated by commas.
pub(in crate::config) enum Filter {}

impl Form for Filter {
    const KIND: &'static str = "filter";
    const ALLOWED: &'static str = "a level (error, warn, info, debug, trace, off), or target=level pairs";

    fn check(text: &str) -> Result<(), String> {
        let parsed = EnvFilter::builder().parse(text);
        if text.is_empty() || parsed.is_err() { Err(format!("must be {}", Self::ALLOWED)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_any_path_but_the_empty_one() {
        let rule = Folder { default: "./rescind-data" };
        assert_eq!(rule.read("/var/lib/rescind"), Ok(PathBuf::from("/var/lib/rescind")));
        assert!(rule.read("").is_err() && rule.read("a\0b").is_err());
    }

    #[test]
    fn a_file_that_may_be_named_or_not_is_any_path_and_the_empty_one_is_none() {
        let (any, written) = (OptionalFile { without: None }, OptionalFile { without: Some("leave it out") });
        for rule in [&any, &written] {
            assert_eq!(rule.read("/etc/ssl/id.pem"), Ok(Some(PathBuf::from("/etc/ssl/id.pem"))));
            assert!(rule.read("a\0b").is_err());
        }
        assert_eq!(any.read(""), Ok(None));
        assert_eq!(written.read(""), Err("names no file: write its path, or leave it out".to_owned()));
    }

    #[test]
    fn issuers_are_urls_that_can_be_compared_byte_by_byte() {
        for text in [
            "",
            "https://id.example",
            "https://id.example:8443",
            "https://id.example/tenants/main",
            "http://127.0.0.1:7080",
            "http://[::1]:7080",
        ] {
            assert_eq!(IssuerUrl::check(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_issuer_is_told_why() {
        for (text, why) in [
            ("id.example", "starts with neither"),
            ("ftp://id.example", "starts with neither"),
            ("HTTPS://id.example", "starts with neither"),
            ("https://", "no host"),
            ("https://:80", "no host"),
            ("https:///x", "no host"),
            ("https://id.example/", "ends with a slash"),
            ("https://id.example?x", "characters"),
            ("https://id.example#x", "characters"),
            ("https://user@id.example", "characters"),
            ("https://Id.example", "characters"),
            ("https://id.example /x", "characters"),
            ("https://ïd.example", "characters"),
        ] {
            let message = IssuerUrl::check(text).unwrap_err();
            assert!(message.contains(why), "{text:?}: {message}");
        }
    }

    #[test]
    fn a_collector_is_a_url_that_holds_nothing_secret() {
        for text in ["", "http://127.0.0.1:4318", "https://collector.example/otlp", "http://[::1]:4318/"] {
            assert_eq!(CollectorUrl::check(text), Ok(()), "{text:?}");
        }
        for text in [
            "127.0.0.1:4318",
            "grpc://a:4317",
            "http://",
            "http://me:pw@a",
            "http://a?key=1",
            "http://a#b",
            "http://a b",
        ] {
            assert!(CollectorUrl::check(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_and_a_colour_are_what_a_page_can_show() {
        for text in ["Rescind", "Käse & Co", "شركة"] {
            assert_eq!(Name::check(text), Ok(()), "{text:?}");
        }
        for text in ["", " ", "a\nb", &"x".repeat(61)] {
            assert!(Name::check(text).is_err(), "{text:?}");
        }
        assert_eq!((HexColour::check(""), HexColour::check("#0a7D5c")), (Ok(()), Ok(())));
        for text in ["red", "#123", "#1234567", "#12345g"] {
            assert!(HexColour::check(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn log_filters_are_those_that_the_logger_understands() {
        for text in ["info", "off", "warn,rescind=debug", "rescind::http=trace"] {
            assert_eq!(Filter::check(text), Ok(()), "{text:?}");
        }
        for text in ["", "rescind=loud", "a=b=c"] {
            assert!(Filter::check(text).is_err(), "{text:?}");
        }
    }
}
