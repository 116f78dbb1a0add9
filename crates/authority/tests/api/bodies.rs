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
        ("{", "EOF"),
        ("[]", "expected an object"),
        (r#"["ann","four fine words"]"#, "expected an object"),
        ("null", "expected"),
        ("\"x\"", "expected"),
        (r#"{"login":"ann"}"#, "missing field `password`"),
        (r#"{"login":"ann","password":"four fine words","remmber":true}"#, "unknown field `remmber`"),
        (r#"{"login":"ann","login":"bob","password":"four fine words"}"#, "duplicate"),
        (r#"{"login":"ann","\u006cogin":"bob","password":"four fine words"}"#, "duplicate"),
        (r#"{"login":"ann","password":["four fine words"]}"#, "expected a string"),
        (r#"{"login":"ann","password":"four fine words"} x"#, "trailing"),
        (r#"{"login":"ann","password":"four fine words","device_name":"\ud800"}"#, "hex escape"),
    ];
    for (body, word) in cases {
        let answer = harness.post("/v1/sessions").text("application/json", body).expect(400).await;
        let answer = answer.problem("invalid-request");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{body}: {detail}");
        assert!(!answer.text().contains("four fine words"), "{detail}");
    }
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
