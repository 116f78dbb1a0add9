//! What the pages show: lists with pages, what people wrote as text, and the log with what it says of each entry.

use serde_json::json;

use super::browser::Browser;
use super::harness::{Harness, PASSWORD, text};

/// Follows "show more" to the end, and answers the pages.
async fn all(browser: &mut Browser<'_>, first: &str) -> Vec<String> {
    let (mut pages, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(target) = next {
        let page = browser.page(&target).await;
        let link = page.split("rel=\"next\"").next().filter(|before| before.len() < page.len());
        next = link.map(|before| {
            let address = before.rsplit_once("href=\"").unwrap().1.split('"').next().unwrap();
            address.replace("&#38;", "&")
        });
        pages.push(page);
        assert!(pages.len() < 20, "it goes on for ever");
    }
    pages
}

#[tokio::test]
async fn an_account_is_found_by_the_beginning_of_its_name_by_its_id_and_by_that_of_another_system() {
    let harness = Harness::start().await;
    let ann = text(&harness.newcomer("ann.marie").await.me().await.json()["user"]["id"]);
    harness.newcomer("bob").await;
    let mut root = Browser::administrator(&harness).await;
    let page = root.page("/admin/users?q=ANN").await;
    assert!(page.contains("<bdi>ann.marie</bdi>") && !page.contains("<bdi>bob</bdi>"), "{page}");
    assert!(page.contains("value=\"ANN\""));
    // Looking for what is in the middle of a name would take a look at every name there is.
    let page = root.page("/admin/users?q=marie").await;
    assert!(page.contains("No account has this name or id.") && !page.contains("ann.marie"), "{page}");
    let page = root.page("/admin/users?q=nobody-at-all").await;
    assert!(page.contains("No account has this name or id."));
    let answer = root.get(&format!("/admin/users?q={ann}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &*format!("/admin/users/{ann}")));
    let page = root.page("/admin/users?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!page.contains("<script>"), "{page}");
}

#[tokio::test]
async fn the_account_that_another_system_knows_by_an_id_comes_first() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    for n in 0..60 {
        insert(&harness, &format!("user{n:03}")).await;
    }
    for (login, external) in [("user055", "crm:4711"), ("user056", "user0")] {
        let store = &harness.authority.world.store;
        let set = move |tx: &mut dyn rescind_domain::store::Tx| {
            let user = tx.user_by_login(login)?.expect("there").id;
            Ok(tx.set_user_data(&user, Some(external), None)?)
        };
        store.transact("set", set).await.expect("set");
    }
    let found = |page: &str| -> Vec<String> {
        let items = page.split("<li class=\"card item\">").skip(1);
        items.map(|item| item.split_once("<bdi>").unwrap().1.split('<').next().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&root.page("/admin/users?q=crm:4711").await), ["user055"]);
    assert!(found(&root.page("/admin/users?q=crm:47").await).is_empty(), "the whole id, or nothing");
    assert!(found(&root.page("/admin/users?q=CRM:4711").await).is_empty(), "another system's ids are as they are");
    let pages = all(&mut root, "/admin/users?q=user0").await;
    let listed: Vec<Vec<String>> = pages.iter().map(|page| found(page)).collect();
    assert_eq!(listed[0][..2], ["user056", "user000"]);
    let expected: Vec<String> = (0..60).map(|n| format!("user{n:03}")).collect();
    assert_eq!(listed.concat()[1..], expected, "and none of the others is missing");
}

#[tokio::test]
async fn accounts_are_paged_and_none_is_missing() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    for n in 0..120 {
        insert(&harness, &format!("user{n:03}")).await;
    }
    let pages = all(&mut root, "/admin/users?q=user").await;
    assert_eq!(pages.len(), 3);
    let joined = pages.concat();
    for n in 0..120 {
        let login = format!("<bdi>user{n:03}</bdi>");
        assert_eq!(joined.matches(&login).count(), 1, "{login}");
    }
}

/// An account that cannot sign in: making one with a password takes longer.
async fn insert(harness: &Harness, login: &str) {
    use rescind_domain::user::{Role, User, UserState};
    let mut bytes = [9; 16];
    for (at, byte) in login.bytes().take(16).enumerate() {
        bytes[at] = byte;
    }
    let user = User {
        id: rescind_wire::UserId::from_bytes(bytes),
        login: login.to_owned(),
        login_key: login.to_owned(),
        password: None,
        role: Role::User,
        state: UserState::Active,
        external_id: None,
        metadata: None,
        created_at: harness.authority.world.now(),
        cut: rescind_wire::UserCut::born(0),
    };
    harness.authority.world.store.transact("insert", move |tx| Ok(tx.insert_user(&user)?)).await.expect("inserted");
}

#[tokio::test]
async fn e1_devices_and_history_are_paged_and_whole() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut devices = vec![ann.session.clone()];
    for n in 0..55 {
        let body = json!({"login": "ann", "password": PASSWORD, "device_name": format!("device {n}")});
        devices.push(harness.sign_in_with(body).await.session);
    }
    let mut root = Browser::administrator(&harness).await;
    let place = format!("/admin/users/{user}");
    let devices_of = |page: &str| page.split_once("id=\"history\"").unwrap().0.to_owned();
    let first = root.page(&place).await;
    let next = devices_of(&first).split_once("?after=").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
    let second = root.page(&format!("{place}?after={}", next.expect("more"))).await;
    let both = devices_of(&first) + &devices_of(&second);
    for device in &devices {
        assert_eq!(both.matches(&format!("<li class=\"card item\" id=\"{device}\"")).count(), 1, "{device}");
    }
    let (_, history) = first.split_once("id=\"history\"").unwrap();
    assert_eq!(history.matches("<li class=\"event\">").count(), 50);
    let before = history.split_once("?before=").expect("more").1.split('#').next().unwrap();
    let (_, rest) = root
        .page(&format!("{place}?before={before}"))
        .await
        .split_once("id=\"history\"")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert_eq!(rest.matches("<li class=\"event\">").count(), 7, "56 sign-ins and the account's making");
    assert!(rest.contains("Account made") && !history.contains("Account made"), "newest first");
    let page = all(&mut root, "/admin/clients/default").await;
    assert_eq!(page.len(), 2);
    for device in &devices {
        assert!(page.concat().contains(device));
    }
}

#[tokio::test]
async fn e2_what_devices_say_of_themselves_is_text() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let mut evil = Browser::new(&harness);
    evil.user_agent = "<img src=x onerror=alert(1)>\"'&".to_owned();
    evil.sign_in("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD, "device_name": "<b>mine</b>"});
    let user = text(&harness.sign_in_with(body).await.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    for place in
        [format!("/admin/users/{user}"), "/admin/clients/default".to_owned(), "/admin/clients/rescind-pages".to_owned()]
    {
        let page = root.page(&place).await;
        assert!(!page.contains("<img") && !page.contains("<b>"), "{page}");
    }
    let page = root.page(&format!("/admin/users/{user}")).await;
    assert!(page.contains("<bdi>&#60;b&#62;mine&#60;/b&#62;</bdi>"), "{page}");
    assert!(page.contains("<bdi>&#60;img src=x onerror=alert(1)&#62;"), "{page}");
}

#[tokio::test]
async fn the_log_is_shown_newest_first_with_scope_reason_actor_and_time_and_is_paged() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    let admin = harness.sign_in("root").await;
    let user = text(&harness.newcomer("ann").await.me().await.json()["user"]["id"]);
    for n in 0..60 {
        let body = json!({"scope": {"type": "user", "user": user}, "reason": format!("reason <{n}>")});
        admin.post("/v1/admin/revocations").json(&body).expect(201).await;
    }
    let pages = all(&mut root, "/admin/revocations").await;
    assert_eq!(pages.len(), 2);
    let joined = pages.concat();
    let places: Vec<usize> =
        (0..60).rev().map(|n| joined.find(&format!("reason &#60;{n}&#62;")).expect("there")).collect();
    assert!(places.is_sorted(), "newest first");
    let row = joined.split("<tr id=").nth(1).unwrap();
    assert!(
        row.contains("All devices of") && row.contains("<bdi>ann</bdi>") && row.contains("<bdi>root</bdi>"),
        "{row}"
    );
    assert!(row.contains("<time datetime=\"20"), "{row}");
    assert!(
        pages[0].contains("data-live=\"revocations\"") && !pages[1].contains("data-live"),
        "only the newest page is live"
    );
    let overview = root.page("/admin").await;
    assert!(overview.contains("reason &#60;59&#62;") && !overview.contains("reason &#60;50&#62;"));
}

#[tokio::test]
async fn applications_are_listed_with_what_they_are() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    let admin = harness.sign_in("root").await;
    let new = json!({"client_id": "shop", "name": "<i>Shop</i>", "kind": "mobile", "scopes": ["read"]});
    admin.post("/v1/admin/clients").json(&new).expect(201).await;
    let page = root.page("/admin/clients").await;
    assert!(page.contains("/admin/clients/shop\"><bdi>&#60;i&#62;Shop&#60;/i&#62;</bdi>"), "{page}");
    let page = root.page("/admin/clients/shop").await;
    assert!(page.contains("Installed on a phone or tablet") && page.contains("<bdi>read</bdi>"), "{page}");
    assert!(page.contains("Nothing is signed in."));
}
