// Makes the console live: listens for what happens, asks for the page again, and replaces what is marked as live in it.
// Everything works without it.
import { follow, isSignIn, look, patience, signIn } from "/assets/stream.js";

const heard = () => document.getElementById("heard");
const SHOWS = { revocations: ["revocations", "figures", "charts-1", "charts-2", "done", "sessions", "history", "keys"], verifiers: ["verifiers", "figures"] };
const ALL = [...SHOWS.revocations, ...SHOWS.verifiers];
const stream = (page) => page.querySelector(".console")?.dataset.stream;
const regions = () => [...document.querySelectorAll("div[data-live]")];
let loading = false;
let wanted = new Set();
let retry = 0;
let first = true;
let over = false;

// What the server said in a region: without the tokens of forms, which are new each time, what times were made of here, and what
// whoever looks unfolded.
function plain(region) {
  const copy = region.cloneNode(true);
  for (const input of copy.querySelectorAll("input[name=form_token]")) input.removeAttribute("value");
  for (const time of copy.querySelectorAll("time")) {
    const { dateTime } = time;
    time.replaceChildren();
    for (const { name } of [...time.attributes]) time.removeAttribute(name);
    time.dateTime = dateTime;
  }
  for (const part of copy.querySelectorAll("details, form")) part.removeAttribute(part.matches("form") ? "aria-busy" : "open");
  return copy.innerHTML;
}

async function refresh(names, silent) {
  names.forEach((name) => wanted.add(name));
  if (loading || document.querySelector("form[aria-busy], dialog")) return;
  loading = true;
  clearTimeout(retry);
  const [asked, place] = [wanted, location.href];
  wanted = new Set();
  let answer = null;
  try {
    answer = await look(place);
    if (isSignIn(answer)) return signIn();
    if (answer.redirected) return void location.assign(answer.url);
    if (answer.status === 403) return void location.reload();
    if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"), asked, place, silent);
  } catch {
    answer = null;
  } finally {
    loading = false;
    if (!answer || answer.status >= 500) later(asked, answer);
    else if (wanted.size) refresh([]);
  }
}

function later(asked, answer) {
  asked.forEach((name) => wanted.add(name));
  retry = setTimeout(() => document.hidden || refresh([]), patience(answer));
}

// Puts what is new in place, unless something is being done with what is there: then it is asked for again afterwards.
function put(page, asked, place, silent) {
  if (location.href !== place || document.querySelector("form[aria-busy], dialog")) return void asked.forEach((name) => wanted.add(name));
  // Somebody else has signed in in another tab.
  if (stream(page) && stream(page) !== stream(document)) return location.reload();
  // Another language was chosen there.
  if (stream(page) && page.documentElement.lang !== document.documentElement.lang) return location.reload();
  const changed = regions().filter((region) => asked.has(region.dataset.live) && replace(region, page));
  if (!changed.length) return;
  if (!silent) say(heard()?.dataset.changed);
  document.dispatchEvent(new Event("rescind:changed"));
}

// Puts a region's new content in place; what had the focus keeps it, and what was unfolded stays so.
function replace(region, page) {
  const fresh = page.querySelector(`div[data-live="${region.dataset.live}"]`);
  if (!fresh || plain(fresh) === plain(region)) return false;
  const active = region.contains(document.activeElement) ? document.activeElement : null;
  const action = active?.form?.getAttribute("action");
  const link = active?.getAttribute("href");
  const open = [...region.querySelectorAll("details")].map((details) => details.open);
  region.replaceChildren(...fresh.childNodes);
  region.querySelectorAll("details").forEach((details, at) => { details.open = open[at] ?? false; });
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

// What is under way says better why it is over.
function leave() {
  const goes = over && stream(document) && !document.querySelector("form[aria-busy]");
  if (goes) signIn();
  return goes;
}

const { listen } = follow(() => stream(document), {
  hello: () => { refresh(ALL, first); first = false; },
  revocations: () => refresh(SHOWS.revocations),
  verifiers: () => refresh(SHOWS.verifiers),
  ended: () => { over = true; say(heard()?.dataset.ended); leave(); },
}, () => refresh(ALL));

document.addEventListener("rescind:idle", () => leave() || (wanted.size && refresh([])));
listen();
