//! The operator's own name, logo, colour and style.

use super::browser::Browser;
use super::harness::Harness;

#[tokio::test]
async fn an_operator_gives_the_pages_a_name_a_logo_a_colour_and_a_style_sheet() {
    let folder = tempfile::tempdir().expect("a folder");
    let (logo, css) = (folder.path().join("logo"), folder.path().join("own.css"));
    let picture = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    std::fs::write(&logo, picture).expect("written");
    std::fs::write(&css, "h1 { letter-spacing: 1px }").expect("written");
    let harness = Harness::with(|config| {
        "Käse & <Co>".clone_into(&mut config.pages.name);
        "#ffcc00".clone_into(&mut config.pages.accent);
        (config.pages.logo, config.pages.css) = (Some(logo), Some(css));
    })
    .await;
    let page = Browser::new(&harness).get("/sign-in").await.text();
    assert!(page.contains("<bdi>Käse &#38; &#60;Co&#62;</bdi>"), "{page}");
    let path = |begin: &str| {
        let (_, rest) = page.split_once(begin).expect("it is on the page");
        format!("{begin}{}", rest.split('"').next().expect("a name"))
    };
    let style = harness.get(&path("/assets/brand-")).expect(200).await.text();
    assert!(
        style.contains("--accent: #ffcc00; --on-accent: #000000;") && style.ends_with("h1 { letter-spacing: 1px }")
    );
    assert!(page.find("/assets/page-") < page.find("/assets/brand-"), "it comes after our own");
    let logo = harness.get(&path("/assets/logo-")).expect(200).await;
    assert_eq!((logo.header("content-type"), logo.text().as_str()), ("image/svg+xml", picture));
    let policy = logo.header("content-security-policy");
    assert!(
        policy.starts_with("sandbox; default-src 'none'") && !policy.contains("script"),
        "a logo runs nothing: {policy}"
    );
}

#[tokio::test]
async fn a_logo_that_cannot_be_shown_ends_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = rescind::data_dir::DataDir::open_or_make(&folder.path().join("data")).expect("a data folder");
    let mut config = rescind::config::Config::default();
    config.pages.logo = Some(folder.path().join("missing.svg"));
    let issuer = "http://127.0.0.1:1".to_owned();
    let role = rescind::store::sqlite::Role::Server;
    let opened = rescind::authority::Authority::open(std::sync::Arc::new(config), &data, role, issuer).await;
    let said = opened.err().expect("it does not start").to_string();
    assert!(said.starts_with("pages.logo: ") && said.contains("missing.svg"), "{said}");
}
