//! All counters of the server, as Prometheus reads them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rescind_verifier::exposition::{Page, seconds};

use super::app::App;
use super::meter::{BOUNDS, Meter};
use crate::store::sqlite::JobStats;
use crate::tally::Table;

/// All counters.
pub(crate) fn write(app: &App) -> String {
    let mut page = Page::default();
    requests(&mut page, &app.meter);
    results(&mut page, "rescind_sign_ins_total", "Sign-ins, by result", &app.meter.sign_ins);
    results(&mut page, "rescind_refreshes_total", "Refreshes, by result", &app.meter.refreshes);
    verifier(&mut page, app);
    feed(&mut page, app);
    store(&mut page, app);
    passwords(&mut page, app);
    traces(&mut page, app);
    if let Some(not_after) = app.tls.as_ref().and_then(|tls| tls.not_after()) {
        let help = "When the certificate of the server expires, in seconds since the Unix epoch";
        page.gauge("rescind_tls_certificate_not_after_seconds", help, not_after);
    }
    page.into_text()
}

fn requests(page: &mut Page, meter: &Meter) {
    let all = meter.requests.all();
    page.family("rescind_http_requests_total", "counter", "Requests, by route, method and status");
    for (key, requests) in all.iter() {
        let count: u64 = requests.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum();
        let (route, method, status) = (&key.path, key.method, key.status);
        let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
        page.sample("rescind_http_requests_total", &labels, count);
    }
    page.family("rescind_http_request_seconds", "histogram", "How long requests took");
    let buckets = |at: usize| all.iter().map(move |(_, requests)| requests.buckets[at].load(Relaxed)).sum::<u64>();
    let mut below = 0;
    for (at, millis) in BOUNDS.iter().enumerate() {
        below += buckets(at);
        let bound = seconds(Duration::from_millis(*millis));
        page.sample("rescind_http_request_seconds_bucket", &format!("le=\"{bound}\""), below);
    }
    below += buckets(BOUNDS.len());
    page.sample("rescind_http_request_seconds_bucket", "le=\"+Inf\"", below);
    let micros = all.iter().map(|(_, requests)| requests.micros.load(Relaxed)).sum();
    page.sample("rescind_http_request_seconds_sum", "", seconds(Duration::from_micros(micros)));
    page.sample("rescind_http_request_seconds_count", "", below);
}

fn results(page: &mut Page, name: &str, help: &str, table: &Table<&'static str, AtomicU64>) {
    page.family(name, "counter", help);
    for (result, count) in table.all().iter() {
        page.sample(name, &format!("result=\"{result}\""), count.load(Relaxed));
    }
}

fn verifier(page: &mut Page, app: &App) {
    page.health(&app.authority.verifier.health());
    let accepted = app.meter.accepted.load(Relaxed);
    page.count("rescind_verifier_accepted_total", "Requests whose access token was accepted", accepted);
}

/// The verifiers that follow this node, and how long enforcements took as far as they go.
fn feed(page: &mut Page, app: &App) {
    let (hub, listed) = (&app.authority.hub, app.authority.hub.list());
    let (head, connected) = (hub.head(), listed.iter().filter(|listed| listed.connected).count());
    page.gauge("rescind_feed_verifiers", "Verifiers that are connected", connected as u64);
    page.gauge("rescind_feed_position", "The last entry of the log that verifiers were sent", head);
    let lagging = listed.iter().filter(|listed| listed.until.is_some() && listed.position < head).count();
    let help = "Verifiers that may accept, and have not acknowledged that entry";
    page.gauge("rescind_feed_lagging", help, lagging as u64);
    let (count, sum) = app.authority.history.enforcements();
    page.family("rescind_feed_enforcement_seconds", "summary", "How long it took until revocations were enforced");
    page.sample("rescind_feed_enforcement_seconds_sum", "", seconds(sum));
    page.sample("rescind_feed_enforcement_seconds_count", "", count);
}

fn store(page: &mut Page, app: &App) {
    let stats = app.authority.sqlite.stats();
    let counters = [
        ("commits", "Commits", stats.commits),
        ("transactions", "Transactions that were answered", stats.transactions),
        ("rows", "Rows that were written", stats.rows),
        ("reads", "Reads of one state", stats.reads),
        ("position_reads", "Reads of the head of the log", stats.position_reads),
        ("position_callers", "Callers that these answered", stats.position_callers),
        ("conflicts", "Transactions that were tried again", stats.conflicts),
        ("skipped", "Jobs that nobody waited for any more", stats.skipped),
        ("panics", "Jobs that panicked", stats.panics),
        ("checkpoints", "Checkpoints", stats.checkpoints),
        ("wal_resets", "Times that the write-ahead log began again", stats.resets),
        ("wal_resets_blocked", "Times that a reader kept it from that", stats.blocked_resets),
    ];
    for (name, help, value) in counters {
        page.count(&format!("rescind_store_{name}_total"), help, value);
    }
    let (transactions, reads) = app.authority.sqlite.jobs();
    jobs(
        page,
        "rescind_store_transaction_seconds",
        "How long transactions ran, by name, without waiting",
        &transactions,
    );
    jobs(page, "rescind_store_read_seconds", "How long reads ran, by name, without waiting", &reads);
}

fn jobs(page: &mut Page, family: &str, help: &str, jobs: &[JobStats]) {
    page.family(family, "summary", help);
    for JobStats { name, ran, took } in jobs {
        let label = format!("name=\"{name}\"");
        page.sample(&format!("{family}_sum"), &label, seconds(*took));
        page.sample(&format!("{family}_count"), &label, ran);
    }
}

/// What became of spans, where there are any.
fn traces(page: &mut Page, app: &App) {
    let Some(tracer) = &app.authority.traces else { return };
    let counts = tracer.counts();
    page.family("rescind_traces_spans_total", "counter", "Spans, by what became of them");
    let results = [("exported", counts.exported), ("dropped", counts.dropped), ("rejected", counts.rejected)];
    for (result, count) in results {
        page.sample("rescind_traces_spans_total", &format!("result=\"{result}\""), count);
    }
    page.gauge("rescind_traces_queued", "Spans that wait to be sent", counts.queued);
}

fn passwords(page: &mut Page, app: &App) {
    let counts = app.authority.hashing.counts();
    page.family("rescind_hashes_total", "counter", "Password hashes computed, by scheme");
    let schemes =
        [("argon2", counts.argon2), ("bcrypt", counts.bcrypt), ("scrypt", counts.scrypt), ("pbkdf2", counts.pbkdf2)];
    for (scheme, count) in schemes {
        page.sample("rescind_hashes_total", &format!("scheme=\"{scheme}\""), count);
    }
    page.count("rescind_hashes_refused_total", "Hashes refused because the queue was full", counts.refused);
    page.count("rescind_hashes_skipped_total", "Hashes that nobody waited for any more", counts.skipped);
    page.gauge("rescind_hashes_queued", "Hashes that wait for a thread", app.authority.hashing.queued());
}
