//! What a person calls a device: "Firefox on Android", made from the `User-Agent` header of its sign-in. Acceptance case
//! E2.
//!
//! The header is what the client says of itself, and says little: an iPad poses as a Mac, Brave as Chrome, Windows 11 as
//! Windows 10. The name helps people to tell their devices apart; nothing is ever decided on it. A small table of what
//! people really use serves better here than a full database, which takes 25 MB and a tenth of a second to load.

use serde::Serialize;

use self::tables::{BOTS, BROWSERS, NOT_ON_A_MAC, PROGRAMS, SYSTEMS, TELEVISION};

mod tables;

/// How much of a header is read, in bytes. Real ones have 80 to 300.
pub const MAX_USER_AGENT_BYTES: usize = 512;

/// The longest name that an application or a robot may give itself, in characters; longer ones are not shown.
const MAX_OWN_NAME: usize = 40;

/// What a `User-Agent` header tells of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// For people: `Firefox on Android`, `curl`, `PlayStation`; `Unknown device` if nothing was recognised.
    pub name: String,
    /// The browser, application or program.
    pub browser: Option<String>,
    /// The first number of its version.
    pub browser_major: Option<u32>,
    /// The operating system, without its version: browsers have frozen that one.
    pub os: Option<String>,
    /// What sort of thing it is.
    pub kind: DeviceKind,
}

/// What sort of thing a device is: enough to choose a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A desktop or notebook computer, and an iPad that poses as one.
    Desktop,
    /// A telephone.
    Phone,
    /// A tablet computer.
    Tablet,
    /// A television, or a box or stick for one.
    Tv,
    /// A game console.
    Console,
    /// A robot that visits pages: search engines, link previews, monitors.
    Bot,
    /// A program without a person in front of it, as far as one can see: `curl`, an HTTP library, a headless browser.
    Program,
    /// None of these, or not to be told.
    Unknown,
}

impl Device {
    /// Reads a `User-Agent` header. Whatever it holds, the answer is some device; an absent header is an empty one.
    pub fn from_user_agent(header: &str) -> Self {
        let text = &cleaned(header);
        if let Some(bot) = find_bot(text) {
            return Self::new(Some(bot), None);
        }
        let system = find_system(text);
        let software = find_browser(text, system).or_else(|| find_program(text)).or_else(|| find_application(text));
        Self::new(software, system)
    }

    fn new(software: Option<Software>, system: Option<System>) -> Self {
        let name = match (&software, system) {
            (Some(software), Some((os, _))) => format!("{} on {os}", software.name),
            (Some(software), None) => software.name.clone(),
            (None, Some((os, _))) => os.to_owned(),
            (None, None) => "Unknown device".to_owned(),
        };
        let kind = match (&software, &system) {
            (Some(Software { kind: Some(kind), .. }), _) | (_, Some((_, kind))) => *kind,
            (Some(_), None) => DeviceKind::Program,
            (None, None) => DeviceKind::Unknown,
        };
        Self {
            name,
            browser_major: software.as_ref().and_then(|software| software.major),
            browser: software.map(|software| software.name),
            os: system.map(|(os, _)| os.to_owned()),
            kind,
        }
    }
}

