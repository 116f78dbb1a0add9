//! What gives browsers, systems, programs and robots away in a `User-Agent` header. In the tables of browsers, programs
//! and robots, a mark counts as a word of its own only; one that ends with `/` is followed by a version.

use super::DeviceKind;

/// Systems by what gives them away. The first that fits counts, so whoever poses as another stands before it.
#[rustfmt::skip]
pub(super) const SYSTEMS: &[(&str, &str, DeviceKind)] = &[
    ("Xbox",           "Xbox",          DeviceKind::Console),
    ("PlayStation",    "PlayStation",   DeviceKind::Console),
    ("PLAYSTATION",    "PlayStation",   DeviceKind::Console),
    ("Nintendo",       "Nintendo",      DeviceKind::Console),
    ("AppleTV",        "tvOS",          DeviceKind::Tv),
    ("Apple TV",       "tvOS",          DeviceKind::Tv),
    ("Roku",           "Roku",          DeviceKind::Tv),
    ("CrKey",          "Chromecast",    DeviceKind::Tv),
    ("Web0S",          "webOS",         DeviceKind::Tv),
    ("webOS",          "webOS",         DeviceKind::Tv),
    ("Tizen",          "Tizen",         DeviceKind::Phone),
    ("Windows Phone",  "Windows Phone", DeviceKind::Phone),
    ("KAIOS",          "KaiOS",         DeviceKind::Phone),
    ("CrOS",           "ChromeOS",      DeviceKind::Desktop),
    ("iPad",           "iPadOS",        DeviceKind::Tablet),
    ("iPhone",         "iOS",           DeviceKind::Phone),
    ("iPod",           "iOS",           DeviceKind::Phone),
    ("HarmonyOS",      "HarmonyOS",     DeviceKind::Phone),
    ("OpenHarmony",    "HarmonyOS",     DeviceKind::Phone),
    ("Android",        "Android",       DeviceKind::Phone),
    ("Windows",        "Windows",       DeviceKind::Desktop),
    ("Macintosh",      "macOS",         DeviceKind::Desktop),
    ("Mac OS",         "macOS",         DeviceKind::Desktop),
    ("macOS",          "macOS",         DeviceKind::Desktop),
    ("CFNetwork",      "iOS or macOS",  DeviceKind::Unknown),
    ("Darwin",         "macOS",         DeviceKind::Desktop),
    ("FreeBSD",        "FreeBSD",       DeviceKind::Desktop),
    ("OpenBSD",        "OpenBSD",       DeviceKind::Desktop),
    ("NetBSD",         "NetBSD",        DeviceKind::Desktop),
    ("Linux",          "Linux",         DeviceKind::Desktop),
    ("linux",          "Linux",         DeviceKind::Desktop),
    ("X11",            "Linux",         DeviceKind::Desktop),
    ("iOS",            "iOS",           DeviceKind::Phone),
];

/// What televisions and their boxes with Android or Tizen say somewhere.
pub(super) const TELEVISION: &[&str] =
    &["TV", "Tv;", "SmartTV", "BRAVIA", "AFT", "Chromecast", "MIBOX", "MiBOX", "SHIELD Android"];

/// What browsers write on an iPad that shows pages as a Mac does; there they cannot be anything else.
pub(super) const NOT_ON_A_MAC: &[&str] = &["CriOS/", "FxiOS/", "EdgiOS/", "Mobile/"];

