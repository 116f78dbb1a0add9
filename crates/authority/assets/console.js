// Makes the console live: listens for what happens, asks for the page again, and replaces what is marked as live in it.
// Everything works without it.

const heard = () => document.getElementById("heard");
const SHOWS = { revocations: ["revocations", "figures", "charts-1", "charts-2", "done", "sessions", "history", "keys"], verifiers: ["verifiers", "figures"] };
const regions = () => [...document.querySelectorAll("div[data-live]")];
// The tokens of forms are new each time, and times may have been made local: what the server said is compared.
const plain = (region) => region.innerHTML.replace(/name="form_token" value="[^"]*"/g, "");
const known = new Map();
let loading = false;
let wanted = new Set();

async function refresh(names, silent) {
  names.forEach((name) => wanted.add(name));
  if (loading || document.querySelector("form[aria-busy], dialog")) return;
  loading = true;
  const [asked, place] = [wanted, location.href];
  wanted = new Set();
  try {
    const answer = await fetch(place, { headers: { accept: "text/html" } });
    if (answer.redirected) return void location.assign(answer.url);
    if (answer.status === 403) return void location.reload();
    if (!answer.ok || location.href !== place) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const changed = regions().filter((region) => asked.has(region.dataset.live) && replace(region, page));
    if (changed.length && !silent) say(heard()?.dataset.changed);
    if (changed.length) document.dispatchEvent(new Event("rescind:changed"));
  } catch { /* No network: the stream comes again. */ } finally {
    loading = false;
    if (wanted.size) refresh([]);
  }
}

// Puts a region's new content in place; what had the focus keeps it.
function replace(region, page) {
  const { live } = region.dataset;
  const fresh = page.querySelector(`div[data-live="${live}"]`);
  if (!fresh) return false;
  const now = plain(fresh);
  if (known.get(live) === now) return false;
  known.set(live, now);
  const active = region.contains(document.activeElement) ? document.activeElement : null;
  const action = active?.form?.getAttribute("action");
  const link = active?.getAttribute("href");
  region.innerHTML = fresh.innerHTML;
  if (!active) return true;
  const same = [...region.querySelectorAll("a[href], button, [tabindex]")].find((element) =>
    action ? element.form?.getAttribute("action") === action : link && element.getAttribute("href") === link);
  (same ?? document.getElementById("main")).focus({ preventScroll: true });
  return true;
}

function say(text) {
  const place = heard();
  if (!place || !text) return;
  place.textContent = "";
  setTimeout(() => { place.textContent = text; }, 100);
}

let stream = null;
function stop() {
  stream?.close();
  stream = null;
}
function listen() {
  if (stream || document.hidden) return;
  const own = stream = new EventSource("/admin/live");
  const on = (name, act) => own.addEventListener(name, () => stream === own && act());
  const later = (wait) => { stop(); setTimeout(listen, wait); };
  on("hello", () => refresh([...SHOWS.revocations, ...SHOWS.verifiers], !known.size));
  on("revocations", () => refresh(SHOWS.revocations));
  on("verifiers", () => refresh(SHOWS.verifiers));
  on("ended", () => { say(heard()?.dataset.ended); stop(); location.assign("/admin"); });
  on("refused", () => later(500));
  on("error", () => own.readyState === EventSource.CLOSED && (later(15000), refresh([...SHOWS.revocations, ...SHOWS.verifiers])));
}

let timer = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) timer = setTimeout(stop, 60000);
  else listen();
});
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => event.persisted && location.reload());
listen();
