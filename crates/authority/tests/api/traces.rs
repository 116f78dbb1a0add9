//! Traces, as a collector gets them.

use serde_json::json;

use super::collector::{Collector, Manner, Seen, Traced};
use super::harness::{Harness, PASSWORD};
use super::journal;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// What a caller says that records its part, or does not.
fn traceparent(sampled: bool) -> String {
    format!("00-{TRACE}-{CALLER}-0{}", u8::from(sampled))
}

/// The span of a request, which came once.
fn request<'a>(spans: &'a [Seen], name: &str) -> &'a Seen {
    let mut found = spans.iter().filter(|span| span.name == name);
    let (one, None) = (found.next().unwrap_or_else(|| panic!("{name}: {spans:?}")), found.next()) else {
        panic!("{name} came twice: {spans:?}");
    };
    one
}

/// The names of the steps of a request.
fn steps(spans: &[Seen], of: &Seen) -> Vec<String> {
    let children = spans.iter().filter(|span| span.parent.as_ref() == Some(&of.id));
    children
        .map(|child| {
            assert_eq!(child.trace, of.trace);
            assert_eq!(child.whole["kind"], 1);
            let time = |span: &Seen, key: &str| span.whole[key].as_str().and_then(|nanos| nanos.parse::<u64>().ok());
            assert!(time(child, "startTimeUnixNano") >= time(of, "startTimeUnixNano"), "{child:?} of {of:?}");
            assert!(time(child, "endTimeUnixNano") >= time(child, "startTimeUnixNano"), "{child:?}");
            child.name.clone()
        })
        .collect()
}

#[tokio::test]
async fn a_request_comes_with_its_route_its_outcome_and_what_it_waited_for() {
    let collector = Collector::good().await;
    let traced = Traced::by(collector.url(), 1.0, 0).await;
    let ann = traced.harness.newcomer("ann").await;
    let path = format!("/v1/sessions/{}?wait=enforced", ann.session);
    ann.delete(&path).expect(200).await;
    traced.harness.get("/nowhere/special").expect(404).await;
    traced.finish().await;
    let spans = collector.spans();

    let sign_in = request(&spans, "POST /v1/sessions");
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/sessions"),
        ("http.response.status_code", "201"),
        ("network.protocol.version", "1.1"),
        ("url.scheme", "http"),
        ("server.address", "127.0.0.1"),
        ("server.port", &traced.harness.address.port().to_string()),
    ] {
        assert_eq!(sign_in.attribute(key), value, "{key}");
    }
    assert_eq!((sign_in.parent.as_deref(), &sign_in.whole["kind"]), (None, &json!(2)));
    let names = steps(&spans, sign_in);
    for step in ["read position", "wait for a hashing thread", "hash a password", "transact sign_in"] {
        assert!(names.iter().any(|name| name == step), "{step}: {names:?}");
    }

    let end = request(&spans, "DELETE /v1/sessions/{id}");
    // First, whether who waits is an administrator. Whatever a wait looks at is no step of its own.
    assert_eq!(
        steps(&spans, end),
        ["read head_of_log", "end end_session", "append to the feed", "wait for enforcement"]
    );
    let position = end.attribute("rescind.position");
    assert!(position.parse::<u64>().is_ok(), "the entry of the log: {end:?}");
    let append = request(&spans, "append to the feed");
    assert_eq!(append.attribute("rescind.position"), position);
    let transaction = request(&spans, "end end_session");
    assert_eq!(transaction.attribute("db.system.name"), "sqlite");
    assert_eq!(transaction.attribute("db.operation.name"), "end_session");

    let stranger = request(&spans, "GET");
    assert_eq!((stranger.attribute("http.response.status_code"), stranger.attribute("http.route")), ("404", ""));
    let different: std::collections::BTreeSet<_> = [sign_in, end, stranger].iter().map(|span| &span.trace).collect();
    assert_eq!(different.len(), 3, "each request is a trace of its own");
    assert_eq!(traced.count("exported").await, spans.len() as u64);
}

#[tokio::test]
async fn nothing_secret_and_nobody_is_in_a_trace() {
    let collector = Collector::good().await;
    let traced = Traced::by(collector.url(), 1.0, 10).await;
    let harness = &traced.harness;
    let login = "somebody.special@example.org";
    let mut device = harness.newcomer(login).await;
    device.assert_alive().await;
    let wrong = json!({"login": login, "password": "not the one that it is"});
    harness.post("/v1/sessions").json(&wrong).header("user-agent", "a browser of note").expect(401).await;
    harness.get("/v1/sessions?cursor=what-was-asked").bearer(&device.access).expect(400).await;
    harness.get("/sign-in?return_to=/what-was-asked").send().await;
    harness.get("/what-was-asked/for").header("cookie", "rescind_dev=what-was-asked").expect(404).await;
    device.delete(&format!("/v1/sessions/{}", device.session)).expect(204).await;
    device.assert_dead().await;
    traced.finish().await;
    let text = collector.text();
    assert!(text.contains("http.route") && text.contains("hash a password"), "{text}");
    let other = [login, PASSWORD, &device.session, "what-was-asked", "not the one", "a browser of note"];
    for secret in harness.secrets.all().iter().map(String::as_str).chain(other) {
        assert!(!text.contains(secret), "{} characters of {}", secret.len(), text.len());
    }
    let user = harness.authority.world.store.read("user", |view| Ok(view.user_by_login(login)?)).await;
    let user = user.expect("read").expect("there").id.to_string();
    assert!(!text.contains(&user), "who it is");
}

