//! The administrator's console, as browsers find it: a server on a free port, and people with cookies.

#[path = "console/browser.rs"]
mod browser;
#[expect(dead_code, reason = "shared with the tests of the API, which use more of it")]
#[path = "api/call.rs"]
mod call;
#[expect(dead_code, reason = "shared with the tests of the API, which use more of it")]
#[path = "api/clock.rs"]
mod clock;
#[path = "console/confirming.rs"]
mod confirming;
#[path = "console/counting.rs"]
mod counting;
#[path = "console/crowds.rs"]
mod crowds;
#[expect(dead_code, reason = "shared with the tests of the API, which use more of it")]
#[path = "api/ear.rs"]
mod ear;
#[path = "console/enforcing.rs"]
mod enforcing;
#[path = "console/entering.rs"]
mod entering;
#[expect(dead_code, reason = "shared with the tests of the API, which use more of it")]
#[path = "api/harness.rs"]
mod harness;
#[path = "api/journal.rs"]
mod journal;
#[path = "console/living.rs"]
mod living;
#[path = "console/looking.rs"]
mod looking;
#[path = "console/pressing.rs"]
mod pressing;
