//! What administrators are shown of the last day.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Harness, PASSWORD, text};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// All periods of a list, added up.
fn sum(periods: &Value, pointer: &str) -> u64 {
    let periods = periods.as_array().expect("a list").iter();
    periods.map(|period| period.pointer(pointer).and_then(Value::as_u64).expect(pointer)).sum()
}

#[tokio::test]
async fn the_history_counts_what_happened_and_how_long_enforcement_took() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let wrong = json!({"login": "ann", "password": "not the one that it is"});
    harness.post("/v1/sessions").json(&wrong).expect(401).await;
    let tokens = harness.refresh(&ann.refresh).expect(200).await.json();
    harness.refresh("x").expect(401).await;
    harness.refresh(&text(&tokens["refresh_token"])).expect(200).await;
    ann.get("/v1/me").expect(200).await;
    // Half an hour later, which nobody looked at.
    harness.pass(Duration::from_mins(30));
    ann.delete("/v1/sessions/current?wait=enforced").expect(200).await;
    ann.get("/v1/me").expect(401).await;
    let other = json!({"login": "ann", "password": PASSWORD});
    harness.post("/v1/sessions").json(&other).expect(201).await;
    let mut asked = 0;
    let enforced = async {
        loop {
            let history = root.get("/v1/admin/history").expect(200).await.json();
            if sum(&history["hour"], "/enforcement/count") == 1 {
                return history;
            }
            asked += 1;
        }
    };
    let history = tokio::time::timeout(PATIENCE, enforced).await.expect("told");
    for periods in ["hour", "day"] {
        let periods = &history[periods];
        assert_eq!((sum(periods, "/sign_ins/ok"), sum(periods, "/sign_ins/refused")), (3, 1));
        assert_eq!((sum(periods, "/refreshes/ok"), sum(periods, "/refreshes/refused")), (2, 1));
        assert_eq!((sum(periods, "/tokens/refused"), sum(periods, "/revocations")), (1, 1));
        assert_eq!(sum(periods, "/tokens/accepted") - asked, 1);
    }
    let hour = history["hour"].as_array().expect("a list");
    assert!((31..=32).contains(&hour.len()), "each minute, also those in which nothing happened: {}", hour.len());
    assert_eq!(sum(&json!(hour[..hour.len() - 3]), "/revocations"), 0, "it was just now");
    let told = hour.iter().find(|period| period["enforcement"]["count"] == 1).expect("the one");
    let spread = &told["enforcement"];
    assert!(spread["max_ms"].as_f64() > Some(0.0) && spread["median_ms"] == spread["max_ms"], "{spread}");
    assert_eq!(hour[0]["enforcement"], json!({"count": 0, "median_ms": null, "p99_ms": null, "max_ms": null}));
    ann.get("/v1/admin/history").expect(401).await;
    harness.sign_in("ann").await.get("/v1/admin/history").expect(403).await.problem("forbidden");
}
