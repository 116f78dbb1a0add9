// <rescind-devices>: the devices that somebody is signed in on, each with a button to sign it out. See docs/widgets.md.
import { callAs, follow } from "./authority.js";
import { ago, button, date, fill, h, row, sheet } from "./look.js";
import { learn, wordsIn } from "./words.js";

let question;

export class RescindDevices extends HTMLElement {
  #own = {};
  #pages = 1;
  #loads = 0;
  #shown = "";
  #sessions = [];
  #quiet = 0;
  #stop;
  /** Ends the question that is open, if one is. */
  #close;
  #list = h("ul", { role: "list", part: "list" });
  #footer = h("footer", { part: "footer" });
  #status = h("p", { role: "status", part: "status" });
  #panel = h("section", { part: "panel" }, this.#list, this.#footer, this.#status);

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).append(this.#panel);
    this.shadowRoot.adoptedStyleSheets = [sheet];
  }

  set session(session) {
    this.#start({ session });
  }

  set token(token) {
    this.#start({ token });
  }

  set words(words) {
    this.#start({ words });
  }

  connectedCallback() {
    for (const name of ["session", "token", "words"].filter((name) => Object.hasOwn(this, name))) {
      // What was set before this class was there hides its setters.
      this.#own[name] = this[name];
      delete this[name];
    }
    this.#start();
  }

  disconnectedCallback() {
    this.#stop?.abort();
    this.#clear();
  }

  #start(set) {
    Object.assign(this.#own, set);
    this.#stop?.abort();
    this.#clear();
    const { session, token } = this.#own;
    if (!this.isConnected || !(session || token)) return;
    const { signal } = (this.#stop = new AbortController());
    const on = (target, name, hear) => target.addEventListener(name, hear, { signal });
    const load = () => document.visibilityState === "visible" && this.refresh();
    on(document, "visibilitychange", load);
    if (session) {
      on(session, "changed", ({ detail }) => this.#changed(detail));
      on(session, "started", load);
      on(session, "ended", () => this.#clear());
    } else {
      const heard = (event, data) => (event === "ended" ? this.#left() : this.#changed(data));
      follow({ authority: this.#authority, token, signal, heard });
    }
    this.refresh();
  }

  /** Loads the list anew. */
  async refresh() {
    const turn = (this.#loads += 1);
    const { session } = this.#own;
    try {
      // If the language does not come, it is English.
      await learn(this.#lang).catch(() => {});
      const { lang, dir = "ltr", label: ariaLabel } = this.#words;
      Object.assign(this.#panel, { lang, dir, ariaLabel });
      if (session && !(await session.ready())) return;
      const all = [];
      let [pages, next] = [0, ""];
      // This device comes first, however far down it is.
      while (next !== undefined && (pages < this.#pages || (pages < 20 && !all.some((one) => one.current)))) {
        const page = await this.#call(`?limit=50${next && `&after=${next}`}`);
        all.push(...page.sessions);
        next = page.next;
        pages += 1;
      }
      if (turn !== this.#loads) return;
      this.#show(all.sort((one, other) => other.current - one.current), next && pages + 1);
      this.#emit("loaded", { sessions: all });
    } catch (error) {
      if (turn === this.#loads) this.#failed(error);
    }
  }

  /** Nothing is shown of whoever was signed in, nor asked, nor loaded. */
  #clear() {
    this.#loads += 1;
    this.#close?.();
    this.#show([]);
  }

  #changed({ kind, session, session_id: id }) {
    const { name } = (session ?? this.#sessions.find((one) => one.id === id))?.device ?? {};
    const text = { signed_in: "come", ended: Date.now() > this.#quiet && "gone" }[kind];
    if (name && text) this.#say(text, { name });
    this.refresh();
  }

  #show(sessions, more) {
    this.#sessions = sessions;
    const words = this.#words;
    const lasting = JSON.stringify([sessions.map((one) => ({ ...one, last_seen_at: 0 })), more, words.lang]);
    if (lasting !== this.#shown && !this.#close) {
      // Only what differs is written anew, and the keyboard keeps its place.
      this.#shown = lasting;
      const at = this.shadowRoot.activeElement?.id;
      this.#list.replaceChildren(...sessions.map((one) => this.#row(one)));
      const grow = () => ((this.#pages = more), this.refresh());
      const post = (what) => (password) => this.#call(`/end-${what}`, { json: { password } });
      const end = (what, note, work = post(what)) => () => this.#end(what, {}, work, note);
      const { session } = this.#own;
      const all = session && ((password) => session.endAll(password));
      this.#footer.replaceChildren(
        ...(more ? [button(words.more, grow, { id: "more" })] : []),
        ...(sessions.length > 1 ? [button(words.others, end("others"), { id: "others" })] : []),
        ...(sessions.length ? [button(words.all, end("all", words.sureAll, all), { id: "all" })] : []),
      );
      if (at) (this.shadowRoot.getElementById(at) ?? this.shadowRoot.querySelector("button"))?.focus();
    }
    for (const { id, last_seen_at: text } of sessions) {
      const time = this.shadowRoot.getElementById(id)?.parentNode.querySelector("time");
      if (!time) continue;
      time.dateTime = text;
      time.title = date(text, words.lang, { dateStyle: "long", timeStyle: "long" });
      time.textContent = this.#fill("active", { ago: ago(text, words.lang) });
    }
  }

  #row(session) {
    const { id, current, device } = session;
    const end = () => this.#end("endOne", { name: device.name, id }, (password) => this.#endOne(id, password));
    return row(session, this.#words, current ? () => this.#leave() : end);
  }

  async #endOne(id, password) {
    if (password) await (this.#own.session ?? this).reauthenticate(password);
    return this.#call(`/${id}`, { method: "DELETE" });
  }

  /** Ends something. Asks first if there is something to say before, and for the password if the authority wants it. */
  async #end(what, data, work, note) {
    for (let secret = false; ; secret = true) {
      try {
        const password = note === undefined ? "" : await this.#ask(data.id, this.#fill(what, data), note, secret);
        // What changed meanwhile is not in the list yet.
        if (password === undefined) return this.#stop.signal.aborted || this.refresh();
        this.#quiet = Date.now() + 5000;
        const { enforcement } = await work(password || undefined);
        this.#report(enforcement);
        this.#emit("done", { what, enforcement });
        return what === "all" ? this.#left() : this.refresh();
      } catch (error) {
        const stale = error.kind === "insufficient-user-authentication";
        if (!stale && error.kind !== "wrong-password") return this.#failed(error);
        if (what === "endOne" && !this.#own.session && !this.reauthenticate) return this.#say("again");
        note = stale ? "" : this.#words.wrong;
      }
    }
  }

  /** Gives the password, or an empty text where none is wanted; nothing if nobody wants it any more. */
  async #ask(id, title, note, secret) {
    const back = this.shadowRoot.activeElement?.id;
    // Once it is there, the keyboard is in the form as soon as the button was pressed.
    question ??= (await import("./question.js")).question;
    this.#close?.();
    // The list may have been written anew since the button was pressed, or be empty.
    const place = id ? this.shadowRoot.getElementById(id)?.parentNode : this.#sessions.length && this.#footer;
    if (!place) return undefined;
    return new Promise((answered) => {
      const close = (this.#close = (answer) => {
        form.remove();
        this.#close = undefined;
        this.shadowRoot.getElementById(back)?.focus();
        answered(answer);
      });
      const { form, first } = question({ title, note, secret, words: this.#words, answered: close });
      place.append(form);
      first.focus();
    });
  }

  async #leave() {
    const { session } = this.#own;
    try {
      this.#left(session ? await session.signOut() : await this.#call("/current", { method: "DELETE" }));
    } catch (error) {
      this.#failed(error);
    }
  }

  #left(result) {
    this.#clear();
    // A session says when somebody is signed in again; a new token function does, too.
    if (!this.#own.session) this.#stop?.abort();
    this.#emit("signed-out", result);
  }

  // Administrators are told who is pending, all others how many are.
  #report({ enforced, confirmed, lapsed, pending: who, bound_in_ms: bound, took_ms: ms }) {
    const pending = who.length ?? who;
    const total = confirmed + lapsed + pending;
    const seconds = Math.ceil(bound / 1000);
    const name = enforced ? (total ? "done" : "alone") : pending ? "pending" : "untold";
    this.#say(name, { confirmed, total, pending, seconds, ms, count: enforced ? total : seconds });
  }

  #failed(error) {
    this.#say("failed", { detail: error.message });
    this.#emit("failed", { error });
  }

  #say(name, data) {
    this.#status.textContent = this.#fill(name, data);
  }

  get #lang() {
    return (this.#own.words?.lang ?? this.closest("[lang]")?.lang)?.split("-")[0];
  }

  get #words() {
    return { ...wordsIn(this.#lang), ...this.#own.words };
  }

  #fill = (name, data) => fill(this.#words[name], data, this.#words.lang);

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  get #authority() {
    return this.#own.session?.authority ?? new URL(this.getAttribute("authority")).origin;
  }

  #call(path, options) {
    const { session, token } = this.#own;
    const url = `${this.#authority}/v1/sessions${path}${options ? "?wait=enforced" : ""}`;
    return callAs((refused) => (session ? session.token(refused) : token(refused)), url, options);
  }
}

customElements.define("rescind-devices", RescindDevices);
