// Keeps a browser app signed in: docs/widgets.md.

import { Refused, call, callAs, follow, pause } from "./authority.js";

export { Refused, Unreachable } from "./authority.js";

/** How long before its end an access token is renewed, in ms; a fifth of its life at most. */
const MARGIN = 30_000;
/** Below this, in ms, an access token is not handed out any more: it would end on its way. */
const LAST = 2_000;
/** The waits before each try of one renewal, in ms, and how long its answer may take. For 10 s the authority repairs a lost
 * reply when it is asked again with the same token, so there has to be a second try by then, a third as a rule. */
const TRIES = [0, 300, 900, 2400];
const PATIENCE = 4_000;
/** How long another tab's news may take, in ms. */
const NEWS = 250;
/** How long other tabs believe that one is signing out everywhere, in ms: it may be closed before it says how that went. */
const LEAVING = 30_000;

/** Nobody is signed in. */
export class SignedOut extends Error {
    name = "SignedOut";
}

/**
 * A session of this browser. Events: `started` (somebody signed in, here or in another tab), `ended` (with
 * `detail.reason`: here, tab, elsewhere, expired, replaced) and `changed` (something about the person's devices).
 */
export class Session extends EventTarget {
    /** The authority's origin. */
    authority;
    #options;
    #name;
    #store;
    #channel;
    #ready;
    #trusted;
    /** What is held: { sid, born, turn, access, refresh, until, lifetime, ends }, never changed, only replaced. */
    #held;
    /** When that was taken, by both clocks, and how many ms the access token had left then. */
    #taken;
    /** Sessions that are over. What comes late must not bring them back. */
    #over = new Set();
    /** Which session ends next, why, and for how long that is believed: { sid, reason, until }. */
    #leaving;
    #renewing;
    #timer;
    #failures = 0;
    /** What is held came with the tab, and may have been renewed by another since. */
    #isOld = false;
    #live;
    #closed = new AbortController();
    #told = () => {};

