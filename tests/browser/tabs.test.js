// Many tabs of one session: one of them listens for all, and another one as soon as that does not any more. Each page of a
// headless Chromium is a window of its own, so that all of them can be seen at once.

import assert from "node:assert/strict";
import { contextOptions, launch } from "./harness/chromium.js";
import { FAILED, REFUSED, house, until } from "./harness/house.js";
import { appOf, browserOf, consoleOf, find, notice, other, somebody } from "./harness/people.js";

const { test } = house({ "throttle.address_failures": 100_000 });

/** More than the six connections that a browser has to a server. */
const MANY = 10;

/** Who listens: each stream that pages of this device ask for, with the page, in order; and how many there are now. */
function streams(page, path = "/account/live") {
    const all = [];
    const context = page.context();
    const find = (request) => all.find((stream) => stream.request === request);
    context.on("request", (request) => {
        if (new URL(request.url()).pathname !== path) return;
        const stream = { request, page: request.frame().page(), isOpen: true };
        stream.page.once("close", () => (stream.isOpen = false));
        all.push(stream);
    });
    for (const over of ["requestfailed", "requestfinished"]) {
        context.on(over, (request) => find(request) && (find(request).isOpen = false));
    }
    return { all, open: () => all.filter(({ isOpen }) => isOpen) };
}

/** Somebody with several tabs at the list of devices, all of which are seen; the first of them listens. */
async function tabs(visit, count, { path = "/account", browser = browserOf } = {}) {
    const login = await somebody(visit.server);
    const first = await browser(visit, login);
    await first.context().addInitScript(() => {
        Object.defineProperty(Document.prototype, "hidden", { get: () => globalThis.isHidden ?? false });
    });
    const heard = streams(first, `${path}/live`);
    await first.goto(path);
    await until(() => heard.open().length === 1);
    const all = [first];
    for (let more = 1; more < count; more += 1) {
        const tab = await first.context().newPage();
        await tab.goto(path);
        all.push(tab);
    }
    for (const tab of all) assert.equal(await tab.evaluate(() => document.visibilityState), "visible");
    return { login, all, first, heard };
}

/** As if another tab were in front of this one, or this one were in front again. */
const hide = (page, isHidden) =>
    page.evaluate((isHidden) => {
        globalThis.isHidden = isHidden;
        document.dispatchEvent(new Event("visibilitychange"));
    }, isHidden);

const shows = (pages, name) => Promise.all(pages.map((page) => other(page, name).waitFor()));
const turn = (pages) => Promise.all(pages.map((page) => page.waitForURL(/\/sign-in(\?|$)/)));

/** The locks that tabs have or wait for, as the browser tells this one. */
const locks = (page) =>
    page.evaluate(async () => {
        const { held, pending } = await navigator.locks.query();
        return [held, pending].map((all) => all.map(({ name }) => name));
    });

/** The clock of all tabs stands still from here on: what is done after a time is not done. */
async function stopClock(page) {
    await page.clock.install();
    // Where the clock has been when this is heard cannot be: it goes on meanwhile.
    await page.clock.pauseAt(Date.now() + 60_000);
}

/** Waits until this many tabs wait to listen. */
const waiting = (page, count) => until(async () => (await locks(page))[1].length === count);

test("ten visible tabs share one stream, each still gets what it asks for, and all turn when the device is signed out", async (visit) => {
    const { login, all, first, heard } = await tabs(visit, MANY);
    await waiting(first, MANY - 1);
    const app = await appOf(visit.server, login, "Kitchen");
    await shows(all, "Kitchen");
    assert.equal(heard.all.length, 1);
    const answers = all.map((tab) => tab.evaluate(() => fetch("/account/security").then((answer) => answer.status)));
    assert.deepEqual(await Promise.all(answers), all.map(() => 200));
    const own = await first.locator(".device.current").getAttribute("id");
    await visit.server.ask(`/v1/sessions/${own}`, { method: "DELETE", token: app.token });
    await turn(all);
    for (const tab of all) assert.equal(await tab.locator(".device").count(), 0);
    // Nobody has tried to go on listening for a session that is over.
    assert.equal(heard.all.length, 1);
});

test("ten visible pages of the console share one stream, and all show what happens", async (visit) => {
    const { all, heard } = await tabs(visit, MANY, { path: "/admin", browser: (visit) => consoleOf(visit) });
    const [login, page] = [await somebody(visit.server), all.at(-1)];
    await appOf(visit.server, login, "Kitchen");
    await find(page, login);
    await page.getByRole("button", { name: /Kitchen/ }).click();
    await notice(page).getByText("Done.").waitFor();
    for (const tab of all.slice(0, -1)) await tab.getByRole("link", { name: login }).first().waitFor();
    assert.equal(heard.open().length, 1);
});

