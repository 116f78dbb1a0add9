//! Request bodies: read strictly, or refused with a reason.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

use super::harness::{Harness, PASSWORD};

#[tokio::test]
async fn what_is_not_exactly_the_expected_json_is_refused_and_says_why() {
    let harness = Harness::start().await;
    let cases = [
        ("", "missing"),
        ("{", "breaks off"),
        ("[]", "must be an object"),
        (r#"["ann","four fine words"]"#, "must be an object"),
        ("null", "must be an object"),
        ("\"x\"", "must be an object"),
        (r#"{"login":"ann"}"#, "`password` is missing"),
        (
            r#"{"login":"ann","password":"four fine words","remmber":true}"#,
            "`remmber` is not known here; known: `login`, `password`, ",
        ),
        (r#"{"login":"ann","login":"bob","password":"four fine words"}"#, "comes twice"),
        (r#"{"login":"ann","\u006cogin":"bob","password":"four fine words"}"#, "comes twice"),
        (r#"{"login":"ann","password":["four fine words"]}"#, "`password` must be a string"),
        (r#"{"login":"ann","password":"four fine words"} x"#, "is not JSON: see line 1, column "),
        (r#"{"login":"ann","password":"four fine words","device_name":"\ud800"}"#, "is not JSON"),
    ];
    for (body, word) in cases {
        let answer = harness.post("/v1/sessions").text("application/json", body).expect(400).await;
        let answer = answer.problem("invalid-request");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{body}: {detail}");
        assert!(!answer.text().contains("four fine words"), "{detail}");
    }
}

/// What a detail must not have from any parser.
const OF_PARSERS: [&str; 9] =
    ["expected ", "invalid type", "u32", "u64", "deserialize", "field", "variant", "struct", "sequence"];

#[tokio::test]
async fn whatever_is_wrong_is_named_with_what_it_must_be_in_the_words_of_the_api() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let user = format!("/v1/admin/users/usr_{}", "0".repeat(26));
    let client = |members: Value| {
        let mut client = json!({"client_id": "x", "kind": "native"});
        client.as_object_mut().expect("one").extend(members.as_object().expect("one").clone());
        client
    };
    let sign_in = |members: Value| {
        let mut given = json!({"login": "ann", "password": PASSWORD});
        given.as_object_mut().expect("one").extend(members.as_object().expect("one").clone());
        given
    };
    let (sessions, clients) = ("/v1/sessions", "/v1/admin/clients");
    let lock = format!("{user}/lock");
    for (target, body, field, detail) in [
        (sessions, sign_in(json!({"remember": "yes"})), "remember", "must be `true` or `false`"),
        (sessions, sign_in(json!({"audience": 5})), "audience", "must be a string or a list of strings"),
        (sessions, sign_in(json!({"client_id": "a b"})), "client_id", "1 to 64 characters"),
        (
            clients,
            client(json!({"kind": "toaster"})),
            "kind",
            "must be one of `browser`, `native`, `mobile`, `service`",
        ),
        (clients, client(json!({"kind": 5})), "kind", "must be a string"),
        (clients, client(json!({"scopes": "read"})), "scopes", "must be a list"),
        (clients, client(json!({"scopes": [5]})), "scopes[0]", "must be a string"),
        (clients, client(json!({"audiences": [{}]})), "audiences[0].name", "is missing"),
        (clients, client(json!({"policy": {"at_limit": "x"}})), "policy.at_limit", "`end-oldest` or `refuse`"),
        (clients, client(json!({"policy": {"session_limit": -1}})), "policy.session_limit", "must be a whole number"),
        (clients, client(json!({"policy": {"idle": 1}})), "policy.idle", "is not known here; known: `session_limit`"),
        (lock.as_str(), json!({"seconds": "long"}), "seconds", "must be a whole number, 0 or more"),
        ("/v1/admin/revocations", json!({"reason": "x"}), "scope", "is missing"),
        ("/v1/admin/revocations", json!({"reason": "x", "scope": {"type": "user"}}), "scope.user", "is missing"),
    ] {
        let problem = root.post(target).json(&body).expect(400).await.problem("invalid-request").json();
        let said = problem["detail"].as_str().expect("a text");
        assert!(problem["field"] == field && said.contains(detail), "{body}: {problem}");
        assert!(said.starts_with(&format!("`{field}` ")) && !said.contains("must be not"), "{said}");
        let own = ["characters", "is not known"].iter().any(|own| said.contains(own));
        assert!(own || OF_PARSERS.iter().all(|word| !said.contains(word)), "{said}");
    }
    for (query, field, detail) in [
        ("users?limit=x", "limit", "`limit` must be 1 to 100."),
        ("users?limit=101", "limit", "`limit` must be 1 to 100."),
        ("users?limit=1&limit=2", "limit", "`limit` comes twice."),
        ("users?after=x", "after", "`after` must be the `next` of another page of this list."),
        ("events?order=best", "order", "`order` must be `oldest` or `newest`."),
        ("revocations/preview", "scope", "`scope` is missing."),
    ] {
        let problem = root.get(&format!("/v1/admin/{query}")).expect(400).await.problem("invalid-request").json();
        assert_eq!((&problem["field"], &problem["detail"]), (&json!(field), &json!(detail)));
    }
}

#[tokio::test]
async fn an_optional_member_that_is_null_counts_as_left_out() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    harness.sign_up("ann").await;
    let nothing = json!({
        "login": "ann", "password": PASSWORD, "remember": null, "device_name": null, "client_id": null, "audience": null,
    });
    let tokens = harness.post("/v1/sessions").json(&nothing).expect(201).await.json();
    assert_eq!(tokens["session"]["remembered"], false);
    let nothing = json!({
        "client_id": "app", "kind": "native", "name": null, "audiences": null, "scopes": null, "confidential": null,
        "origins": null, "policy": null,
    });
    let added = root.post("/v1/admin/clients").json(&nothing).expect(201).await.json();
    assert_eq!((&added["client"]["name"], &added["client"]["scopes"]), (&json!("app"), &json!([])));
    let policy = json!({"bind_address": null, "remember": null, "session_limit": null});
    let web = json!({"client_id": "web", "kind": "browser", "policy": policy});
    root.post("/v1/admin/clients").json(&web).expect(201).await;
    harness.post("/v1/sessions").json(&json!({"login": null, "password": PASSWORD})).expect(400).await;
}

#[tokio::test]
async fn a_body_may_nest_only_so_deep() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let target = format!("/v1/sessions/{}", ann.session);
    let nested = |depth: usize| {
        let deep = (0..depth).fold(json!(1), |inside, _| json!([inside]));
        json!({"metadata": {"x": deep}})
    };
    ann.patch(&target).json(&nested(15)).expect(200).await;
    for depth in [16, 17, 20, 100] {
        ann.patch(&target).json(&nested(depth)).expect(400).await.problem("invalid-request");
    }
    let bomb = format!("{{\"metadata\":{}1{}}}", "[".repeat(30_000), "]".repeat(30_000));
    ann.patch(&target).text("application/json", &bomb).expect(400).await.problem("invalid-request");
}

#[tokio::test]
async fn a_value_in_the_wrong_place_is_not_repeated() {
    let harness = Harness::start().await;
    for body in [r#"{"login":"ann","password":12345678}"#, r#"{"login":{"x":"hunter22"},"password":true}"#] {
        let answer = harness.post("/v1/users").text("application/json", body).expect(400).await;
        let said = answer.problem("invalid-request").text();
        assert!(!said.contains("12345678") && !said.contains("hunter22"), "{said}");
    }
}

#[tokio::test]
async fn bodies_that_nobody_would_write_are_refused_and_never_break_the_server() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!(PASSWORD)),
    ];
    let names = prop_oneof![
        Just("login".to_owned()),
        Just("password".to_owned()),
        Just("scope".to_owned()),
        Just("type".to_owned()),
        "[a-z_]{1,8}",
    ];
    let value = leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(names.clone(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    });
    let paths =
        ["/v1/users", "/v1/sessions", "/v1/sessions/refresh", "/v1/sessions/end-others", "/v1/admin/revocations"];
    for round in 0..60 {
        let body = value.new_tree(&mut runner).unwrap().current();
        let answer = ann.post(paths[round % paths.len()]).json(&body).send().await;
        assert!(answer.status.is_client_error() || answer.status == 200, "{body}: {answer:?}");
    }
    ann.get("/v1/sessions").expect(200).await;
}
