// What live pages have in common: how they listen, and how they ask for what nobody asked for. See docs/live.md.

/** A time that differs, so that not everybody comes at once: between half of it and all of it. */
const about = (milliseconds) => milliseconds * (0.5 + Math.random() / 2);
/** A stream that lasted so long, in milliseconds, went well. */
const WELL = 60_000;
/** The longest wait before listening is tried again, in milliseconds. */
const LONGEST = 300_000;
/** How long a hidden page goes on listening, in milliseconds: not long, for browsers allow six connections to a server. */
const HIDDEN = 10_000;

/** Asks for a page without being taken for a person who does. */
export function look(url) {
  return fetch(url, { headers: { accept: "text/html", "rescind-passive": "?1" }, signal: AbortSignal.timeout(30_000) });
}

/** How long to wait after an answer that is none, or after no answer, in milliseconds. */
export function patience(answer) {
  return 2 * about(1000 * Math.max(10, Math.min(300, Number(answer?.headers.get("retry-after")) || 0)));
}

/**
 * Listens while the page can be seen. `path` gives where, or nothing if there is nothing to listen to. `heard` has what to do
 * on each event; `look` looks by itself, for whatever was missed, when listening is refused, and now and then where another
 * stream took the place of this one.
 *
 * Gives `listen`, which begins unless it has begun, and `stop`.
 */
export function follow(path, heard, look) {
  let stream = null;
  let [timer, hidden, failures, began] = [0, 0, 0, 0];

  function stop() {
    stream?.close();
    stream = null;
    clearTimeout(timer);
  }

  /** Tries again after longer and longer. */
  function later() {
    stop();
    failures = performance.now() - began > WELL ? 0 : failures + 1;
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
