// How pages that stay open listen and ask by themselves: for whom that counts, what they do where they may not listen, and what
// waits while something is being done.

import assert from "node:assert/strict";
import { AGAIN, deaf } from "./harness/deaf.js";
import { FAILED, house, until } from "./harness/house.js";
import { appOf, browserOf, consoleOf, find, notice, other, signIn, somebody } from "./harness/people.js";

const { test } = house();

/** What the page asks for from now on: its paths, each with whether it says that nobody asked. */
function asked(page) {
    const all = [];
    page.on("request", (request) => {
        const { pathname } = new URL(request.url());
        all.push({ pathname, method: request.method(), isPassive: request.headers()["rescind-passive"] === "?1" });
    });
    return { all, of: (path) => all.filter(({ pathname }) => pathname === path) };
}

/** The answer to whoever would listen: a stream that says this and ends. */
const stream = (text) => ({ contentType: "text/event-stream", body: text });

test("what the script of a page asks by itself says so, and what a person does is the person's", async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    const { all, of } = asked(page);
    const app = await appOf(visit.server, login, "Kitchen");
    await other(page, "Kitchen").waitFor();
    await until(() => of("/account").length > 0);
    assert.ok(all.every(({ isPassive }) => isPassive), JSON.stringify(all));
    all.length = 0;
    await page.getByRole("button", { name: "Sign out Kitchen" }).click();
    await notice(page).getByText("Done.").waitFor();
    assert.ok(of("/account").some(({ isPassive }) => !isPassive), JSON.stringify(all));
    assert.ok(all.every(({ method, isPassive }) => method === "GET" || !isPassive));
    assert.equal(await app.works(), false);
});

test("what the console's script asks by itself says so", async (visit) => {
    const page = await consoleOf(visit);
    const { all, of } = asked(page);
    const login = await somebody(visit.server);
    const app = await appOf(visit.server, login, "Kitchen");
    await visit.server.ask("/v1/sessions/current", { method: "DELETE", token: app.token });
    await until(() => of("/admin").length > 0);
    assert.ok(all.every(({ isPassive, pathname }) => isPassive || pathname === "/admin/live"), JSON.stringify(all));
});

test("a page that finds no place to listen looks whenever it comes again, and listens once there is one", async (visit) => {
    const login = await somebody(visit.server);
    const page = await visit.open();
    let [isFull, listens] = [true, false];
    await page.route("**/account/live*", (route) => {
        listens = !isFull;
        return isFull ? route.fulfill(stream("retry: 200\nevent: full\ndata: {}\n\n")) : route.fallback();
    });
    await signInOn(page, login);
    const app = await appOf(visit.server, login, "Kitchen");
    await other(page, "Kitchen").waitFor();
    isFull = false;
    await until(() => listens);
    await visit.server.ask("/v1/sessions/current", { method: "DELETE", token: app.token });
    await page.getByText("No other device is signed in.").waitFor();
});

