//! The pages over real sockets, as browsers ask for them, without a script.

mod pages {
    #[expect(dead_code, reason = "shared with the tests of the API, which use more of it")]
    #[path = "../api/call.rs"]
    mod call;
    #[path = "../api/clock.rs"]
    #[expect(dead_code, reason = "certificates are not looked at here")]
    mod clock;
    #[path = "../api/ear.rs"]
    mod ear;
    #[expect(dead_code, reason = "shared with the tests of the API, which use more of it")]
    #[path = "../api/harness.rs"]
    mod harness;
    #[path = "../api/journal.rs"]
    mod journal;
    #[path = "../cli/mmdb.rs"]
    mod mmdb;

    mod browser;

    mod branding;
    mod cookies;
    mod devices;
    mod endings;
    mod errors;
    mod failing;
    mod forms;
    mod languages;
    mod leaving;
    mod living;
    mod long_lists;
    mod news;
    mod places;
    mod security;
    mod setting_up;
    mod signing_in;
}
