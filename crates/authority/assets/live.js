// Makes pages live. Everything works without it.
import { farewell, follow, isSignIn, look, patience, signIn } from "/assets/stream.js";

const $ = (id) => document.getElementById(id);
const one = (selector) => document.querySelector(selector);
const buttonFor = (action) => [...document.forms].find((form) => form.getAttribute("action") === action)?.querySelector("button");
const { documentElement: root, body } = document;
const numberingSystem = "latn";
let [exact, precise, relative] = [];
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", Infinity]];

function speak() {
  const language = navigator.languages.find((tag) => tag.split("-")[0] === root.lang) ?? root.lang;
  const style = (timeStyle) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle, numberingSystem });
  [exact, precise] = [style("short"), style("medium")];
  relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", numberingSystem });
}

function tellTimes() {
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    let text = time.title = (time.hasAttribute("data-seconds") ? precise : exact).format(at);
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
  if (!active.isConnected) (one("main [autofocus]") ?? $(active.id) ?? buttonFor(action) ?? $("main")).focus({ preventScroll: true });
  tellTimes();
}

const read = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

// A live region speaks of what is put into it, not of what it comes with.
function show(page, url) {
  one("dialog")?.remove();
  Object.assign(root, { lang: page.documentElement.lang, dir: page.documentElement.dir });
  for (const name in body.dataset) delete body.dataset[name];
  Object.assign(body.dataset, page.body.dataset);
  speak();
  replace(page, "header", "main", "footer");
  document.title = page.title;
  history.replaceState(null, "", url);
  const notice = one("#notice > p");
  if (notice) setTimeout(() => notice.replaceWith(notice.cloneNode(true)), 100);
  listen();
}

function say(text, place) {
  const said = document.createElement(place ? "a" : "span");
  if (place) said.href = place;
  said.textContent = text;
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.append(said);
  $("notice").replaceChildren(notice);
}

let loading = false;
let again = false;
let over = false;
let retry = 0;
const isBusy = () => loading || one("form[aria-busy]");
// What is under way says better why it is over.
const leave = () => over && !isBusy() && body.dataset.stream && signIn();
async function reload() {
  if (isBusy()) return void (again = true);
  loading = true;
  again = false;
  clearTimeout(retry);
  let [answer, place] = [null, location.href];
  try {
    // Of a page without the list all that may have changed is who is signed in.
    answer = await look($("devices") ? place : "/sign-out");
    const page = await read(answer);
    if (location.href !== place) return;
    if (isSignIn(answer)) return void (over = true);
    if (!answer.ok || !page.getElementById("main")) return;
    // Somebody else may have signed in in another tab, or chosen another language.
    if (page.body.dataset.stream !== body.dataset.stream) return $("devices") ? show(page, answer.url) : location.assign("/account");
    if (!page.getElementById("devices") || !$("devices")) return;
    if (page.documentElement.lang !== root.lang) return location.reload();
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
  const action = form.getAttribute("action");
  if (["/sign-out", "/account/sign-out-everywhere"].includes(action)) farewell(body.dataset.stream);
  if (!form.matches("[data-live]")) return stop();
  event.preventDefault();
  if (form.ariaBusy) return;
  form.ariaBusy = "true";
  try {
    const filled = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetch(form.action, { method: "POST", body: filled, headers: { accept: "text/html" } });
    const page = await read(answer);
    const card = page.getElementById("again");
    if (card) ask(card);
    else if (page.getElementById("main")) show(page, answer.redirected ? answer.url : location.href);
    // Somebody else answered: a proxy, as a rule.
    else one("dialog")?.close(), say(body.dataset.unknown), (again = true);
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

const { listen, stop } = follow(() => body.dataset.stream, {
  hello: () => $("devices") && reload(),
  changed: () => $("devices") && reload(),
  signed_in: () => $("devices") || say(body.dataset.news, "/account"),
  ended: () => { over = true; leave(); },
}, reload);

if (location.search.includes("ended=")) history.replaceState(null, "", location.href.replace(/ended=\w*&?/, ""));
speak();
tellTimes();
document.addEventListener("rescind:changed", tellTimes);
setInterval(tellTimes, 15000);
listen();
