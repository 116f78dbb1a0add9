// How live pages listen, and ask for what nobody asked for: docs/live.md. Times are in milliseconds.

// Not everybody at once: between half of it and all of it.
const about = (time) => time * (0.5 + Math.random() / 2);
const LONGEST = 300_000;
const HIDDEN = 10_000;

export function look(url) {
  return fetch(url, { headers: { accept: "text/html", "rescind-passive": "?1" }, signal: AbortSignal.timeout(30_000) });
}

export const isSignIn = (answer) => answer.redirected && new URL(answer.url).pathname === "/sign-in";

// Each tab says by itself why it is over: a cookie would tell one of them.
let why = "elsewhere";
export function signIn() {
  location.assign(`/sign-in?ended=${why}&return_to=${encodeURIComponent(location.pathname + location.search)}`);
}

// Tells other tabs that whoever sits here signs out: those that listen at `place`, and the console's.
export function farewell(place) {
  if (!place || !globalThis.BroadcastChannel) return;
  for (const name of [place, place.replace("/account/", "/admin/")]) {
    const channel = new BroadcastChannel(name);
    channel.postMessage("left");
    channel.close();
  }
}

// How long to wait after an answer that is none.
export function patience(answer) {
  return 2 * about(1000 * Math.max(10, Math.min(300, Number(answer?.headers.get("retry-after")) || 0)));
}

// Listens where `path` says, while the page can be seen. `look` is for what may have been missed. Browsers allow six connections
// to a server, so of the tabs that would listen at one place one does, and tells the others: whoever has the lock of that name.
export function follow(path, heard, look) {
  let [place, over, stream, channel, turn] = [];
  let [timer, hidden, failures, began] = [0, 0, 0, 0];
  let [leads, behind] = [false, false];
  const acts = { full: look, replaced: seldom, left: () => { why = "here"; setTimeout(() => { why = "elsewhere"; }, 10_000); }, ...heard };

  function act(name) {
    if (name === "hello") behind = false;
    if (name === "ended") over = place, rest();
    acts[name]?.();
  }

  function tell(name) {
    channel?.postMessage(name);
    act(name);
  }

  function rest() {
    stream?.close();
    stream = null;
    clearTimeout(timer);
  }

  function pass() {
    turn?.abort();
    turn = null;
    leads = false;
  }

  function stop() {
    rest();
    pass();
    channel?.close();
    channel = place = null;
  }

  function later() {
    rest();
    pass();
    failures = performance.now() - began > 60_000 ? 0 : failures + 1;
    timer = setTimeout(listen, about(Math.min(LONGEST, 1000 * 2 ** failures)));
  }

  // Nobody takes over from whoever was replaced.
  function seldom() {
    rest();
    if (!leads) pass();
    timer = setTimeout(() => document.hidden || (look(), seldom()), about(LONGEST));
  }

  function open() {
    if (stream || place === over) return;
    rest();
    began = performance.now();
    const own = stream = new EventSource(place);
    const on = (name, act) => own.addEventListener(name, (event) => stream === own && act(event));
    on("changed", ({ data }) => data?.includes('"kind":"signed_in"') && tell("signed_in"));
    for (const name of Object.keys(acts)) on(name, () => tell(name));
    on("refused", later);
    // It comes again by itself, unless it is closed.
    on("error", () => own.readyState === EventSource.CLOSED && (later(), look()));
  }

  function listen() {
    const next = path();
    if (next !== place) stop();
    if (!next || document.hidden) return;
    if (turn) return void (leads && open());
    place = next;
    clearTimeout(timer);
    turn = new AbortController();
    if (navigator.locks && globalThis.BroadcastChannel) share(turn.signal);
    else open();
  }

  async function share(signal) {
    if (!channel) {
      behind = true;
      channel = new BroadcastChannel(place);
      channel.onmessage = ({ data }) => hear(data);
    }
    const lead = (lock) => lock && !signal.aborted && new Promise((done) => {
      signal.onabort = done;
      leads = true;
      open();
    });
    const queue = (how) => navigator.locks.request(place, how, lead);
    try {
      if (await queue({ ifAvailable: true }) !== null || signal.aborted) return;
      channel.postMessage("join");
      if (behind) act("hello");
      await queue({ signal });
    } catch {
      // A browser that forbids it; or it is not this tab's turn any more.
      if (!signal.aborted) open();
    }
  }

  function hear(name) {
    if (name === "join") return void (leads && open());
    if (name === "hello" && !leads) {
      // What this tab heard while it was hidden for a moment, or would hear once it tries again, another one hears now.
      stream?.close();
      stream = null;
      listen();
    }
    act(name);
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (!document.hidden) return listen();
    // Whoever is looked at may take over.
    pass();
    hidden = setTimeout(stop, HIDDEN);
  });
  document.addEventListener("freeze", stop);
  addEventListener("pagehide", stop);
  // What comes back from the browser's memory may be somebody else's.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  return { listen, stop };
}