/** What becomes of the tab that listens, and whether it is there afterwards. */
const LEAVES = {
    "is closed": (page) => page.close(),
    "goes elsewhere": (page) => page.goto("/account/security"),
    "is loaded again": (page) => page.reload(),
    "is hidden": (page) => hide(page, true),
    // Chromium freezes none that can be seen.
    "is frozen": (page) =>
        page.evaluate(() => {
            globalThis.isHidden = true;
            document.dispatchEvent(new Event("freeze"));
        }),
};
for (const [what, leave] of Object.entries(LEAVES)) {
    test(`when the tab that listens ${what}, another one does at once, and nothing is missed`, async (visit) => {
        const { login, all, first, heard } = await tabs(visit, 3);
        const rest = all.slice(1);
        await waiting(first, 2);
        await stopClock(first);
        // Something happens before the one that takes over is heard: its stream begins later.
        let begin;
        const later = new Promise((go) => (begin = go));
        await first.context().route("**/account/live*", async (route) => (await later, route.fallback()));
        await leave(first);
        await until(() => heard.all.length === 2);
        assert.ok(rest.includes(heard.all[1].page), "another one takes over");
        await appOf(visit.server, login, "Kitchen");
        begin();
        await shows(rest, "Kitchen");
        await until(() => heard.open().length === 1);
        await appOf(visit.server, login, "Garage");
        await shows(rest, "Garage");
        assert.equal(heard.all.length, 2);
    });
}

test("a tab that comes back after a moment goes on with the stream that it has, if nobody else listens", async (visit) => {
    const { login, first, heard } = await tabs(visit, 1);
    await hide(first, true);
    await appOf(visit.server, login, "Kitchen");
    await shows([first], "Kitchen");
    await hide(first, false);
    await until(async () => (await locks(first))[0].length === 1);
    await appOf(visit.server, login, "Garage");
    await shows([first], "Garage");
    assert.equal(heard.all.length, 1);
});

test("a tab that comes back while another one listens waits, and shows what it missed", async (visit) => {
    const { login, all: [first, second], heard } = await tabs(visit, 2);
    await first.clock.install();
    await waiting(first, 1);
    await hide(first, true);
    await until(() => heard.all.length === 2 && heard.open().length === 1);
    // Whoever is hidden for long hears nothing.
    await first.clock.runFor(60_000);
    await appOf(visit.server, login, "Kitchen");
    await shows([second], "Kitchen");
    assert.equal(await other(first, "Kitchen").count(), 0);
    await hide(first, false);
    await shows([first], "Kitchen");
    await waiting(second, 1);
    await appOf(visit.server, login, "Garage");
    await shows([first, second], "Garage");
    assert.equal(heard.all.length, 2);
});

test("when the stream of the tab that listens fails, another one has one at once, and whoever failed hears it", { allow: [FAILED] }, async (visit) => {
    let fail;
    const failing = new Promise((go) => (fail = go));
    const browser = async (visit, login) => {
        const page = await browserOf(visit, login);
        await page.route("**/account/live*", async (route) => (await failing, route.fulfill({ status: 502 })));
        return page;
    };
    const { login, all, first, heard } = await tabs(visit, 3, { browser });
    await waiting(first, 2);
    await stopClock(first);
    fail();
    await until(() => heard.all.length === 2 && heard.open().length === 1);
    assert.notEqual(heard.open()[0].page, first);
    // It may have its turn again.
    await waiting(first, 2);
    await appOf(visit.server, login, "Kitchen");
    await shows(all, "Kitchen");
    assert.equal(heard.all.length, 2);
});

test("when the tab that listens signs out, all others turn", { allow: [REFUSED] }, async (visit) => {
    const { all, first } = await tabs(visit, 4);
    await waiting(first, 3);
    await first.locator(".device.current").getByRole("button", { name: /^Sign out/ }).click();
    await turn(all);
    assert.deepEqual(await Promise.all(all.map((tab) => tab.locator(".device").count())), [0, 0, 0, 0]);
});

test("tabs whose place somebody else needed do not fight for it, until one is looked at anew", async (visit) => {
    const { login, all: [first, second], heard } = await tabs(visit, 2);
    await waiting(first, 1);
    let isReplaced = true;
    const text = "event: hello\ndata: {}\n\nevent: replaced\ndata: {}\n\n";
    await first.context().route("**/account/live*", (route) =>
        isReplaced ? route.fulfill({ contentType: "text/event-stream", body: text }) : route.fallback());
    await first.context().addInitScript(() => {
        globalThis.told = [];
        globalThis.BroadcastChannel = class extends BroadcastChannel {
            constructor(name) {
                super(name);
                this.addEventListener("message", ({ data }) => globalThis.told.push(data));
            }
        };
    });
    await first.reload();
    await first.waitForFunction(() => globalThis.told.includes("replaced"));
    await until(async () => heard.open().length === 0 && (await locks(first))[1].length === 0);
    isReplaced = false;
    const before = heard.all.length;
    await appOf(visit.server, login, "Kitchen");
    await hide(second, true);
    await hide(second, false);
    await shows([first, second], "Kitchen");
    await appOf(visit.server, login, "Garage");
    await shows([first, second], "Garage");
    assert.equal(heard.all.length, before + 1);
});