test("a page that is refused listens again after longer and longer, one stream at a time", { allow: [FAILED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await visit.open();
    await page.clock.install();
    // The page's own clock goes on by itself, and by leaps.
    await page.addInitScript(() => {
        globalThis.begun = [];
        globalThis.EventSource = class extends EventSource {
            constructor(...all) {
                super(...all);
                globalThis.begun.push(performance.now());
            }
        };
    });
    let refusals = 0;
    await page.route("**/account/live*", (route) => (refusals++ < 4 ? route.fulfill({ status: 502 }) : route.fallback()));
    await signInOn(page, login);
    await until(async () => (await page.clock.runFor(1000), refusals === 5));
    const at = await page.evaluate(() => globalThis.begun);
    const waits = at.slice(1).map((time, index) => time - at[index]);
    for (const [index, least] of [1000, 2000, 4000, 8000].entries()) assert.ok(waits[index] >= least, `${waits}`);
    await appOf(visit.server, login, "Kitchen");
    await other(page, "Kitchen").waitFor();
    assert.equal(refusals, 5);
});

test("a page whose place another took does not fight for it, and looks now and then", async (visit) => {
    const login = await somebody(visit.server);
    const page = await visit.open();
    await page.clock.install();
    let streams = 0;
    await page.route("**/account/live*", (route) => {
        streams += 1;
        return route.fulfill(stream("event: hello\ndata: {}\n\nevent: replaced\ndata: {}\n\n"));
    });
    // It looks once as it begins to listen.
    const looked = page.waitForEvent("requestfinished", (request) => request.headers()["rescind-passive"] === "?1");
    await signInOn(page, login);
    await looked;
    assert.equal(streams, 1);
    await appOf(visit.server, login, "Kitchen");
    assert.equal(await other(page, "Kitchen").count(), 0);
    await until(async () => (await page.clock.runFor(60_000), (await other(page, "Kitchen").count()) === 1));
    assert.equal(streams, 1);
});

test("a list that could not be read is read again, though nothing more happens", { allow: [FAILED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    await page.clock.install();
    let refusals = 0;
    await page.route("**/account", (route) => (refusals++ < 2 ? route.fulfill({ status: 503, headers: { "retry-after": "30" } }) : route.fallback()));
    await appOf(visit.server, login, "Kitchen");
    await until(() => refusals > 0);
    await until(async () => (await page.clock.runFor(30_000), (await other(page, "Kitchen").count()) === 1));
    assert.ok(refusals >= 3);
});

test("what was heard while a form of the console was on its way is shown once it is done", async (visit) => {
    const { server } = visit;
    const login = await somebody(server);
    await appOf(server, login, "Phone");
    const [kitchen, garage] = [await appOf(server, login, "Kitchen"), await appOf(server, login, "Garage")];
    const page = await consoleOf({ server, open: deaf(visit) });
    await find(page, login);
    const device = (name) => page.getByRole("button", { name: new RegExp(name) });
    await device("Garage").waitFor();
    // The answer is kept back until the log has grown, and is one that changes nothing on the page.
    let answer;
    const kept = new Promise((go) => (answer = go));
    await page.route("**/sign-out", async (route) => {
        await kept;
        await route.fulfill({ contentType: "text/html", body: AGAIN });
    });
    await device("Phone").click();
    await server.ask("/v1/sessions/current", { method: "DELETE", token: kitchen.token });
    await page.evaluate(() => globalThis.say("revocations"));
    assert.equal(await device("Kitchen").count(), 1);
    answer();
    await page.getByRole("dialog").waitFor();
    await server.ask("/v1/sessions/current", { method: "DELETE", token: garage.token });
    await page.evaluate(() => globalThis.say("revocations"));
    await page.getByRole("dialog").getByRole("link", { name: "Cancel" }).click();
    await device("Kitchen").waitFor({ state: "detached" });
    await device("Garage").waitFor({ state: "detached" });
    assert.equal(await device("Phone").count(), 1);
});

test("a page that hears that its session is over listens no more, while what is under way says why", async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf({ open: deaf(visit) }, login);
    const app = await appOf(visit.server, login, "Kitchen");
    await page.reload();
    let answer;
    const kept = new Promise((go) => (answer = go));
    await page.route("**/sign-out", async (route) => (await kept, route.fallback()));
    await page.getByRole("button", { name: "Sign out Kitchen" }).click();
    await page.evaluate(() => globalThis.say("ended"));
    // It may be looked at anew, and asked for again, meanwhile.
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    assert.deepEqual(await page.evaluate(() => globalThis.streams.map(({ isClosed }) => isClosed)), [true]);
    assert.match(page.url(), /\/account$/);
    const loaded = page.waitForEvent("load");
    answer();
    await loaded;
    assert.equal(await app.works(), false);
});

/** Signs somebody in on a page that is there already, and waits for the list. */
async function signInOn(page, login) {
    await signIn(page, login);
    await page.waitForURL("**/account");
    await page.locator(".device.current").waitFor();
}