#[tokio::test]
async fn a_caller_that_records_its_part_is_the_parent_of_ours() {
    let collector = Collector::good().await;
    let traced = Traced::by(collector.url(), 0.0, 1).await;
    let harness = &traced.harness;
    harness.get("/openapi.json").expect(200).await;
    harness.get("/v1/me").header("traceparent", &traceparent(false)).expect(401).await;
    let called = harness.get("/v1/me").header("traceparent", &traceparent(true)).header("tracestate", "shop=7");
    called.expect(401).await;
    traced.finish().await;
    let spans = collector.spans();
    let [span] = &spans[..] else { panic!("nobody else asked for a trace: {spans:?}") };
    assert_eq!((span.trace.as_str(), span.parent.as_deref()), (TRACE, Some(CALLER)));
    assert_eq!((&span.whole["traceState"], &span.whole["flags"]), (&json!("shop=7"), &json!(0x301)));
}

#[tokio::test]
async fn nobody_can_have_more_traced_than_the_operator_allows() {
    let collector = Collector::good().await;
    let traced = Traced::by(collector.url(), 0.0, 0).await;
    for _ in 0..20 {
        traced.harness.get("/v1/me").header("traceparent", &traceparent(true)).expect(401).await;
    }
    traced.finish().await;
    assert_eq!(collector.spans().len(), 0);
}

#[tokio::test]
async fn what_operators_ask_for_all_the_time_is_not_traced() {
    let collector = Collector::good().await;
    let traced = Traced::by(collector.url(), 1.0, 10).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        traced.harness.get(path).header("traceparent", &traceparent(true)).expect(200).await;
    }
    traced.harness.get("/openapi.json").expect(200).await;
    traced.finish().await;
    let names: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["GET /openapi.json"]);
}

#[tokio::test]
async fn without_a_collector_nothing_speaks_of_traces() {
    let harness = Harness::start().await;
    assert!(harness.authority.traces.is_none());
    harness.get("/v1/me").header("traceparent", &traceparent(true)).expect(401).await;
    assert!(!harness.get("/metrics").expect(200).await.text().contains("rescind_traces"));
}

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again_and_nothing_is_lost() {
    let busy = Manner::Answers(vec![(503, "later"), (429, "later"), (200, "{}")]);
    let collector = Collector::open(busy).await;
    let traced = Traced::by(collector.url(), 1.0, 10).await;
    traced.harness.get("/openapi.json").expect(200).await;
    collector.asked(3).await;
    traced.finish().await;
    assert_eq!((traced.count("exported").await, traced.count("dropped").await), (1, 0));
    assert_eq!(collector.spans().len(), 3, "the same one, three times");
    let lines = journal::lines();
    let about = |what: &str| {
        lines.lines().filter(|line| line.contains(&collector.address.to_string()) && line.contains(what)).count()
    };
    assert_eq!((about("does not take traces"), about("takes traces again")), (1, 1));
}

#[tokio::test]
async fn what_a_collector_refuses_for_good_is_counted_and_not_sent_again() {
    for (answers, expected) in [
        ((400, "no"), ("rejected", 1)),
        ((500, "no"), ("rejected", 1)),
        ((200, r#"{"partialSuccess":{"rejectedSpans":"1"}}"#), ("rejected", 1)),
        ((200, "<html>"), ("exported", 1)),
    ] {
        let collector = Collector::open(Manner::Answers(vec![answers])).await;
        let traced = Traced::by(collector.url(), 1.0, 10).await;
        traced.harness.get("/openapi.json").expect(200).await;
        traced.finish().await;
        let (result, count) = expected;
        assert_eq!((traced.count(result).await, collector.spans().len()), (count, 1), "{answers:?}");
    }
}

#[tokio::test]
async fn g6_a_collector_that_is_down_silent_or_mad_harms_nobody_and_is_complained_of_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = listener.local_addr().expect("an address");
    drop(listener);
    let mut places = vec![closed];
    let mut kept = Vec::new();
    for manner in [Manner::Silent, Manner::Garbage, Manner::Endless] {
        let collector = Collector::open(manner).await;
        places.push(collector.address);
        kept.push(collector);
    }
    for place in places {
        let traced = Traced::by(format!("http://{place}"), 1.0, 10).await;
        let ann = traced.harness.newcomer("ann").await;
        for _ in 0..5 {
            ann.get("/v1/me").expect(200).await;
        }
        traced.finish().await;
        ann.get("/v1/me").expect(200).await;
        let lines = journal::lines();
        let about = |line: &&str| line.contains(&place.to_string()) && line.contains("does not take traces");
        assert!(lines.lines().filter(about).count() <= 1, "{place}");
    }
}