test("tabs of two people in one browser hear nothing of each other", { allow: [REFUSED] }, async (visit) => {
    const { login: ann, first, heard } = await tabs(visit, 1);
    const ben = await somebody(visit.server);
    // Ann's tab is not looked at for long, and then somebody else is signed in beside it.
    await first.clock.install();
    await hide(first, true);
    await first.clock.runFor(60_000);
    await until(() => heard.open().length === 0);
    const [path] = heard.all.map(({ request }) => request.url());
    await first.evaluate((path) => {
        globalThis.said = [];
        const { pathname, search } = new URL(path);
        new BroadcastChannel(pathname + search).onmessage = ({ data }) => said.push(data);
    }, path);
    // Nothing has ended, so that nobody hears that.
    const bens = await browserOf(visit, ben);
    await first.context().addCookies(await bens.context().cookies());
    const second = await first.context().newPage();
    await second.goto("/account");
    await second.getByText(`Signed in as ${ben}`).waitFor();
    await until(() => heard.open().length === 1);
    assert.notEqual(heard.open()[0].request.url(), path);
    await appOf(visit.server, ben, "Kitchen");
    await shows([second], "Kitchen");
    assert.deepEqual(await first.evaluate(() => said), []);
    // Nor does it listen for Ben: what is there now is shown as a whole.
    await hide(first, false);
    await first.getByText(`Signed in as ${ben}`).waitFor();
    assert.equal(await first.getByText(ann).count(), 0);
    await appOf(visit.server, ben, "Garage");
    await shows([first, second], "Garage");
});

for (const missing of ["locks", "BroadcastChannel"]) {
    test(`without ${missing} each tab that is seen listens for itself`, async (visit) => {
        const open = async (device) => {
            const page = await visit.open(device);
            await page.context().addInitScript((missing) => {
                if (missing === "locks") Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
                else delete globalThis.BroadcastChannel;
            }, missing);
            return page;
        };
        const { login, all, first, heard } = await tabs({ ...visit, open }, 2);
        await until(() => heard.open().length === 2);
        await appOf(visit.server, login, "Kitchen");
        await shows(all, "Kitchen");
        await first.clock.install();
        await hide(first, true);
        await first.clock.runFor(60_000);
        await until(() => heard.open().length === 1);
        await appOf(visit.server, login, "Garage");
        await shows([all[1]], "Garage");
        await hide(first, false);
        await shows(all, "Garage");
        assert.equal(heard.all.length, 3);
    });
}

/** A device whose browser keeps pages that were left in memory: Chromium does so with none that must not be stored. */
async function keeping({ server, watch, ends }) {
    const browser = await launch({ keeps: true });
    ends.push(() => browser.close());
    const context = await browser.newContext(contextOptions({}, server.url));
    await watch.over(context);
    await context.route(/\/(account(\/security)?|sign-in(\?.*)?)$/, async (route) => {
        const answer = await route.fetch({ maxRedirects: 0 });
        const { "cache-control": _, "clear-site-data": __, ...headers } = answer.headers();
        await route.fulfill({ response: answer, headers });
    });
    return context.newPage();
}

test("a page that the browser keeps in memory keeps nobody from listening, and is asked for anew when it comes back", { allow: [REFUSED] }, async (visit) => {
    const open = () => keeping(visit);
    const { login, all: [first, second], heard } = await tabs({ ...visit, open }, 2);
    await waiting(first, 1);
    const came = [];
    const network = await first.context().newCDPSession(first);
    await network.send("Page.enable");
    network.on("Page.frameNavigated", ({ type }) => came.push(type));
    await first.goto("/account/security");
    await until(() => heard.open().some(({ page }) => page === second));
    await appOf(visit.server, login, "Kitchen");
    await shows([second], "Kitchen");
    await first.goBack({ waitUntil: "commit" });
    await shows([first], "Kitchen");
    assert.deepEqual(came, ["Navigation", "BackForwardCacheRestore", "Navigation"]);
    await waiting(second, 1);
    // Whoever was signed out meanwhile finds nothing when going back.
    came.length = 0;
    await first.goto("/account/security");
    // It would turn by itself before it is left.
    await first.evaluate(() => document.dispatchEvent(new Event("freeze")));
    await visit.server.run(["user", "logout", login]);
    await first.goBack({ waitUntil: "commit" });
    await turn([first, second]);
    assert.equal(came[1], "BackForwardCacheRestore");
});