    /**
     * @param {object} options
     * @param {string} options.authority Its origin.
     * @param {string} [options.clientId]
     * @param {string | string[]} [options.audience]
     * @param {"memory" | "sessionStorage" | "localStorage" | { get, set, remove }} [options.storage]
     * @param {string[]} [options.resources] Origins that `fetch` gives the access token to, besides authority and page.
     * @param {boolean} [options.live] Whether to hear of changes as they happen.
     */
    constructor({ authority, clientId, audience, storage = "memory", resources = [], live = true }) {
        super();
        this.authority = new URL(authority).origin;
        this.#options = { clientId, audience, live };
        this.#name = `rescind ${this.authority} ${clientId ?? ""}`;
        this.#trusted = new Set([this.authority, location.origin, ...resources.map((url) => new URL(url).origin)]);
        this.#store = openStore(storage, this.#name);
        if (globalThis.BroadcastChannel) {
            this.#channel = new BroadcastChannel(this.#name);
            this.#channel.onmessage = ({ data }) => this.#hear(data);
        }
        const { signal } = this.#closed;
        const wake = () => document.visibilityState === "visible" && this.#wake();
        document.addEventListener("visibilitychange", wake, { signal });
        addEventListener("pageshow", wake, { signal });
        // Where there is no channel, this is how a log-out in another tab is noticed.
        addEventListener("storage", ({ key }) => [this.#name, null].includes(key) && this.#look(), { signal });
        this.#ready = this.#begin();
    }

    /** Whether somebody is signed in, as far as this tab knows. */
    get signedIn() {
        return this.#held !== undefined;
    }

    /** Resolves to `signedIn` once storage and the other tabs have been asked. */
    async ready() {
        await this.#ready;
        return this.signedIn;
    }

    /** Signs in. Gives the session as the authority shows it; throws `Refused` or `Unreachable`. */
    async signIn({ login, password, remember = false, deviceName }) {
        await this.#ready;
        const { clientId: client_id, audience } = this.#options;
        const clocks = now();
        const json = { login, password, remember, device_name: deviceName, client_id, audience };
        const answer = await this.#call("/v1/sessions", { json });
        const before = await this.#keep(answer, clocks);
        if (before) {
            // First the other tabs hear why it ends, then that it does.
            this.#post({ over: before.sid, reason: "replaced" });
            // Nobody could end it any more from here.
            const options = { method: "DELETE", token: before.access, keepalive: true };
            this.#call("/v1/sessions/current", options).catch(() => {});
        }
        return answer.session;
    }

    /**
     * An access token that is good for a while; not `refused`, if a service did not accept that one.
     * Throws `SignedOut`, or `Unreachable` if there is none and none can be had.
     */
    async token(refused) {
        await this.#ready;
        if (!this.#held) throw new SignedOut("Nobody is signed in.");
        const { access } = this.#held;
        if (this.#isGood(refused)) return access;
        const renewed = this.#renew(refused);
        if (access !== refused && this.#left() > LAST) {
            renewed.catch(() => {});
            return access;
        }
        await renewed;
        // That may have been a renewal already under way, which did not know that this one was refused.
        if (this.#held?.access === refused) await this.#renew(refused);
        if (!this.#held) throw new SignedOut("Nobody is signed in any more.");
        return this.#held.access;
    }

    /** `fetch` with the access token. If it is refused, it is renewed, and the request sent again, unless its body is gone. */
    async fetch(input, init) {
        const request = new Request(input, init);
        // A clone would hold all of the body in memory, so that is built anew, or given up.
        const once = init?.body ? init.body instanceof ReadableStream : input.bodyUsed;
        const { origin } = new URL(request.url);
        if (!this.#trusted.has(origin)) throw new TypeError(`${origin} is not among the resources of this session`);
        const token = await this.token();
        request.headers.set("Authorization", `Bearer ${token}`);
        const answer = await fetch(request);
        // Asking for a fresh authentication is not refusing the token.
        const asks = /insufficient/.test(answer.headers.get("WWW-Authenticate") ?? "");
        if (answer.status !== 401 || asks) return answer;
        let other;
        try {
            other = await this.token(token);
        } catch {
            return answer;
        }
        if (once) return answer;
        const again = new Request(input, init);
        again.headers.set("Authorization", `Bearer ${other}`);
        return fetch(again);
    }

    /** Authenticates again, for what asks for that. Throws `Refused` (`kind`: wrong-password) and changes nothing then. */
    async reauthenticate(password) {
        const token = await this.token();
        await this.#alone(async () => {
            const [held, clocks] = [this.#held, now()];
            if (!held) throw new SignedOut("Nobody is signed in any more.");
            try {
                const answer = await this.#call("/v1/reauthenticate", { json: { password }, token, limit: PATIENCE });
                await this.#keep(answer, clocks, held);
            } catch (error) {
                // The next refresh token may be lost with the answer; within the grace time the former one gets it again.
                if (!(error instanceof Refused)) await this.#renewAlone(held.access, false);
                throw error;
            }
        });
    }

    /**
     * Signs out. Every copy in this browser is gone at once. Then the authority is told: `confirmed` says whether it
     * answered, `enforcement` what it answered, `error` why it did not.
     */
    async signOut() {
        const held = await this.forget();
        if (!held) return { confirmed: true };
        let error;
        for (const wait of TRIES) {
            await pause(wait * (0.5 + Math.random()));
            try {
                const path = "/v1/sessions/current?wait=enforced";
                const answer = await this.#call(path, { method: "DELETE", token: held.access, keepalive: true });
                return { confirmed: true, enforcement: answer.enforcement };
            } catch (caught) {
                error = caught;
                if (error instanceof Refused) break;
            }
        }
        return { confirmed: false, error };
    }

    /**
     * Signs out everywhere, this device too. Throws `Refused` if the authority wants the password, or another one, and
     * `Unreachable`; nothing is wiped then. Gives what it answered, with the `enforcement`.
     */
    async endAll(password) {
        await this.#ready;
        const sid = this.#held?.sid;
        // The live stream may tell of it before the answer does.
        this.#leaving = { sid, reason: "here", until: Infinity };
        this.#post({ leaving: { sid, reason: "tab" } });
        try {
            const url = `${this.authority}/v1/sessions/end-all?wait=enforced`;
            const answer = await callAs((refused) => this.token(refused), url, { json: { password } });
            // Not what was begun while the enforcement was waited for.
            if (sid && this.#held?.sid === sid) await this.forget();
            return answer;
        } finally {
            this.#leaving = undefined;
            this.#post({ leaving: null });
        }
    }

    /** Wipes every copy in this browser, without telling the authority: for a session that has ended. */
    async forget() {
        await this.#ready;
        const before = this.#held;
        await this.#look();
        const held = this.#held ?? before;
        if (this.#held) await this.#end("here");
        return held;
    }

    /** Stops all work in this tab. What is stored stays. */
    close() {
        this.#closed.abort();
        this.#live?.abort();
        clearTimeout(this.#timer);
        this.#channel?.close();
        this.#channel = undefined;
    }

    async #begin() {
        await this.#look();
        if (this.#store.shared || !this.#channel) return;
        // A new tab of an app whose tabs share no storage: one of the others may know. One that came back with what it had,
        // too, and asks before it renews that.
        if (this.#held) this.#isOld = true;
        else await this.#ask();
    }

    async #ask() {
        this.#isOld = false;
        this.#post({ ask: true });
        await this.#news();
    }

    /** Reads the storage: another tab may have renewed, signed out or signed in. */
    async #look() {
        if (this.#store.memory) return;
        const before = this.#held;
        const stored = await this.#store.get();
        if (stored && this.#isNews(stored)) this.#adopt(stored);
        if (stored !== null || !this.#store.shared) return;
        // What was heard of while the storage was read may not have been in it yet.
        if (before && this.#held === before) await this.#end("tab", { tell: false });
    }

    #isNews({ sid, born, turn }) {
        const held = this.#held;
        if (this.#over.has(sid)) return false;
        return !held || (held.sid === sid ? turn > held.turn : born > held.born);
    }

    /** Takes what another tab, or this one a moment ago, was given. */
    #adopt(record, clocks = now(), left = Math.min(record.until - clocks.wall, record.lifetime)) {
        const before = this.#held;
        this.#held = record;
        this.#taken = { ...clocks, left };
        this.#failures = 0;
        this.#plan();
        this.#told();
        if (before?.sid === record.sid) return;
        if (before) {
            this.#over.add(before.sid);
            this.#say("ended", { reason: "replaced" });
        }
        this.#say("started", { session: record.sid });
        this.#live?.abort();
        this.#listen();
    }

    /**
     * Keeps what the authority gave: for what is `held`, unless that is over by now, or else for a new session. Gives what
     * it took the place of.
     */
    async #keep(answer, clocks, held) {
        // Another tab may have signed in meanwhile.
        await this.#look();
        const before = this.#held;
        if (held && before !== held) return undefined;
        // Whatever the clock was set to: a new session is later than the one before.
        const [born, turn] = held ? [held.born, held.turn + 1] : [Math.max(clocks.wall, (before?.born ?? 0) + 1), 1];
        const lifetime = answer.expires_in * 1000;
        const [access, refresh] = [answer.access_token, answer.refresh_token];
        const ends = Date.parse(answer.refresh_expires_at);
        const until = clocks.wall + lifetime;
        const record = { sid: answer.session.id, born, turn, access, refresh, until, lifetime, ends };
        this.#adopt(record, clocks, lifetime);
        await this.#store.set(record);
        this.#post({ record });
        // Signed out while it was being written.
        if (this.#over.has(record.sid)) await this.#store.remove(record.sid);
        return before;
    }

    /** Forgets everything. */
    async #end(why, { tell = true } = {}) {
        const { sid } = this.#held;
        const leaving = this.#leaving?.sid === sid && performance.now() < this.#leaving.until;
        const reason = leaving ? this.#leaving.reason : why;
        this.#held = undefined;
        this.#over.add(sid);
        clearTimeout(this.#timer);
        this.#live?.abort();
        if (tell) this.#post({ over: sid, reason });
        await this.#store.remove(sid);
        this.#told();
        this.#say("ended", { reason });
    }

    /** Ms that the access token has left. One clock stops while the machine sleeps, the other may be set: the later one
     * counts. */
    #left() {
        const { steady, wall } = now();
        return this.#taken.left - Math.max(steady - this.#taken.steady, wall - this.#taken.wall);
    }

    #isGood(refused) {
        return this.#held && this.#held.access !== refused && this.#left() > margin(this.#held);
    }

    #renew(refused) {
        const work = (contended) => this.#renewAlone(refused, contended);
        this.#renewing ??= this.#alone(work).finally(() => (this.#renewing = undefined));
        return this.#renewing;
    }

    /** Runs in one tab at a time, where the browser has Web Locks. Where not, the authority's grace time has to do. */
    async #alone(work) {
        const { locks } = navigator;
        if (!locks) return work(false);
        const first = async (lock) => lock && { done: await work(false) };
        const at = await locks.request(this.#name, { ifAvailable: true }, first);
        return at ? at.done : locks.request(this.#name, () => work(true));
    }

    async #renewAlone(refused, contended) {
        // Another tab has just let go of the lock; what it was given is on its way.
        if (this.#isOld) await this.#ask();
        else if (contended && !this.#isGood(refused)) await this.#news();
        await this.#look();
        const held = this.#held;
        if (!held || this.#isGood(refused)) return;
        let error;
        for (const wait of TRIES) {
            await pause(wait * (0.5 + Math.random()));
            if (this.#held !== held) return;
            const clocks = now();
            try {
                const json = { refresh_token: held.refresh };
                const answer = await this.#call("/v1/sessions/refresh", { json, limit: PATIENCE });
                return void (await this.#keep(answer, clocks, held));
            } catch (caught) {
                error = caught;
                if (error instanceof Refused) break;
            }
        }
        if (error.kind !== "refresh-refused") throw error;
        // Without locks another tab may have been faster; then its news is better than this.
        await this.#news();
        await this.#look();
        if (this.#held === held) await this.#end(Date.now() < held.ends ? "elsewhere" : "expired");
    }

    /** Renews in time, while somebody looks. */
    #plan(after = this.#left() - margin(this.#held) * (1 + Math.random() / 2)) {
        clearTimeout(this.#timer);
        if (document.visibilityState !== "visible" || this.#closed.signal.aborted) return;
        this.#timer = setTimeout(() => this.#renew().catch((error) => this.#retry(error)), Math.max(0, after));
    }

    #retry(error) {
        this.#failures += 1;
        const most = Math.min(60_000, 1000 * 2 ** this.#failures);
        if (this.#held) this.#plan(Math.max(error.retryAfter ?? 0, most * (0.5 + Math.random() / 2)));
    }

    async #wake() {
        await this.#look();
        if (!this.#held) return;
        this.#plan();
        this.#listen();
    }

    /** Hears of changes: one tab for all, or, where tabs cannot agree on one, each that is looked at. */
    #listen() {
        if (!this.#options.live || !this.#held || this.#closed.signal.aborted) return;
        const share = navigator.locks && this.#channel;
        if ((this.#live && !this.#live.signal.aborted) || (!share && document.visibilityState !== "visible")) return;
        const line = (this.#live = new AbortController());
        const { signal } = line;
        const heard = (event, data) => {
            if (event === "ended") return void (this.#held && this.#end("elsewhere"));
            this.#post({ changed: data });
            this.#say("changed", data);
        };
        const run = () => follow({ authority: this.authority, token: (no) => this.token(no), signal, heard });
        if (share) return void navigator.locks.request(`${this.#name} live`, { signal }, run).catch(() => {});
        const hide = () => document.visibilityState === "hidden" && line.abort();
        document.addEventListener("visibilitychange", hide, { signal });
        run();
    }

    /** What another tab says. */
    #hear(message) {
        const { ask, record, over, reason, changed } = message;
        if ("leaving" in message) this.#leaving = { ...message.leaving, until: performance.now() + LEAVING };
        if (ask && this.#held && !this.#store.shared) this.#post({ record: this.#held });
        if (record && this.#isNews(record)) {
            if (!this.#store.shared) this.#store.set(record);
            this.#adopt(record);
        }
        if (over) {
            if (this.#held?.sid === over) this.#end(reason === "here" ? "tab" : reason, { tell: false });
            this.#over.add(over);
        }
        if (changed) this.#say("changed", changed);
    }

    /** Waits for news from another tab, a moment. */
    #news() {
        return new Promise((told) => {
            const timer = setTimeout(told, NEWS);
            this.#told = () => (clearTimeout(timer), told());
        });
    }

    #post(message) {
        this.#channel?.postMessage(message);
    }

    #say(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }

    #call(path, options) {
        return call(this.authority + path, options);
    }
}

const margin = ({ lifetime }) => Math.min(MARGIN, lifetime / 5);

const now = () => ({ steady: performance.now(), wall: Date.now() });

/**
 * What keeps a record between two pages: nothing, one of the browser's two storages, or what the app brings along.
 * `get` gives null if there is none, nothing if it cannot be read.
 */
function openStore(storage, name) {
    const store = { memory: storage === "memory", shared: storage !== "memory" && storage !== "sessionStorage" };
    /** Where a browser or its user forbids storage, memory has to do. */
    const tried = async (work) => {
        try {
            return store.memory ? undefined : await work();
        } catch {
            store.memory = true;
            // What was kept before would be taken for what is held now.
            await attempt(() => inTurn(remove));
        }
    };
    const attempt = async (work) => {
        try {
            if (storage !== "memory") return await work();
        } catch { /* It is forbidden, and nothing is there. */ }
    };
    const own = () => globalThis[storage];
    const custom = typeof storage === "object";
    let last = Promise.resolve();
    /** What takes its time is done one after the other, in all tabs, so that nothing comes between reading and removing. */
    const inTurn = (work) => {
        if (!custom) return work();
        if (navigator.locks) return navigator.locks.request(`${name} storage`, work);
        return (last = last.then(work, work));
    };
    const read = () => (custom ? storage.get(name) : own().getItem(name));
    const remove = () => (custom ? storage.remove(name) : own().removeItem(name));
    store.get = () => tried(async () => parsed(await inTurn(read)));
    store.set = (record) => {
        const text = JSON.stringify(record);
        return tried(() => inTurn(() => (custom ? storage.set(name, text) : own().setItem(name, text))));
    };
    // Not the session that somebody has begun meanwhile.
    const others = (text, sid) => (parsed(text)?.sid ?? sid) !== sid;
    const wipe = (text, sid) => (others(text, sid) ? undefined : remove());
    store.remove = (sid) => attempt(() => (custom ? inTurn(async () => wipe(await read(), sid)) : wipe(read(), sid)));
    return store;
}

function parsed(text) {
    try {
        const record = JSON.parse(text ?? null);
        return record?.sid && record.access && record.refresh ? record : null;
    } catch {
        return null;
    }
}
