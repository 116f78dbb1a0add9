// Makes pages live. Everything works without it: it sends the forms that the page has, shows the pages that the server
// makes, and listens for what happens meanwhile.

const language = document.documentElement.lang;
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", numberingSystem: "latn" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", numberingSystem: "latn" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

// Times: local, and those that are said from now go on.
function tellTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    time.title = exact.format(at);
    if (!time.hasAttribute("data-ago")) {
      time.textContent = time.title;
      time.removeAttribute("dir");
      continue;
    }
    const seconds = (Date.now() - at) / 1000;
    const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ["second", Infinity];
    const text = relative.format(-Math.floor(seconds / length) || 0, unit);
    if (time.textContent !== text) time.textContent = text;
  }
}

const parse = (text) => new DOMParser().parseFromString(text, "text/html");

// What would be lost when a part of the page is replaced: focus, what is unfolded, what was typed.
function keeping(replace) {
  const active = document.activeElement;
  const form = active?.form?.getAttribute("action");
  const held = { id: active?.id, form, name: active?.name, at: active?.selectionStart };
  const open = [...document.querySelectorAll("details[open][id]")].map((details) => details.id);
  const typed = [...document.querySelectorAll("#devices input[id]")].filter((input) => input.value !== input.defaultValue)
    .map((input) => [input.id, input.value]);
  replace();
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const [id, value] of typed) {
    const input = document.getElementById(id);
    if (input) input.value = value;
  }
  const forms = [...document.forms].filter((form) => held.form && form.getAttribute("action") === held.form);
  const again = (held.id && document.getElementById(held.id)) || forms[0]?.querySelector(held.name ? `[name="${held.name}"]` : "button");
  if (again && again !== document.activeElement) {
    again.focus({ preventScroll: true });
    if (held.at != null) try { again.setSelectionRange(held.at, held.at); } catch { /* not a field of text */ }
  }
  tellTimes();
}

function announce(text) {
  const place = document.createElement("p");
  place.className = "hidden";
  place.textContent = text;
  const notice = document.getElementById("notice");
  notice.append(place);
  setTimeout(() => place.remove(), 5000);
}

// The list as it is now.
let loading = null;
async function reload() {
  if (loading) return void (loading.again = true);
  loading = { again: false };
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const place = document.getElementById("devices");
    const fresh = parse(await answer.text()).getElementById("devices");
    if (answer.redirected || !place) return void location.assign(answer.url);
    if (!answer.ok || !fresh) return;
    const before = new Set([...place.querySelectorAll(".device")].map((device) => device.id));
    const after = [...fresh.querySelectorAll(".device")].map((device) => device.id);
    const changed = after.length !== before.size || after.some((id) => !before.has(id));
    keeping(() => place.replaceWith(fresh));
    for (const id of after) if (!before.has(id)) document.getElementById(id)?.classList.add("arrived");
    if (changed) announce(fresh.querySelector(".news h2")?.textContent ?? fresh.dataset.said);
  } catch { /* no network: the stream comes again, and with it the list */ } finally {
    const { again } = loading;
    loading = null;
    if (again) reload();
  }
}

// Another page in the place of this one, as the server made it.
function show(page, url) {
  document.querySelector("dialog")?.remove();
  keeping(() => {
    for (const part of ["header", "main", "footer"]) document.querySelector(part)?.replaceWith(page.querySelector(part));
  });
  document.title = page.title;
  history.replaceState(null, "", url);
  if (document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
  // A live region speaks when something is put into it.
  const notice = document.querySelector("#notice > p");
  if (notice) setTimeout(() => notice.replaceWith(notice.cloneNode(true)), 100);
  listen();
}

// A page that asks for the password comes as a dialog: what was being done stays where it is.
function ask(card) {
  const former = document.querySelector("dialog");
  const dialog = document.createElement("dialog");
  dialog.append(card);
  dialog.setAttribute("aria-labelledby", "again-title");
  card.querySelector("h1").id = "again-title";
  dialog.addEventListener("close", () => dialog.remove());
  former?.remove();
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-live]")) return;
  event.preventDefault();
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  try {
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
    const page = parse(await answer.text());
    const card = page.getElementById("again");
    if (card) ask(card);
    else show(page, answer.redirected ? answer.url : location.href);
  } catch {
    form.removeAttribute("data-live");
    form.requestSubmit(event.submitter);
  } finally {
    form.ariaBusy = null;
  }
});

document.addEventListener("click", (event) => {
  const dialog = event.target.closest?.("[data-cancel]")?.closest("dialog");
  if (dialog) event.preventDefault(), dialog.close();
});

// What happens meanwhile.
let stream = null;
let timer = 0;
function stop() {
  stream?.close();
  stream = null;
}
function listen() {
  const path = document.getElementById("devices")?.dataset.stream;
  if (!path) return stop();
  if (stream || document.hidden) return;
  const own = stream = new EventSource(path);
  let heard = false;
  own.addEventListener("hello", () => { if (heard || own.late) reload(); heard = true; });
  own.addEventListener("changed", reload);
  own.addEventListener("ended", () => { stop(); location.assign("/account"); });
  own.addEventListener("refused", () => { stop(); own.late = true; reload().then(listen); });
  own.addEventListener("replaced", stop);
  own.addEventListener("error", () => {
    if (own.readyState !== EventSource.CLOSED || stream !== own) return;
    stop();
    setTimeout(() => { listen(); reload(); }, 5000 + Math.random() * 5000);
  });
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) timer = setTimeout(stop, 60000);
  else if (!stream && document.getElementById("devices")) listen(), reload();
});
// A page from the back/forward cache shows what was, perhaps of somebody else.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
addEventListener("pagehide", stop);

tellTimes();
setInterval(tellTimes, 15000);
listen();
