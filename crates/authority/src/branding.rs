//! How an operator makes the pages their own: a name, a logo, a colour, and a style sheet of their own.

mod colour;

use std::io::Read as _;
use std::path::{Path, PathBuf};

pub use colour::Colour;

use crate::config::Config;

/// The largest logo, in bytes.
pub const LARGEST_LOGO: u64 = 256 * 1024;

/// The largest style sheet, in bytes.
pub const LARGEST_STYLE: u64 = 128 * 1024;

/// What an operator gave, read and checked.
#[derive(Clone, Debug)]
pub struct Branding {
    /// What the place is called.
    pub name: String,
    /// The logo.
    pub logo: Option<Logo>,
    /// The style sheet that comes after ours: what follows from the colour, then what the operator wrote.
    pub style: Option<String>,
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Logo {
    /// What it is.
    pub kind: LogoKind,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The kinds of pictures that a logo may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoKind {
    /// Scalable Vector Graphics.
    Svg,
    /// Portable Network Graphics.
    Png,
}

/// Why the pages cannot look as they were configured to.
#[derive(Debug, thiserror::Error)]
pub enum BrandingError {
    /// A file cannot be read.
    #[error("{setting}: {} cannot be read: {error}", path.display())]
    Unreadable {
        /// The setting that names it.
        setting: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A file is larger than it may be.
    #[error("{setting}: {} has more than {most} bytes", path.display())]
    TooLarge {
        /// The setting that names it.
        setting: &'static str,
        /// Which file.
        path: PathBuf,
        /// How many it may have.
        most: u64,
    },
    /// The logo is neither kind of picture.
    #[error("pages.logo: {} is neither an SVG nor a PNG", path.display())]
    NoPicture {
        /// Which file.
        path: PathBuf,
    },
    /// The style sheet is not UTF-8.
    #[error("pages.css: {} is not UTF-8", path.display())]
    NoText {
        /// Which file.
        path: PathBuf,
    },
}

impl BrandingError {
    /// The setting that is to be corrected.
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::Unreadable { setting, .. } | Self::TooLarge { setting, .. } => setting,
            Self::NoPicture { .. } => "pages.logo",
            Self::NoText { .. } => "pages.css",
        }
    }
}

impl Branding {
    /// As the pages are without an operator's doing.
    pub fn plain() -> Self {
        Self { name: "Rescind".to_owned(), logo: None, style: None }
    }

    /// Reads what the configuration names.
    ///
    /// # Errors
    /// A file that cannot be read, is too large, or is not what it should be.
    pub fn load(config: &Config) -> Result<Self, BrandingError> {
        let pages = &config.pages;
        let own = pages.css.as_deref().map(style).transpose()?;
        let accent = Colour::parse(&pages.accent).map(Colour::style);
        let style = match (accent, own) {
            (None, None) => None,
            (accent, own) => Some(accent.unwrap_or_default() + &own.unwrap_or_default()),
        };
        Ok(Self { name: pages.name.clone(), logo: pages.logo.as_deref().map(logo).transpose()?, style })
    }
}

fn logo(path: &Path) -> Result<Logo, BrandingError> {
    let bytes = read("pages.logo", path, LARGEST_LOGO)?;
    let kind = LogoKind::of(&bytes).ok_or_else(|| BrandingError::NoPicture { path: path.to_owned() })?;
    Ok(Logo { kind, bytes })
}

fn style(path: &Path) -> Result<String, BrandingError> {
    let bytes = read("pages.css", path, LARGEST_STYLE)?;
    String::from_utf8(bytes).map_err(|_| BrandingError::NoText { path: path.to_owned() })
}

fn read(setting: &'static str, path: &Path, most: u64) -> Result<Vec<u8>, BrandingError> {
    let unreadable = |error| BrandingError::Unreadable { setting, path: path.to_owned(), error };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(BrandingError::TooLarge { setting, path: path.to_owned(), most });
    }
    Ok(bytes)
}

impl LogoKind {
    /// By what is in the file, whatever it is called.
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
        (text.starts_with('<') && text.contains("<svg")).then_some(Self::Svg)
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }

    /// The end of its name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(configure: impl FnOnce(&mut Config)) -> Result<Branding, BrandingError> {
        let mut config = Config::default();
        configure(&mut config);
        Branding::load(&config)
    }

    #[test]
    fn without_configuration_nothing_is_served_besides_our_own() {
        let branding = load(|_| {}).unwrap();
        assert_eq!((branding.name.as_str(), branding.style), ("Rescind", None));
        assert!(branding.logo.is_none());
    }

    #[test]
    fn a_logo_is_told_by_what_is_in_it() {
        let svg = "\u{feff}<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        assert_eq!(LogoKind::of(svg.as_bytes()), Some(LogoKind::Svg));
        assert_eq!(LogoKind::of(b"\x89PNG\r\n\x1a\n..."), Some(LogoKind::Png));
        for none in [&b""[..], b"GIF89a", b"<html></html>", b"\xff\xd8\xff", b"x <svg"] {
            assert_eq!(LogoKind::of(none), None, "{none:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo.svg");
        let said = |result: Result<Branding, BrandingError>| result.unwrap_err().to_string();
        assert!(said(load(|config| config.pages.logo = Some(path.clone()))).starts_with("pages.logo: "));
        std::fs::write(&path, "GIF89a").unwrap();
        assert!(said(load(|config| config.pages.logo = Some(path.clone()))).ends_with("neither an SVG nor a PNG"));
        std::fs::write(&path, vec![b' '; 256 * 1024 + 1]).unwrap();
        assert!(said(load(|config| config.pages.logo = Some(path.clone()))).ends_with("more than 262144 bytes"));
        std::fs::write(&path, [0xff]).unwrap();
        assert!(said(load(|config| config.pages.css = Some(path.clone()))).ends_with("is not UTF-8"));
    }

    #[test]
    fn what_the_operator_wrote_comes_after_what_follows_from_the_colour() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.css");
        std::fs::write(&path, "h1 { color: red }").unwrap();
        let branding = load(|config| {
            config.pages.css = Some(path);
            "#ffcc00".clone_into(&mut config.pages.accent);
        });
        let style = branding.unwrap().style.unwrap();
        assert!(style.contains("--accent: #ffcc00;") && style.ends_with("h1 { color: red }"), "{style}");
    }
}