/// The name of an operating system, and what usually runs it.
type System = (&'static str, DeviceKind);

/// What made the request.
struct Software {
    name: String,
    major: Option<u32>,
    /// If it says more than the system does.
    kind: Option<DeviceKind>,
}

/// The part of a header that is looked at: bounded, without control characters.
fn cleaned(header: &str) -> String {
    let bounded = &header[..header.floor_char_boundary(MAX_USER_AGENT_BYTES)];
    let visible: String = bounded.chars().filter(|c| !c.is_control()).collect();
    visible.trim().to_owned()
}

fn find_bot(text: &str) -> Option<Software> {
    let named = BOTS.iter().find(|(mark, _)| after(text, mark).is_some());
    let name = if let Some((_, name)) = named {
        (*name).to_owned()
    } else {
        let mut words = text.split(|c: char| !is_own_name(c) || c == ' ');
        own_name(words.find(|word| is_robot(word))?).unwrap_or_else(|| "Robot".to_owned())
    };
    Some(Software { name, major: None, kind: Some(DeviceKind::Bot) })
}

fn is_robot(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    // CUBOT makes telephones.
    word != "cubot" && ["bot", "crawler", "spider"].iter().any(|end| word.ends_with(end))
}

fn find_system(text: &str) -> Option<System> {
    let &(_, os, kind) = SYSTEMS.iter().find(|(mark, ..)| holds(text, mark))?;
    let television = || TELEVISION.iter().any(|mark| holds(text, mark));
    Some(match os {
        "Android" | "Tizen" if television() => (os, DeviceKind::Tv),
        // Chrome and Firefox both say "Mobile" on telephones only; applications rarely say either.
        "Android" if text.starts_with("Mozilla/") && !text.contains("Mobile") => (os, DeviceKind::Tablet),
        "macOS" if NOT_ON_A_MAC.iter().any(|mark| after(text, mark).is_some()) => ("iPadOS", DeviceKind::Tablet),
        _ => (os, kind),
    })
}

fn find_browser(text: &str, system: Option<System>) -> Option<Software> {
    if !text.starts_with("Mozilla/") && !text.starts_with("Opera/") {
        return None;
    }
    if let Some(rest) = after(text, "HeadlessChrome/") {
        let name = "Headless Chrome".to_owned();
        return Some(Software { name, major: leading_number(rest), kind: Some(DeviceKind::Program) });
    }
    if after(text, "Electron/").is_some() {
        return Some(electron(text));
    }
    let found = BROWSERS.iter().find_map(|&(mark, name)| Some((mark, name, after(text, mark)?)));
    let (name, major) = match found {
        // What an Android application shows pages in names Chrome and nothing else.
        Some(("Chrome/", ..)) if text.contains("; wv)") => ("In-app browser", None),
        // Opera before it was built on Chromium: it calls itself 9.80 for ever.
        Some(("Opera/", name, rest)) => (name, leading_number(after(text, "Version/").unwrap_or(rest))),
        Some((_, name, rest)) => (name, leading_number(rest)),
        None => web_kit(text, system.map(|(os, _)| os))?,
    };
    Some(Software { name: name.to_owned(), major, kind: None })
}

/// Those that are known by what they do not say.
fn web_kit(text: &str, os: Option<&str>) -> Option<(&'static str, Option<u32>)> {
    if text.contains("Trident/") {
        return Some(("Internet Explorer", after(text, "rv:").and_then(leading_number)));
    }
    let version = after(text, "Version/").and_then(leading_number);
    let safari = after(text, "Safari/").is_some() && version.is_some();
    match os? {
        "iOS" | "iPadOS" | "macOS" | "Windows" if safari => Some(("Safari", version)),
        "iOS" | "iPadOS" | "macOS" if text.contains("AppleWebKit/") => Some(("In-app browser", None)),
        "Android" if safari => Some(("Android Browser", version)),
        "Linux" if safari => Some(("GNOME Web", version)),
        _ => None,
    }
}

/// A desktop application built on Electron puts its own name between those of its parts.
fn electron(text: &str) -> Software {
    let products = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let own = products
        .filter_map(|product| product.split_once('/'))
        .find(|(name, _)| !["Chrome", "Electron", "Safari"].contains(name))
        .and_then(|(name, version)| Some((own_name(name)?, leading_number(version))));
    let (name, major) = own.unwrap_or_else(|| ("Electron app".to_owned(), None));
    Software { name, major, kind: None }
}

fn find_program(text: &str) -> Option<Software> {
    let (name, rest) = PROGRAMS.iter().find_map(|&(mark, name)| Some((name, after(text, mark)?)))?;
    Some(Software { name: name.to_owned(), major: leading_number(rest), kind: Some(DeviceKind::Program) })
}

/// An application that starts with its own name: `Example/1.2 (iPhone; iOS 17.1)`, `Example/3 CFNetwork/1410 Darwin/22`.
fn find_application(text: &str) -> Option<Software> {
    let (product, rest) = text.split_once('/')?;
    if ["Mozilla", "Opera", "Dalvik", "Roku"].contains(&product) {
        return None;
    }
    Some(Software { name: own_name(product)?, major: leading_number(rest), kind: None })
}

/// A name that somebody else chose, if it is one that may be shown.
fn own_name(text: &str) -> Option<String> {
    let name = text.replace("%20", " ");
    let name = name.trim();
    let fits = (2..=MAX_OWN_NAME).contains(&name.len());
    let named =
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.contains(|c: char| c.is_ascii_alphabetic());
    (fits && named && name.chars().all(is_own_name)).then(|| name.to_owned())
}

fn is_own_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '+')
}