/// Browsers by the product that only they name. Nearly all of them also name Chrome, Safari and Mozilla, so the rarest
/// stand first: applications that show pages, then browsers built on others, then the others.
#[rustfmt::skip]
pub(super) const BROWSERS: &[(&str, &str)] = &[
    ("FBAN/Messenger",     "Messenger"),
    ("FBAN/",              "Facebook"),
    ("FBAV/",              "Facebook"),
    ("FB_IAB/",            "Facebook"),
    ("Instagram",          "Instagram"),
    ("Barcelona",          "Threads"),
    ("Line/",              "LINE"),
    ("MicroMessenger/",    "WeChat"),
    ("KAKAOTALK",          "KakaoTalk"),
    ("BytedanceWebview/",  "TikTok"),
    ("musical_ly",         "TikTok"),
    ("Snapchat/",          "Snapchat"),
    ("Pinterest/",         "Pinterest"),
    ("LinkedInApp",        "LinkedIn"),
    ("Twitter for",        "X"),
    ("WhatsApp/",          "WhatsApp"),
    ("GSA/",               "Google"),
    ("EdgA/",              "Edge"),
    ("EdgiOS/",            "Edge"),
    ("Edg/",               "Edge"),
    ("Edge/",              "Edge"),
    ("OPR/",               "Opera"),
    ("OPT/",               "Opera"),
    ("OPX/",               "Opera"),
    ("OPiOS/",             "Opera"),
    ("Opera Mini/",        "Opera Mini"),
    ("Opera/",             "Opera"),
    ("OculusBrowser/",     "Meta Quest Browser"),
    ("SamsungBrowser/",    "Samsung Internet"),
    ("Vivaldi/",           "Vivaldi"),
    ("YaBrowser/",         "Yandex Browser"),
    ("UCBrowser/",         "UC Browser"),
    ("DuckDuckGo/",        "DuckDuckGo"),
    ("Ddg/",               "DuckDuckGo"),
    ("Brave/",             "Brave"),
    ("MiuiBrowser/",       "Mi Browser"),
    ("HuaweiBrowser/",     "Huawei Browser"),
    ("HeyTapBrowser/",     "HeyTap Browser"),
    ("VivoBrowser/",       "Vivo Browser"),
    ("MQQBrowser/",        "QQ Browser"),
    ("QQBrowser/",         "QQ Browser"),
    ("Whale/",             "Whale"),
    ("Silk/",              "Silk"),
    ("Puffin/",            "Puffin"),
    ("Focus/",             "Firefox Focus"),
    ("Klar/",              "Firefox Klar"),
    ("SeaMonkey/",         "SeaMonkey"),
    ("PaleMoon/",          "Pale Moon"),
    ("Waterfox/",          "Waterfox"),
    ("Epiphany/",          "GNOME Web"),
    ("Konqueror/",         "Konqueror"),
    ("Falkon/",            "Falkon"),
    ("CriOS/",             "Chrome"),
    ("FxiOS/",             "Firefox"),
    ("Firefox/",           "Firefox"),
    ("Chromium/",          "Chromium"),
    ("Chrome/",            "Chrome"),
    ("MSIE ",              "Internet Explorer"),
];

/// Programs and HTTP libraries by what they call themselves.
#[rustfmt::skip]
pub(super) const PROGRAMS: &[(&str, &str)] = &[
    ("curl/",              "curl"),
    ("Wget/",              "Wget"),
    ("Wget2/",             "Wget"),
    ("HTTPie/",            "HTTPie"),
    ("PostmanRuntime/",    "Postman"),
    ("insomnia/",          "Insomnia"),
    ("python-requests/",   "Python"),
    ("python-httpx/",      "Python"),
    ("Python-urllib/",     "Python"),
    ("Python/",            "Python"),
    ("okhttp/",            "OkHttp"),
    ("Dart/",              "Dart"),
    ("Go-http-client/",    "Go"),
    ("Apache-HttpClient/", "Java"),
    ("Java/",              "Java"),
    ("Java-http-client/",  "Java"),
    ("axios/",             "Node.js"),
    ("node-fetch/",        "Node.js"),
    ("undici",             "Node.js"),
    ("node",               "Node.js"),
    ("Deno/",              "Deno"),
    ("Bun/",               "Bun"),
    ("GuzzleHttp/",        "PHP"),
    ("PHP/",               "PHP"),
    ("Ruby",               "Ruby"),
    ("Faraday",            "Ruby"),
    ("libwww-perl/",       "Perl"),
    ("reqwest/",           "Rust"),
    ("hyper/",             "Rust"),
    ("PowerShell/",        "PowerShell"),
    ("WindowsPowerShell/", "PowerShell"),
];

/// Robots that are not called `…bot`, `…crawler` or `…spider`.
#[rustfmt::skip]
pub(super) const BOTS: &[(&str, &str)] = &[
    ("facebookexternalhit",   "Facebook preview"),
    ("Slackbot",              "Slackbot"),
    ("BingPreview",           "Bing preview"),
    ("Google-InspectionTool", "Google"),
    ("Mediapartners-Google",  "Google"),
    ("Chrome-Lighthouse",     "Lighthouse"),
    ("Yahoo! Slurp",          "Yahoo! Slurp"),
    ("ia_archiver",           "Internet Archive"),
    ("Pingdom",               "Pingdom"),
];
