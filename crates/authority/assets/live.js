// Makes pages live. Everything works without it.
import { follow, look, patience } from "/assets/stream.js";

const $ = (id) => document.getElementById(id);
const one = (selector) => document.querySelector(selector);
const buttonFor = (action) => [...document.forms].find((form) => form.getAttribute("action") === action)?.querySelector("button");
const { lang } = document.documentElement;
const language = navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? lang;
const numberingSystem = "latn";
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", numberingSystem });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", numberingSystem });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", Infinity]];

function tellTimes() {
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    let text = time.title = exact.format(at);
    time.removeAttribute("dir");
    if (time.hasAttribute("data-ago")) {
      const seconds = (Date.now() - at) / 1000;
      const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? UNITS[3];
      text = relative.format(-Math.floor(seconds / length) || 0, unit);
    }
    if (time.textContent !== text) time.textContent = text;
  }
}

// Keeps focus, what is unfolded and what was typed.
function replace(page, ...parts) {
  const active = document.activeElement;
  const action = active.form?.getAttribute("action");
  const open = [...document.querySelectorAll("details[open][id]")];
  const typed = [...document.querySelectorAll("#devices input[id]")].filter((input) => input.value !== input.defaultValue);
  for (const part of parts) one(part)?.replaceWith(page.querySelector(part));
  for (const { id } of open) $(id)?.setAttribute("open", "");
  for (const { id, value } of typed) if ($(id)) $(id).value = value;
  if (!active.isConnected) ($(active.id) ?? buttonFor(action) ?? $("main")).focus({ preventScroll: true });
  tellTimes();
}

const read = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

// A live region speaks of what is put into it, not of what it comes with.
function show(page, url) {
  one("dialog")?.remove();
  replace(page, "header", "main", "footer");
  document.title = page.title;
  history.replaceState(null, "", url);
  const notice = one("#notice > p");
  if (notice) setTimeout(() => notice.replaceWith(notice.cloneNode(true)), 100);
  listen();
}

let loading = false;
let again = false;
let over = false;
let retry = 0;
const isBusy = () => loading || one("form[aria-busy]");
// What is under way says better why it is over.
const leave = () => over && !isBusy() && $("devices") && location.assign("/account");
async function reload() {
  if (isBusy()) return void (again = true);
  loading = true;
  again = false;
  clearTimeout(retry);
  let [answer, place] = [null, location.href];
  try {
    answer = await look(place);
    const page = await read(answer);
    if (location.href !== place) return;
    // Somebody else may have signed in in another tab.
    const isOther = page.querySelector("#devices")?.dataset.stream !== $("devices")?.dataset.stream;
    if (answer.redirected || (answer.ok && isOther)) return show(page, answer.url);
    if (!answer.ok || !page.querySelector("#devices") || !$("devices")) return;
    const ids = (place) => [...place.querySelectorAll(".device")].map(({ id }) => id);
    const before = ids(document);
    replace(page, "#devices");
    const now = ids(document);
    const arrived = now.filter((id) => !before.includes(id));
    if (now.join() === before.join()) return;
    const said = document.createElement("p");
    said.className = "hidden";
    said.textContent = (arrived.length && one(".news h2")?.textContent) || $("devices").dataset.said;
    $("notice").append(said);
    setTimeout(() => said.remove(), 5000);
  } catch {
    answer = null;
  } finally {
    loading = false;
    if (!answer || answer.status >= 500) retry = setTimeout(() => document.hidden || reload(), patience(answer));
    leave();
    if (again) reload();
  }
}

// What was being done stays where it is.
function ask(card) {
  one("dialog")?.remove();
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", card.querySelector("h1").textContent);
  dialog.append(card);
  const action = card.querySelector("form").getAttribute("action");
  dialog.addEventListener("close", () => (dialog.remove(), buttonFor(action)?.focus(), idle()));
  dialog.querySelector("[data-cancel]").addEventListener("click", (event) => (event.preventDefault(), dialog.close()));
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-live]")) return stop();
  event.preventDefault();
  if (form.ariaBusy) return;
  form.ariaBusy = "true";
  try {
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
    const page = await read(answer);
    const card = page.getElementById("again");
    if (card) ask(card);
    else show(page, answer.redirected ? answer.url : location.href);
  } catch {
    form.removeAttribute("data-live");
    form.requestSubmit(event.submitter);
  }
  form.ariaBusy = null;
  leave();
  if (again) reload();
  idle();
});

// For other scripts that wait until nothing is under way.
const idle = () => document.dispatchEvent(new Event("rescind:idle"));

const { listen, stop } = follow(() => $("devices")?.dataset.stream, {
  hello: reload,
  changed: reload,
  ended: () => { over = true; leave(); },
}, reload);

tellTimes();
document.addEventListener("rescind:changed", tellTimes);
setInterval(tellTimes, 15000);
listen();
