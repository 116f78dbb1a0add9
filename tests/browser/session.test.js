// session.js on its own, where things go wrong.

import assert from "node:assert/strict";
import { after } from "node:test";
import { request } from "node:http";
import { FAILED, PASSWORD, REFUSED, house, until } from "./harness/house.js";
import { serveSite } from "./harness/site.js";

const { test } = house();

/** A page that has the widgets' modules and nothing else. */
const PAGE = (url) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Bare</title>
<main><h1>Bare</h1><rescind-devices></rescind-devices></main>
<script type="module">
import * as session from "${url}/widgets/session.js";
import * as devices from "${url}/widgets/devices.js";
globalThis.rescind = { ...session, ...devices };
</script>`;

let bare;
after(() => bare?.stop());
let people = 0;

/** A page with `session` in it, which somebody has signed in to. */
async function signedIn({ server, open }, options = {}, authority = server.url) {
    if (!bare) {
        bare = await serveSite({ pages: { "/index.html": PAGE(server.url) } });
        await server.browserClient("bare", bare.url);
    }
    const login = `person${(people += 1)}`;
    await server.account(login);
    const page = await open();
    if (options.clock) await page.context().clock.install();
    await load(page, { authority, ...options });
    await page.evaluate((who) => session.signIn(who), { login, password: PASSWORD });
    return { page, login };
}

async function load(page, options) {
    await page.goto(`${bare.url}/index.html`);
    await page.waitForFunction(() => globalThis.rescind);
    await page.evaluate((options) => {
        if (options.storage === "own") {
            const kept = (globalThis.kept = new Map());
            const later = (work) => new Promise((done) => setTimeout(() => done(work()), 5));
            const own = { get: (name) => kept.get(name), set: (name, text) => void kept.set(name, text), remove: (name) => kept.delete(name) };
            options.storage = Object.fromEntries(Object.entries(own).map(([verb, work]) => [verb, (...all) => later(() => work(...all))]));
        }
        if (options.storage === "hooked") {
            // Each verb first waits for what a test says, or tells what it found a little later.
            const hook = (work, verb) => async (...all) => {
                await globalThis.before?.(verb);
                const found = work(...all);
                await globalThis.after?.(verb);
                return found;
            };
            options.storage = {
                get: hook((name) => localStorage.getItem(name), "get"),
                set: hook((name, text) => localStorage.setItem(name, text), "set"),
                remove: hook((name) => localStorage.removeItem(name), "remove"),
            };
        }
        globalThis.session = new rescind.Session({ clientId: "bare", storage: "localStorage", ...options });
        globalThis.said = [];
        for (const name of ["started", "ended", "changed"]) {
            session.addEventListener(name, ({ detail }) => said.push([name, detail?.reason ?? detail?.kind]));
        }
    }, options);
}

/** What a call of `session` came to: its value, or the name of its error. */
const outcome = (page, call) =>
    page.evaluate(`(async () => { try { return await (${call}) } catch (error) { return error.name + ": " + error.message } })()`);
const held = (page) => page.evaluate(() => Object.values(localStorage).map((text) => JSON.parse(text).refresh));
const renew = "session.token().then((token) => session.token(token))";

test("c3 a reply that was lost is repaired by asking again", { allow: [FAILED] }, async (visit) => {
    const { page } = await signedIn(visit);
    const [before] = await held(page);
    const answers = [];
    await page.route("**/v1/sessions/refresh", async (route) => {
        const answer = await route.fetch();
        answers.push((await answer.json()).refresh_token);
        if (answers.length === 1) return route.abort("connectionreset");
        return route.fulfill({ response: answer });
    });
    assert.match(await outcome(page, renew), /^ey/);
    assert.equal(answers.length, 2);
    assert.equal(answers[0], answers[1], "the same successor");
    assert.notEqual(answers[0], before);
    assert.deepEqual(await held(page), [answers[1]]);
});

test("c3 a reply that hangs is not waited for longer than it can be repaired", async (visit) => {
    const { page } = await signedIn(visit);
    let asked = 0;
    await page.route("**/v1/sessions/refresh", async (route) => {
        const answer = await route.fetch();
        asked += 1;
        if (asked > 1) await route.fulfill({ response: answer });
    });
    assert.match(await outcome(page, renew), /^ey/);
    assert.equal(asked, 2);
});

for (const [how, answer] of [
    ["cannot be reached", (route) => route.abort("connectionrefused")],
    ["answers with 503", (route) => route.fulfill({ status: 503, json: { type: "/problems/busy", retry_after: 1 }, headers: { "Access-Control-Allow-Origin": "*" } })],
    ["answers with what is no JSON", (route) => route.fulfill({ status: 404, body: "<h1>Not here</h1>", headers: { "Access-Control-Allow-Origin": "*" } })],
]) {
    test(`nobody is signed out while the authority ${how}`, { allow: [FAILED, REFUSED] }, async (visit) => {
        const { page } = await signedIn(visit, { clock: true });
        await page.route("**/v1/**", answer);
        await page.context().clock.fastForward("10:00");
        const asked = page.evaluate(() => session.token().catch((error) => error.name));
        assert.equal(await asked, "Unreachable");
        assert.equal(await page.evaluate(() => session.signedIn), true);
        await page.unroute("**/v1/**");
        assert.match(await outcome(page, "session.token()"), /^ey/);
        assert.deepEqual(await page.evaluate(() => said.filter(([name]) => name === "ended")), []);
    });
}

test("a token is renewed before it ends, without anybody asking", async (visit) => {
    const { page } = await signedIn(visit, { clock: true });
    const [before] = await held(page);
    await page.context().clock.fastForward("04:00");
    assert.deepEqual(await held(page), [before]);
    await page.context().clock.fastForward("00:45");
    await until(async () => (await held(page))[0] !== before);
});

test("signing out while the authority is away forgets everything here, and says that it was not told", { allow: [FAILED] }, async (visit) => {
    const { page, login } = await signedIn(visit);
    await page.route("**/v1/**", (route) => route.abort("internetdisconnected"));
    const left = page.evaluate(() => session.signOut().then(({ confirmed, error }) => [confirmed, error.name]));
    await until(async () => (await held(page)).length === 0);
    assert.deepEqual(await left, [false, "Unreachable"]);
    assert.deepEqual(await page.evaluate(() => said.at(-1)), ["ended", "here"]);
    const { access_token: token } = await visit.server.signIn(login);
    assert.equal((await visit.server.ask("/v1/sessions", { token })).sessions.length, 2, "it was not told, indeed");
});

test("a sign-out is told to the authority, and its access token is refused at once", { allow: [REFUSED] }, async (visit) => {
    const { page } = await signedIn(visit);
    const token = await outcome(page, "session.token()");
    const { confirmed, enforcement } = await page.evaluate(() => session.signOut());
    assert.equal(confirmed, true);
    assert.equal(enforcement.enforced, true);
    assert.equal((await visit.server.call("/v1/me", { token })).status, 401);
    assert.match(await outcome(page, "session.token()"), /^SignedOut/);
});

for (const storage of ["localStorage", "sessionStorage", "memory", "own"]) {
    test(`a16 a renewal that is under way cannot bring back what was signed out: ${storage}`, async (visit) => {
        const { page } = await signedIn(visit, { storage });
        let release;
        const released = new Promise((done) => (release = done));
        const asked = new Promise((seen) =>
            page.route("**/v1/sessions/refresh", async (route) => {
                const answer = await route.fetch();
                seen();
                await released;
                await route.fulfill({ response: answer });
            }),
        );
        const renewed = outcome(page, renew);
        await asked;
        assert.deepEqual((await page.evaluate(() => session.signOut())).confirmed, true);
        release();
        assert.match(await renewed, /^SignedOut/);
        const copies = () => [...Object.values(localStorage), ...Object.values(sessionStorage), ...(globalThis.kept?.values() ?? [])];
        assert.deepEqual(await page.evaluate(`(${copies})()`), []);
        assert.equal(await page.evaluate(() => session.signedIn), false);
    });
}

test("an app's own storage keeps somebody signed in", async (visit) => {
    const { page } = await signedIn(visit, { storage: "own" });
    assert.match(await outcome(page, renew), /^ey/);
    assert.equal(await page.evaluate(() => kept.size), 1);
    assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length]), [0, 0]);
});

test("where the browser forbids storage, memory has to do", async ({ server, open }) => {
    const opened = async (device) => {
        const page = await open(device);
        await page.addInitScript(() => {
            for (const name of ["getItem", "setItem", "removeItem"]) {
                Storage.prototype[name] = () => {
                    throw new DOMException("forbidden", "SecurityError");
                };
            }
        });
        return page;
    };
    const { page } = await signedIn({ server, open: opened });
    assert.match(await outcome(page, renew), /^ey/);
    assert.equal(await page.evaluate(() => session.signedIn), true);
});

test("the token goes to origins that were named, and to no other", { allow: [REFUSED] }, async (visit) => {
    const got = [];
    const answer = (request, response) => {
        got.push(request.headers.authorization);
        const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization" };
        response.writeHead(request.method === "OPTIONS" ? 204 : 200, headers).end();
        return true;
    };
    const [named, other] = [await visit.site({ answer }), await visit.site({ answer })];
    const { page } = await signedIn(visit, { resources: [named.url] });
    assert.match(await outcome(page, `session.fetch("${other.url}/x")`), /^TypeError/);
    assert.deepEqual(got, []);
    assert.equal(await outcome(page, `session.fetch("${named.url}/x").then((answer) => answer.status)`), 200);
    assert.match(got.at(-1), /^Bearer ey/);
});

test("a service that refuses a token is asked once more, with another and the same body", { allow: [REFUSED] }, async (visit) => {
    const got = [];
    const answer = (request, response) => {
        const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*, authorization" };
        if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
        let body = "";
        request.on("data", (bytes) => (body += bytes)).on("end", () => {
            got.push([request.headers.authorization, body]);
            response.writeHead(401, headers).end();
        });
        return true;
    };
    const service = await visit.site({ answer });
    const { page } = await signedIn(visit, { resources: [service.url] });
    const call = `session.fetch("${service.url}/x", { method: "POST", body: "the body" }).then((answer) => answer.status)`;
    assert.equal(await outcome(page, call), 401);
    assert.equal(got.length, 2);
    assert.deepEqual(got.map(([, body]) => body), ["the body", "the body"]);
    assert.notEqual(got[0][0], got[1][0]);
    assert.equal(await page.evaluate(() => session.signedIn), true);
});

test("somebody else who signs in in another tab takes the place of the first, in every tab", { allow: [REFUSED] }, async (visit) => {
    const { page } = await signedIn(visit);
    const first = await outcome(page, "session.token()");
    const other = await page.context().newPage();
    await load(other, { authority: visit.server.url });
    await visit.server.account("second");
    await other.evaluate((who) => session.signIn(who), { login: "second", password: PASSWORD });
    await page.waitForFunction(() => said.some(([, reason]) => reason === "replaced"));
    const [one, two] = [await outcome(page, "session.token()"), await outcome(other, "session.token()")];
    assert.equal(one, two);
    await until(async () => (await visit.server.call("/v1/me", { token: first })).status === 401);
});

test("the widget works with a token function, without a session", { allow: [REFUSED] }, async (visit) => {
    const { page, login } = await signedIn(visit);
    const mine = await visit.server.signIn(login, { device_name: "Mine", client_id: "bare" });
    const words = { label: "Machines", end: "Out", endOne: "Out: {name}" };
    await page.evaluate(([token, words, authority]) => {
        globalThis.events = [];
        const widget = document.querySelector("rescind-devices");
        for (const name of ["loaded", "done", "failed", "signed-out"]) widget.addEventListener(name, () => events.push(name));
        widget.setAttribute("authority", authority);
        widget.words = words;
        widget.token = async () => token;
    }, [mine.access_token, words, visit.server.url]);
    await page.getByRole("region", { name: "Machines" }).waitFor();
    const rows = page.getByRole("listitem");
    await until(async () => (await rows.count()) === 2);
    assert.match(await rows.first().innerText(), /^Mine/);
    await page.getByRole("button", { name: /^Out: Headless/ }).click();
    await page.getByText(/^Done/).waitFor();
    await until(async () => (await rows.count()) === 1);
    await page.getByRole("button", { name: "Out: Mine" }).click();
    await page.waitForFunction(() => events.includes("signed-out"));
    assert.equal((await visit.server.call("/v1/me", { token: mine.access_token })).status, 401);
    assert.deepEqual((await page.evaluate(() => [...new Set(events)])).filter((name) => name !== "failed"), ["loaded", "done", "signed-out"]);
});

/** The server behind a proxy whose live stream is this test's. `say` writes to it, as many bytes at a time as it is told. */
async function proxied(visit, seen = () => {}) {
    const streams = new Set();
    const answer = (incoming, response) => {
        seen(incoming);
        const { origin } = incoming.headers;
        if (incoming.method === "GET" && incoming.url.startsWith("/v1/sessions/changes")) {
            response.writeHead(200, { "Content-Type": "text/event-stream", "Access-Control-Allow-Origin": origin });
            response.write("event: hello\ndata: {}\n\n");
            streams.add(response);
            response.on("close", () => streams.delete(response));
            return true;
        }
        const { method, headers, url } = incoming;
        const onward = request(visit.server.url + url, { method, headers }, (answer) => {
            response.writeHead(answer.statusCode, answer.headers);
            answer.pipe(response);
        });
        incoming.pipe(onward);
        return true;
    };
    const { url } = await visit.site({ answer });
    return { url, streams };
}

test("what the live stream says is heard, however it is cut into pieces, by one tab for all", async (visit) => {
    const { url, streams } = await proxied(visit);
    const { page } = await signedIn(visit, {}, url);
    const other = await page.context().newPage();
    await load(other, { authority: url });
    const hears = (what) => Promise.all([page, other].map((one) => one.waitForFunction((what) => said.some(([, kind]) => kind === what), what)));
    await until(() => streams.size === 1);
    const text = ': a comment\r\nevent: changed\r\ndata: {"kind":\r\ndata: "renämed"}\r\n\r\nid: 7\nevent:changed\ndata:{"kind":"two"}\n\n';
    for (const byte of Buffer.from(text)) [...streams][0].write(Buffer.from([byte]));
    await hears("renämed");
    await hears("two");
    assert.equal(streams.size, 1);
    // The tab that listened is closed, and the other takes its place.
    const [first] = streams;
    await page.close();
    const listened = await until(() => [...streams].find((stream) => stream !== first));
    listened.write('event: changed\ndata: {"kind":"three"}\n\n');
    await other.waitForFunction(() => said.some(([, kind]) => kind === "three"));
    listened.end('event: ended\ndata: {"reason":"signed out"}\n\n');
    await other.waitForFunction(() => said.at(-1)[1] === "elsewhere");
    assert.equal(await other.evaluate(() => session.signedIn), false);
    assert.deepEqual(await held(other), []);
    await until(() => streams.size === 0);
});

test("a live stream that breaks off is begun again, and what was missed is asked for", { allow: [FAILED] }, async (visit) => {
    const { url, streams } = await proxied(visit);
    const { page } = await signedIn(visit, {}, url);
    for (let round = 1; round <= 2; round += 1) {
        await until(() => streams.size === 1);
        await page.waitForFunction((round) => said.filter(([name]) => name === "changed").length >= round, round);
        [...streams][0].destroy();
        await until(() => streams.size === 0);
    }
    assert.equal(await page.evaluate(() => session.signedIn), true);
});

test("a tab that is closed while it signs out everywhere is not believed to do so for ever", async (visit) => {
    const { url, streams } = await proxied(visit);
    const { page } = await signedIn(visit, { clock: true }, url);
    await until(() => streams.size === 1);
    const [first] = streams;
    const other = await page.context().newPage();
    await load(other, { authority: url });
    const told = other.evaluate((url) => new Promise((heard) => {
        const channel = new BroadcastChannel(`rescind ${url} bare`);
        channel.onmessage = ({ data }) => data.leaving && heard(data.leaving);
    }), url);
    await other.waitForFunction(() => session.signedIn);
    await page.route("**/v1/sessions/end-all*", () => {});
    await page.evaluate(() => void session.endAll());
    await told;
    await page.close();
    const listened = await until(() => [...streams].find((stream) => stream !== first));
    await other.context().clock.fastForward("00:31");
    listened.end("event: ended\ndata: {}\n\n");
    await other.waitForFunction(() => said.some(([name]) => name === "ended"));
    assert.deepEqual(await other.evaluate(() => said.at(-1)), ["ended", "elsewhere"]);
});

test("a tab that begins in the background, without Web Locks, listens once it is looked at", async (visit) => {
    const { url, streams } = await proxied(visit);
    const open = async (device) => {
        const page = await visit.open(device);
        await page.addInitScript(() => {
            Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
            Object.defineProperty(Document.prototype, "visibilityState", { get: () => (globalThis.looked ? "visible" : "hidden") });
        });
        return page;
    };
    const { page } = await signedIn({ server: visit.server, open }, {}, url);
    const look = (looked) => page.evaluate((looked) => {
        globalThis.looked = looked;
        document.dispatchEvent(new Event("visibilitychange"));
    }, looked);
    // It asks the authority for other things meanwhile.
    assert.match(await outcome(page, renew), /^ey/);
    assert.equal(streams.size, 0);
    for (let round = 0; round < 2; round += 1) {
        await look(true);
        await until(() => streams.size === 1);
        await look(false);
        await until(() => streams.size === 0);
    }
});

test("tabs hear that a session was replaced before they could hear that it ended", async (visit) => {
    let replaced;
    const { url, streams } = await proxied(visit, (incoming) => incoming.method === "DELETE" && replaced?.());
    const { page } = await signedIn(visit, {}, url);
    await until(() => streams.size === 1);
    const [stream] = streams;
    replaced = () => stream.write("event: ended\ndata: {}\n\n");
    const other = await page.context().newPage();
    await load(other, { authority: url, storage: "hooked" });
    await other.waitForFunction(() => session.signedIn);
    await visit.server.account("third");
    await other.evaluate((who) => {
        let gets = 0;
        globalThis.before = (verb) => verb === "get" && (gets += 1) > 1 && new Promise((later) => setTimeout(later, 1000));
        return session.signIn(who);
    }, { login: "third", password: PASSWORD });
    await page.waitForFunction(() => said.filter(([name]) => name === "started").length === 2);
    assert.deepEqual(await page.evaluate(() => said.filter(([name]) => name === "ended")), [["ended", "replaced"]]);
});

test("an app's own storage is asked for one thing at a time", async (visit) => {
    for (const locks of [true, false]) {
        const open = async (device) => {
            const page = await visit.open(device);
            if (!locks) await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "locks", { value: undefined }));
            return page;
        };
        const { page } = await signedIn({ server: visit.server, open }, { storage: "hooked" });
        const most = await page.evaluate(async () => {
            let [now, most] = [0, 0];
            globalThis.before = async () => {
                now += 1;
                most = Math.max(most, now);
                await new Promise((later) => setTimeout(later, 20));
            };
            globalThis.after = () => void (now -= 1);
            for (let looks = 0; looks < 3; looks += 1) document.dispatchEvent(new Event("visibilitychange"));
            await session.signOut();
            return most;
        });
        assert.equal(most, 1, locks ? "with locks" : "without locks");
        assert.deepEqual(await held(page), []);
    }
});

test("what is stored while a former session is wiped stays", async (visit) => {
    const { page } = await signedIn(visit, { storage: "hooked" });
    await visit.server.account("fourth");
    await page.evaluate(async (who) => {
        const [former] = Object.values(localStorage);
        globalThis.before = async (verb) => {
            const waits = async () => (await navigator.locks.query()).pending.some(({ name }) => name.endsWith(" storage"));
            const goesOn = async () => Object.values(localStorage)[0] !== former || (await waits());
            while (verb === "remove" && !(await goesOn())) await new Promise((later) => setTimeout(later, 20));
        };
        const forgotten = session.forget();
        await session.signIn(who);
        await forgotten;
    }, { login: "fourth", password: PASSWORD });
    assert.equal((await held(page)).length, 1);
    await page.reload();
    await load(page, { authority: visit.server.url });
    assert.equal(await page.evaluate(() => session.ready()), true);
});

test("a storage that was read before another tab signed in does not sign anybody out", async (visit) => {
    const { page, login } = await signedIn(visit);
    await page.evaluate(() => session.signOut());
    const other = await page.context().newPage();
    await load(other, { authority: visit.server.url, storage: "hooked" });
    assert.equal(await other.evaluate(() => session.ready()), false);
    await other.evaluate(() => {
        globalThis.after = (verb) => verb === "get" && new Promise((done) => (globalThis.release ??= done));
        document.dispatchEvent(new Event("visibilitychange"));
    });
    await other.waitForFunction(() => globalThis.release);
    await page.evaluate((who) => session.signIn(who), { login, password: PASSWORD });
    await other.waitForFunction(() => said.some(([name]) => name === "started"));
    await other.evaluate(() => {
        globalThis.after = undefined;
        release();
        return new Promise((soon) => setTimeout(soon));
    });
    assert.equal(await other.evaluate(() => session.signedIn), true);
    assert.equal((await held(page)).length, 1);
});

test("a pause leaves nothing behind at what could have ended it", async (visit) => {
    const { page } = await signedIn(visit);
    const left = await page.evaluate(async () => {
        const { name } = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/authority.js"));
        const { pause } = await import(name);
        const line = new AbortController();
        const { signal } = line;
        let listeners = 0;
        for (const [verb, more] of [["addEventListener", 1], ["removeEventListener", -1]]) {
            signal[verb] = (...all) => {
                listeners += more;
                EventTarget.prototype[verb].apply(signal, all);
            };
        }
        await Promise.all([1, 2, 3].map((ms) => pause(ms, signal)));
        const later = pause(1e6, signal);
        line.abort();
        await later;
        await pause(1e6, signal);
        return listeners;
    });
    assert.equal(left, 0);
});

test("what the service is sent is in memory once, and a body that is a stream is sent once", { allow: [REFUSED] }, async (visit) => {
    const got = [];
    const answer = (request, response) => {
        const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*, authorization" };
        if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
        request.resume().on("end", () => {
            got.push(request.headers.authorization);
            response.writeHead(401, headers).end();
        });
        return true;
    };
    const service = await visit.site({ answer });
    const { page } = await signedIn(visit, { resources: [service.url] });
    const call = async (request) => {
        got.length = 0;
        assert.equal(await outcome(page, `session.fetch(${request}).then((answer) => answer.status)`), 401);
        return got.length;
    };
    await page.evaluate(() => {
        globalThis.clones = 0;
        const { clone } = Request.prototype;
        Request.prototype.clone = function () {
            clones += 1;
            return clone.call(this);
        };
    });
    assert.equal(await call(`"${service.url}/x", { method: "POST", body: new Blob(["x"]) }`), 2);
    assert.equal(await call(`new Request("${service.url}/x")`), 2);
    const [before] = await held(page);
    assert.equal(await call(`new Request("${service.url}/x", { method: "POST", body: "x" })`), 1);
    assert.notEqual((await held(page))[0], before, "another token for the next try");
    assert.equal(await call(`new Request("${service.url}/x", { method: "POST", body: "x" }), { body: "y" }`), 2);
    assert.equal(await page.evaluate(() => clones), 0);
});

test("signing out everywhere does not end what was begun while it was waited for", { allow: [REFUSED] }, async (visit) => {
    const { page, login } = await signedIn(visit);
    let release;
    const released = new Promise((done) => (release = done));
    await page.route("**/v1/sessions/end-all*", async (route) => {
        const answer = await route.fetch();
        await released;
        await route.fulfill({ response: answer });
    });
    const ended = page.evaluate(() => session.endAll().then(() => "ended"));
    const hears = (reason) => page.waitForFunction((reason) => said.at(-1).join() === `ended,${reason}`, reason);
    await hears("here");
    const signIn = () => page.evaluate((who) => session.signIn(who), { login, password: PASSWORD });
    // That one ends for another reason.
    const { id } = await signIn();
    const { access_token: token } = await visit.server.signIn(login);
    await visit.server.call(`/v1/sessions/${id}`, { method: "DELETE", token });
    await hears("elsewhere");
    await signIn();
    release();
    assert.equal(await ended, "ended");
    assert.equal(await page.evaluate(() => session.signedIn), true);
    assert.equal((await held(page)).length, 1);
});

test("forgetting gives what was held, although the app has emptied the storage before", async (visit) => {
    const { page } = await signedIn(visit);
    const [before] = await held(page);
    const forgotten = await page.evaluate(() => (localStorage.clear(), session.forget()));
    assert.equal(forgotten?.refresh, before);
    assert.equal(await page.evaluate(() => session.forget()), undefined);
});

test("c3 a password whose answer hangs costs nobody the session", async (visit) => {
    const { page } = await signedIn(visit);
    const [before] = await held(page);
    await page.route("**/v1/reauthenticate", (route) => route.fetch());
    assert.match(await outcome(page, `session.reauthenticate(${JSON.stringify(PASSWORD)})`), /^Unreachable/);
    assert.notEqual((await held(page))[0], before);
    assert.match(await outcome(page, renew), /^ey/);
    assert.deepEqual(await page.evaluate(() => said.filter(([name]) => name === "ended")), []);
});

test("a new session takes the place of the one before, also where the clock was set back", async (visit) => {
    const storage = "sessionStorage";
    const { page } = await signedIn(visit, { clock: true, storage });
    const other = await page.context().newPage();
    await load(other, { authority: visit.server.url, storage });
    await other.waitForFunction(() => session.signedIn);
    await page.context().clock.setSystemTime(Date.now() - 3_600_000);
    await visit.server.account("fifth");
    await other.evaluate((who) => session.signIn(who), { login: "fifth", password: PASSWORD });
    await page.waitForFunction(() => said.some(([, reason]) => reason === "replaced"));
    assert.equal(await outcome(page, "session.token()"), await outcome(other, "session.token()"));
});

test("a tab that came back with an old copy asks the others before it renews that", async (visit) => {
    const storage = "sessionStorage";
    const { page } = await signedIn(visit, { storage });
    const copy = await page.evaluate(() => Object.entries(sessionStorage));
    assert.match(await outcome(page, renew), /^ey/);
    const back = await page.context().newPage();
    await back.addInitScript((copy) => copy.forEach(([name, text]) => sessionStorage.setItem(name, text)), copy);
    await load(back, { authority: visit.server.url, storage });
    let asked = 0;
    back.on("request", (request) => (asked += request.url().endsWith("/refresh")));
    const token = await outcome(back, renew);
    assert.match(token, /^ey/);
    assert.equal(token, await outcome(page, "session.token()"));
    assert.equal(asked, 0);
});

test("signing out wipes what is stored, also once nothing can be stored any more", async (visit) => {
    const { page } = await signedIn(visit);
    const [before] = await held(page);
    await page.evaluate(() => {
        globalThis.removeItem = Storage.prototype.removeItem;
        Storage.prototype.setItem = Storage.prototype.removeItem = () => {
            throw new DOMException("full", "QuotaExceededError");
        };
    });
    assert.match(await outcome(page, renew), /^ey/);
    assert.deepEqual(await held(page), [before], "the copy could not even be removed");
    await page.evaluate(() => {
        Storage.prototype.removeItem = removeItem;
        return session.signOut();
    });
    assert.deepEqual(await held(page), []);
});

test("what another tab says late of a session that has ended brings nothing back", async (visit) => {
    const { page } = await signedIn(visit);
    const [record] = await page.evaluate(() => Object.values(localStorage).map((text) => JSON.parse(text)));
    await page.evaluate(() => session.signOut());
    await page.evaluate(([name, record]) => {
        const channel = new BroadcastChannel(name);
        channel.postMessage({ record: { ...record, turn: record.turn + 1 } });
        // Comes after it.
        channel.postMessage({ changed: { kind: "late" } });
    }, [`rescind ${visit.server.url} bare`, record]);
    await page.waitForFunction(() => said.some(([, kind]) => kind === "late"));
    assert.equal(await page.evaluate(() => session.signedIn), false);
    assert.deepEqual(await held(page), []);
    assert.equal(await page.evaluate(() => said.filter(([name]) => name === "started").length), 1);
});

test("what somebody else has stored since stays when a session ends late", async (visit) => {
    const { url, streams } = await proxied(visit);
    const { page } = await signedIn(visit, {}, url);
    await until(() => streams.size === 1);
    await page.evaluate(() => {
        const [[name, text]] = Object.entries(localStorage);
        localStorage.setItem(name, JSON.stringify({ ...JSON.parse(text), sid: "ses_another", refresh: "another" }));
    });
    [...streams][0].end("event: ended\ndata: {}\n\n");
    await page.waitForFunction(() => said.some(([name]) => name === "ended"));
    assert.deepEqual(await held(page), ["another"]);
});

test("a copy that cannot be replaced is removed, so that nobody takes it for what is held", async (visit) => {
    const { page } = await signedIn(visit);
    await page.evaluate(() => {
        Storage.prototype.setItem = () => {
            throw new DOMException("full", "QuotaExceededError");
        };
    });
    assert.match(await outcome(page, renew), /^ey/);
    assert.deepEqual(await held(page), []);
    assert.equal(await page.evaluate(() => session.signedIn), true);
});

test("a sign-out everywhere that failed is not why a session ends later, in any tab", { allow: [REFUSED] }, async (visit) => {
    const { url, streams } = await proxied(visit);
    const { page } = await signedIn(visit, {}, url);
    const other = await page.context().newPage();
    await load(other, { authority: url });
    await other.waitForFunction(() => session.signedIn);
    await until(() => streams.size === 1);
    const headers = { "Access-Control-Allow-Origin": "*" };
    await page.route("**/v1/sessions/end-all*", (route) =>
        route.fulfill({ status: 401, json: { type: "/problems/wrong-password" }, headers: { ...headers, "WWW-Authenticate": 'Bearer error="insufficient_user_authentication"' } }));
    assert.match(await outcome(page, `session.endAll("not this one")`), /^Refused/);
    [...streams][0].end("event: ended\ndata: {}\n\n");
    for (const tab of [page, other]) {
        await tab.waitForFunction(() => said.some(([name]) => name === "ended"));
        assert.deepEqual(await tab.evaluate(() => said.at(-1)), ["ended", "elsewhere"]);
    }
});

for (const [what, set] of [
    ["slept", (clock) => clock.setSystemTime(Date.now() + 600_000)],
    ["had its clock set back", async (clock) => (await clock.setSystemTime(Date.now() - 3_600_000), clock.fastForward("10:00"))],
]) {
    test(`a token that ran out while the machine ${what} is renewed before it is used`, async (visit) => {
        const { page } = await signedIn(visit, { clock: true });
        const before = await outcome(page, "session.token()");
        // Nothing renews it by itself: nobody looks.
        await page.evaluate(() => Object.defineProperty(Document.prototype, "visibilityState", { get: () => "hidden" }));
        await set(page.context().clock);
        const after = await outcome(page, "session.token()");
        assert.match(after, /^ey/);
        assert.notEqual(after, before);
    });
}

test("a service that asks for a fresh authentication is not asked again", { allow: [REFUSED] }, async (visit) => {
    let asked = 0;
    const answer = (request, response) => {
        const headers = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Headers": "*, authorization",
            "Access-Control-Expose-Headers": "www-authenticate",
            "WWW-Authenticate": 'Bearer error="insufficient_user_authentication"',
        };
        asked += request.method === "GET";
        response.writeHead(request.method === "OPTIONS" ? 204 : 401, headers).end();
        return true;
    };
    const service = await visit.site({ answer });
    const { page } = await signedIn(visit, { resources: [service.url] });
    const [before] = await held(page);
    assert.equal(await outcome(page, `session.fetch("${service.url}/x").then((answer) => answer.status)`), 401);
    assert.equal(asked, 1);
    assert.deepEqual(await held(page), [before]);
});

/** A page whose list has the token of a session of its own, and how often it asked for it. */
async function withToken(visit, options) {
    const { page, login } = await signedIn(visit, { clock: true, live: false });
    const mine = await visit.server.signIn(login, { device_name: "Mine", client_id: "bare" });
    if (options?.before) await options.before(page);
    await page.evaluate(([token, authority]) => {
        globalThis.calls = 0;
        globalThis.events = [];
        const widget = document.querySelector("rescind-devices");
        for (const name of ["loaded", "failed", "signed-out"]) widget.addEventListener(name, () => events.push(name));
        widget.setAttribute("authority", authority);
        widget.token = async () => ((calls += 1), token);
    }, [mine.access_token, visit.server.url]);
    await page.waitForFunction(() => events.includes("loaded"));
    return { page, mine };
}

test("once the session of its token has ended, the list asks for nothing any more", async (visit) => {
    const { page, mine } = await withToken(visit);
    await page.getByText("Mine").waitFor();
    await visit.server.call("/v1/sessions/current", { method: "DELETE", token: mine.access_token });
    await page.waitForFunction(() => events.includes("signed-out"));
    const before = await page.evaluate(() => calls);
    for (let minutes = 0; minutes < 3; minutes += 1) {
        await page.context().clock.fastForward("01:00");
        await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    }
    assert.equal(await page.evaluate(() => calls), before);
    assert.equal(await page.getByRole("listitem").count(), 0);
});

test("a token that was refused is not sent again", { allow: [REFUSED] }, async (visit) => {
    let asked = 0;
    const before = (page) => page.route("**/v1/sessions/changes", (route) => {
        asked += route.request().method() === "GET";
        return route.fulfill({ status: 401, json: { type: "/problems/invalid-token" }, headers: { "Access-Control-Allow-Origin": "*" } });
    });
    const { page } = await withToken(visit, { before });
    await until(() => asked > 0);
    const calls = () => page.evaluate(() => globalThis.calls);
    for (let minutes = 0; minutes < 3; minutes += 1) {
        const earlier = await calls();
        await page.context().clock.fastForward("01:00");
        await until(async () => (await calls()) > earlier);
    }
    assert.equal(asked, 1);
});
