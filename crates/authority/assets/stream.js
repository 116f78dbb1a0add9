// How live pages listen, and ask for what nobody asked for: docs/live.md. Times are in milliseconds.

// Not everybody at once: between half of it and all of it.
const about = (time) => time * (0.5 + Math.random() / 2);
const LONGEST = 300_000;
// Not longer, for browsers allow six connections to a server.
const HIDDEN = 10_000;

export function look(url) {
  return fetch(url, { headers: { accept: "text/html", "rescind-passive": "?1" }, signal: AbortSignal.timeout(30_000) });
}

// How long to wait after an answer that is none.
export function patience(answer) {
  return 2 * about(1000 * Math.max(10, Math.min(300, Number(answer?.headers.get("retry-after")) || 0)));
}

// Listens where `path` says, while the page can be seen. `look` is for what may have been missed.
export function follow(path, heard, look) {
  let stream = null;
  let [timer, hidden, failures, began] = [0, 0, 0, 0];

  function stop() {
    stream?.close();
    stream = null;
    clearTimeout(timer);
  }

  function later() {
    stop();
    failures = performance.now() - began > 60_000 ? 0 : failures + 1;
    timer = setTimeout(listen, about(Math.min(LONGEST, 1000 * 2 ** failures)));
  }

  function seldom() {
    stop();
    timer = setTimeout(() => document.hidden || (look(), seldom()), about(LONGEST));
  }

  function listen() {
    const place = path();
    if (!place) return stop();
    if (stream || document.hidden) return;
    stop();
    began = performance.now();
    const own = stream = new EventSource(place);
    const on = (name, act) => own.addEventListener(name, (event) => stream === own && act(event));
    for (const [name, act] of Object.entries(heard)) on(name, act);
    // It comes again by itself, when it was told to.
    on("full", () => look());
    on("refused", later);
    on("replaced", seldom);
    on("error", () => own.readyState === EventSource.CLOSED && (later(), look()));
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(stop, HIDDEN);
    else listen();
  });
  addEventListener("pagehide", stop);
  // What comes back from the browser's memory may be somebody else's.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  return { listen, stop };
}