/// What follows `mark`, where it stands as a word of its own.
fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let open = |c: char| !c.is_ascii_alphanumeric();
    places(text, mark).find_map(|at| {
        let rest = &text[at + mark.len()..];
        let ends = mark.ends_with(open) || rest.is_empty() || rest.starts_with(open);
        (ends && (at == 0 || text[..at].ends_with(open))).then_some(rest)
    })
}

/// Where `mark` stands. A hundred short marks are looked for in each header: what the standard library prepares for one
/// search costs more than the search.
fn places<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = usize> + 'a {
    let first = mark.as_bytes().first().copied().unwrap_or_default();
    memchr::memchr_iter(first, text.as_bytes()).filter(move |at| text.as_bytes()[*at..].starts_with(mark.as_bytes()))
}

fn holds(text: &str, mark: &str) -> bool {
    places(text, mark).next().is_some()
}

fn leading_number(text: &str) -> Option<u32> {
    let text = text.trim_start_matches([' ', '/', 'v']);
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DeviceKind::{Bot, Console, Desktop, Phone, Program, Tablet, Tv, Unknown};
    use super::*;

    /// Header, name, first number of the version (0 if none), kind.
    #[rustfmt::skip]
    const SEEN: &[(&str, &str, u32, DeviceKind)] = &[
        // Windows
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Chrome on Windows", 120, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
            "Edge on Windows", 120, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
            "Edge on Windows", 18, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
            "Firefox on Windows", 121, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36 OPR/105.0.0.0",
            "Opera on Windows", 105, Desktop),
        ("Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
            "Opera on Windows", 12, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Vivaldi/6.5.3206.39",
            "Vivaldi on Windows", 6, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 YaBrowser/23.11.0.0 Safari/537.36",
            "Yandex Browser on Windows", 23, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Whale/3.23.214.10 Safari/537.36",
            "Whale on Windows", 3, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "Internet Explorer on Windows", 11, Desktop),
        ("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
            "Internet Explorer on Windows", 9, Desktop),
        ("Mozilla/5.0 (Windows; U; Windows NT 6.1; en-US) AppleWebKit/533.19.4 (KHTML, like Gecko) Version/5.0.3 Safari/533.19.4",
            "Safari on Windows", 5, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:91.0) Gecko/20100101 Firefox/91.0 SeaMonkey/2.53.18",
            "SeaMonkey on Windows", 2, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.35.131 Chrome/118.0.5993.159 Electron/27.1.3 Safari/537.36 Sonic Slack_SSB/4.35.131",
            "Slack on Windows", 4, Desktop),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.5993.159 Electron/27.1.3 Safari/537.36",
            "Electron app on Windows", 0, Desktop),
        ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.3803",
            "PowerShell on Windows", 5, Program),
        // macOS
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
            "Safari on macOS", 17, Desktop),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Chrome on macOS", 120, Desktop),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:121.0) Gecko/20100101 Firefox/121.0",
            "Firefox on macOS", 121, Desktop),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15 Ddg/17.2",
            "DuckDuckGo on macOS", 17, Desktop),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
            "In-app browser on macOS", 0, Desktop),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Code/1.85.1 Chrome/114.0.5735.289 Electron/25.9.7 Safari/537.36",
            "Code on macOS", 1, Desktop),
        // Linux and other desktops
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Chrome on Linux", 120, Desktop),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
            "Firefox on Linux", 121, Desktop),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Safari/605.1.15",
            "GNOME Web on Linux", 16, Desktop),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Ubuntu Chromium/80.0.3987.87 Chrome/80.0.3987.87 Safari/537.36",
            "Chromium on Linux", 80, Desktop),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.6099.71 Safari/537.36",
            "Headless Chrome on Linux", 120, Program),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Chrome on ChromeOS", 120, Desktop),
        ("Mozilla/5.0 (X11; FreeBSD amd64; rv:109.0) Gecko/20100101 Firefox/115.0",
            "Firefox on FreeBSD", 115, Desktop),
        ("Mozilla/5.0 (X11; OpenBSD amd64; rv:109.0) Gecko/20100101 Firefox/115.0",
            "Firefox on OpenBSD", 115, Desktop),
        // iPhone and iPad
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
            "Safari on iOS", 17, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1",
            "Chrome on iOS", 120, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/121.0 Mobile/15E148 Safari/605.1.15",
            "Firefox on iOS", 121, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 EdgiOS/120.0.2210.116 Mobile/15E148 Safari/604.1",
            "Edge on iOS", 120, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1 OPT/4.4.0",
            "Opera on iOS", 4, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
            "DuckDuckGo on iOS", 7, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/296.0.590048842 Mobile/15E148 Safari/604.1",
            "Google on iOS", 296, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21B101 [FBAN/FBIOS;FBAV/444.0.0.28.110;FBBV/548375754;FBDV/iPhone14,5]",
            "Facebook on iOS", 0, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21B101 Instagram 312.0.0.29.105 (iPhone13,2; iOS 17_1; en_US)",
            "Instagram on iOS", 312, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari Line/13.20.0",
            "LINE on iOS", 13, Phone),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "In-app browser on iOS", 0, Phone),
        ("Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1",
            "Safari on iOS", 12, Phone),
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1",
            "Safari on iPadOS", 12, Tablet),
        ("Mozilla/5.0 (iPad; CPU OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1",
            "Chrome on iPadOS", 120, Tablet),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_4) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/121 Safari/605.1.15",
            "Firefox on iPadOS", 121, Tablet),
        // Android
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
            "Chrome on Android", 120, Phone),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Chrome on Android", 120, Tablet),
        ("Mozilla/5.0 (Android 13; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0",
            "Firefox on Android", 121, Phone),
        ("Mozilla/5.0 (Android 13; Tablet; rv:121.0) Gecko/121.0 Firefox/121.0",
            "Firefox on Android", 121, Tablet),
        ("Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.43 Mobile Safari/537.36 EdgA/119.0.2151.92",
            "Edge on Android", 119, Phone),
        ("Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
            "Samsung Internet on Android", 23, Phone),
        ("Mozilla/5.0 (Linux; Android 12; VOG-L29) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.43 Mobile Safari/537.36 OPR/76.2.4027.73374",
            "Opera on Android", 76, Phone),
        ("Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
            "Opera Mini on Android", 36, Phone),
        ("Mozilla/5.0 (Linux; U; Android 10; en-US; RMX2020) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/78.0.3904.108 UCBrowser/13.4.0.1306 Mobile Safari/537.36",
            "UC Browser on Android", 13, Phone),
        ("Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.43 Mobile DuckDuckGo/5 Safari/537.36",
            "DuckDuckGo on Android", 5, Phone),
        ("Mozilla/5.0 (Linux; U; Android 11; en-us; M2012K11AG) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 XiaoMi/MiuiBrowser/13.28.0-gn",
            "Mi Browser on Android", 13, Phone),
        ("Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/119.3.1 like Chrome/119.0.6045.193 Safari/537.36",
            "Silk on Android", 119, Tablet),
        ("Mozilla/5.0 (Linux; Android 13; Pixel 7 Build/TQ3A.230901.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.43 Mobile Safari/537.36",
            "In-app browser on Android", 0, Phone),
        ("Mozilla/5.0 (Linux; Android 12; SM-A127F Build/SP1A.210812.016; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.193 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/441.0.0.31.113;]",
            "Facebook on Android", 441, Phone),
        ("Mozilla/5.0 (Linux; Android 11; M2003J15SC Build/RP1A.200720.011; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/107.0.5304.141 Mobile Safari/537.36 XWEB/5169 MMWEBSDK/20221206 MicroMessenger/8.0.32.2300(0x2800205D) WeChat/arm64",
            "WeChat on Android", 8, Phone),
        ("Mozilla/5.0 (Linux; Android 12; CPH2269; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.193 Mobile Safari/537.36 trill_2023109040 JsSdk/1.0 NetType/WIFI BytedanceWebview/d8a21c6",
            "TikTok on Android", 0, Phone),
        ("Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; GT-I9100 Build/IML74K) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30",
            "Android Browser on Android", 4, Phone),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Mobile Safari/537.36",
            "Chrome on Android", 116, Phone),
        ("Mozilla/5.0 (Linux; Android 10; HarmonyOS; ELS-AN00; HMSCore 6.11.0.302) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/14.0.2.311 Mobile Safari/537.36",
            "Huawei Browser on HarmonyOS", 14, Phone),
        ("Mozilla/5.0 (Linux; Android 10; Quest 2) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/18.1.0.2.46.337441587 SamsungBrowser/4.0 Chrome/95.0.4638.74 Mobile VR Safari/537.36",
            "Meta Quest Browser on Android", 18, Phone),
        ("Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230901.001)",
            "Android", 0, Phone),
        // Other telephones
        ("Mozilla/5.0 (Mobile; Nokia 8110 4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
            "Firefox on KaiOS", 48, Phone),
        ("Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15254",
            "Edge on Windows Phone", 15, Phone),
        ("Mozilla/5.0 (Linux; Tizen 2.3; SAMSUNG SM-Z130H) AppleWebKit/537.3 (KHTML, like Gecko) SamsungBrowser/1.0 Mobile Safari/537.3",
            "Samsung Internet on Tizen", 1, Phone),
        // Televisions and consoles
        ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/6.0 TV Safari/537.36",
            "Tizen", 0, Tv),
        ("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0.4280.88 Safari/537.36 WebAppManager",
            "Chrome on webOS", 87, Tv),
        ("Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2 Build/PTT1.190515.001.S104) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.152 Safari/537.36",
            "Chrome on Android", 88, Tv),
        ("Mozilla/5.0 (Linux; Android 7.1.2; AFTMM) AppleWebKit/537.36 (KHTML, like Gecko) Silk/112.2.2 like Chrome/112.0.5615.213 Safari/537.36",
            "Silk on Android", 112, Tv),
        ("Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.4758.88 Safari/537.36 CrKey/1.56.500000",
            "Chrome on Chromecast", 98, Tv),
        ("AppleTV6,2/11.1", "tvOS", 0, Tv),
        ("Roku/DVP-9.10 (519.10E04111A)", "Roku", 0, Tv),
        ("Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
            "PlayStation", 0, Console),
        ("Mozilla/5.0 (PLAYSTATION 3 4.90) AppleWebKit/531.22.8 (KHTML, like Gecko)",
            "PlayStation", 0, Console),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
            "Edge on Xbox", 120, Console),
        ("Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.2.21.3 NintendoBrowser/5.1.0.22474",
            "Nintendo", 0, Console),
        // Programs
        ("curl/8.4.0", "curl", 8, Program),
        ("Wget/1.21.4", "Wget", 1, Program),
        ("Wget/1.20.3 (linux-gnu)", "Wget on Linux", 1, Program),
        ("python-requests/2.31.0", "Python", 2, Program),
        ("Python/3.11 aiohttp/3.9.1", "Python", 3, Program),
        ("Python-urllib/3.12", "Python", 3, Program),
        ("okhttp/4.12.0", "OkHttp", 4, Program),
        ("Dart/3.2 (dart:io)", "Dart", 3, Program),
        ("Go-http-client/2.0", "Go", 2, Program),
        ("PostmanRuntime/7.36.0", "Postman", 7, Program),
        ("Java/17.0.9", "Java", 17, Program),
        ("Java-http-client/21.0.1", "Java", 21, Program),
        ("Apache-HttpClient/4.5.14 (Java/17.0.9)", "Java", 4, Program),
        ("node", "Node.js", 0, Program),
        ("undici", "Node.js", 0, Program),
        ("axios/1.6.2", "Node.js", 1, Program),
        ("HTTPie/3.2.2", "HTTPie", 3, Program),
        ("GuzzleHttp/7", "PHP", 7, Program),
        ("Faraday v2.7.12", "Ruby", 2, Program),
        ("reqwest/0.11.22", "Rust", 0, Program),
        // Applications that name themselves
        ("MyApp/1.0 CFNetwork/1410.0.3 Darwin/22.6.0", "MyApp on iOS or macOS", 1, Unknown),
        ("My%20Notes/37 CFNetwork/1485 Darwin/23.1.0", "My Notes on iOS or macOS", 37, Unknown),
        ("MyApp/2.3.1 (com.example.MyApp; build:7; iOS 17.1.0) Alamofire/5.8.1", "MyApp on iOS", 2, Phone),
        ("MyApp/2.3.1 (iPad; iOS 17.1; Scale/2.00)", "MyApp on iPadOS", 2, Tablet),
        ("MyApp/5.0 (Android 14; Pixel 8)", "MyApp on Android", 5, Phone),
        ("rescind/0.1.0 (linux; x86_64)", "rescind on Linux", 0, Desktop),
        ("MyApp/5.0 (Linux; Android 14; Pixel 8) Chrome/120.0.0.0 Mobile", "MyApp on Android", 5, Phone),
        ("acme-backend/12", "acme-backend", 12, Program),
        // Robots
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", 0, Bot),
        ("Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.6045.199 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Googlebot", 0, Bot),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot", 0, Bot),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "Baiduspider", 0, Bot),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "Facebook preview", 0, Bot),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Slackbot", 0, Bot),
        ("-bot/1.0", "Robot", 0, Bot),
        // Nothing to be learnt
        ("", "Unknown device", 0, Unknown),
        ("   ", "Unknown device", 0, Unknown),
        ("-", "Unknown device", 0, Unknown),
        ("Mozilla/5.0", "Unknown device", 0, Unknown),
        ("something else entirely", "Unknown device", 0, Unknown),
        ("<script>alert(1)</script>/1.0", "Unknown device", 0, Unknown),
        ("Ваш банк/1.0", "Unknown device", 0, Unknown),
    ];

    #[test]
    fn e2_devices_are_named_as_people_call_them() {
        assert!(SEEN.len() >= 60);
        for &(header, name, major, kind) in SEEN {
            let device = Device::from_user_agent(header);
            assert_eq!(device.name, name, "{header}");
            assert_eq!(device.browser_major.unwrap_or(0), major, "{header}");
            assert_eq!(device.kind, kind, "{header}");
        }
    }

    #[test]
    fn a_device_shows_its_parts() {
        let device = Device::from_user_agent("Mozilla/5.0 (Android 13; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0");
        let json =
            r#"{"name":"Firefox on Android","browser":"Firefox","browser_major":121,"os":"Android","kind":"phone"}"#;
        assert_eq!(serde_json::to_string(&device).unwrap(), json);
        let json = r#"{"name":"Unknown device","browser":null,"browser_major":null,"os":null,"kind":"unknown"}"#;
        assert_eq!(serde_json::to_string(&Device::from_user_agent("")).unwrap(), json);
    }

    #[test]
    fn g6_only_the_first_512_bytes_count_and_control_characters_do_not() {
        let late = format!("{} curl/8.4.0", "x".repeat(MAX_USER_AGENT_BYTES));
        assert_eq!(Device::from_user_agent(&late).name, "Unknown device");
        let cut = format!("curl/8.4.0 {}", "é".repeat(1_000_000));
        assert_eq!(Device::from_user_agent(&cut).name, "curl");
        assert_eq!(Device::from_user_agent("cu\0rl/\r\n8.4.0\u{9b}").browser_major, Some(8));
        assert_eq!(Device::from_user_agent(&format!("{}/1.0", "a".repeat(41))).name, "Unknown device");
        assert_eq!(Device::from_user_agent("curl/99999999999999999999").browser_major, None);
    }

    #[test]
    fn a_mark_counts_only_as_a_word_of_its_own() {
        for (header, name) in [
            ("Mozilla/5.0 (Windows NT 10.0) NotFirefox/1 Safari/1", "Windows"),
            ("Mozilla/5.0 (Windows NT 10.0) Airline/1 Firefox/2", "Firefox on Windows"),
            ("anode", "Unknown device"),
            ("nodename", "Unknown device"),
        ] {
            assert_eq!(Device::from_user_agent(header).name, name, "{header}");
        }
    }

    /// Headers put together from the pieces that the tables look for.
    fn headers() -> impl Strategy<Value = String> {
        let marks: Vec<&str> = BROWSERS
            .iter()
            .chain(PROGRAMS)
            .chain(BOTS)
            .map(|&(mark, _)| mark)
            .chain(SYSTEMS.iter().map(|&(mark, ..)| mark))
            .chain([
                "Mozilla/5.0 ",
                "Opera/",
                "(",
                ")",
                "; wv)",
                "Electron/",
                "HeadlessChrome/",
                "/",
                "%20",
                " ",
                "1.2",
            ])
            .collect();
        let piece = prop_oneof![4 => prop::sample::select(marks).prop_map(str::to_owned), 1 => any::<String>()];
        prop_oneof![any::<String>(), prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn g6_any_header_gives_some_device_with_a_short_plain_name(header in headers()) {
            let device = Device::from_user_agent(&header);
            prop_assert!((1..=60).contains(&device.name.len()), "{:?}", device.name);
            prop_assert!(device.name.chars().all(|c| is_own_name(c) || c == '!'), "{:?}", device.name);
            prop_assert!(device.browser.is_none_or(|browser| device.name.starts_with(&browser)));
            prop_assert!(device.os.is_none_or(|os| device.name.ends_with(&os)));
        }
    }
}
