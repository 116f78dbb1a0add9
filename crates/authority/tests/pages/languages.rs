//! Words in several languages.

use super::browser::Browser;
use super::harness::Harness;

#[tokio::test]
async fn a_page_speaks_the_language_that_the_browser_likes_until_another_is_chosen() {
    let harness = Harness::start().await;
    for (liked, tag, direction, title) in [
        ("de-AT, en;q=0.5", "de", "ltr", "Anmelden"),
        ("ar", "ar", "rtl", "تسجيل الدخول"),
        ("fr", "en", "ltr", "Sign in"),
    ] {
        let browser = Browser { language: liked.to_owned(), ..Browser::new(&harness) };
        let page = browser.get("/sign-in").await;
        assert_eq!(page.header("content-language"), tag);
        assert!(page.text().contains(&format!("<html lang=\"{tag}\" dir=\"{direction}\">")));
        assert!(page.text().contains(&format!("<h1>{title}</h1>")), "{}", page.text());
        let answer = browser.get("/language?to=ar&return_to=/sign-in").await;
        assert_eq!(answer.leads_to(), "/sign-in");
        assert_eq!(browser.get("/sign-in").await.header("content-language"), "ar");
        assert_eq!(browser.get("/language?to=xx&return_to=//evil.example").await.leads_to(), "/account");
        assert_eq!(browser.get("/nowhere").await.header("content-language"), "ar");
    }
}

#[tokio::test]
async fn what_was_typed_stands_apart_in_a_text_of_another_direction() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser { language: "ar".to_owned(), ..Browser::new(&harness) };
    browser.sign_in("ann").await;
    let page = browser.get("/account").await.text();
    assert!(page.contains("مسجَّل الدخول باسم <bdi>ann</bdi>"), "{page}");
    assert!(page.contains("Firefox على Windows"), "{page}");
}
