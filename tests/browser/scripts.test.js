// What the scripts of live pages do, one thing at a time: pages hear what a test says, and nothing else.

import assert from "node:assert/strict";
import { AGAIN, deaf } from "./harness/deaf.js";
import { FAILED, REFUSED, house, until } from "./harness/house.js";
import { appOf, browserOf, consoleOf, find, notice, other, somebody } from "./harness/people.js";

const { test } = house({ "throttle.address_failures": 100_000 });

const say = (page, name) => page.evaluate((name) => globalThis.say(name), name);
/** The same for a page that may have turned, and listens no more. */
const sayIfItHears = (page, name) => page.evaluate((name) => void (globalThis.streams.length && globalThis.say(name)), name).catch(() => {});
const end = (server, app) => server.ask("/v1/sessions/current", { method: "DELETE", token: app.token });

/** Somebody's list of devices, with these others in it. */
async function list(visit, names, device) {
    const login = await somebody(visit.server);
    const apps = [];
    for (const name of names) apps.push(await appOf(visit.server, login, name));
    const page = await browserOf({ open: deaf(visit) }, login, device);
    return { login, apps, page };
}

/** The console's page of somebody, with these devices. */
async function person(visit, names, device) {
    const login = await somebody(visit.server);
    const apps = [];
    for (const name of names) apps.push(await appOf(visit.server, login, name));
    const page = await consoleOf({ ...visit, open: deaf(visit) }, device);
    await find(page, login);
    return { login, apps, page };
}

const button = (page, name) => page.getByRole("button", { name: new RegExp(name) });
const hasFocus = (locator) => locator.evaluate((element) => element === document.activeElement);
const heard = (page) => page.locator("#heard").textContent();

/** Waits until what the page was about to ask for would have been asked for, and what it was about to do is done. */
const settle = (page) => page.evaluate(() => fetch(document.querySelector("link[rel=stylesheet]").href, { cache: "reload" }).then(() => {}));

/** Keeps the answers to some requests back until `go` is called; `asked` counts them. */
async function keep(page, url, answer = (route) => route.fallback()) {
    let go;
    const kept = { asked: 0, done: 0 };
    const later = new Promise((done) => (go = done));
    await page.route(url, async (route) => {
        kept.asked += 1;
        await later;
        await answer(route);
        kept.done += 1;
    });
    return Object.assign(kept, { go });
}

/** A form that is answered with the question for the password. */
const asking = (action) => ({ contentType: "text/html", body: AGAIN.replace("/admin/sign-out", action) });

test("times are those of the place where somebody looks, and are told again as they pass", async (visit) => {
    const { page } = await list(visit, ["Kitchen"], { timezoneId: "Asia/Tokyo" });
    const kitchen = other(page, "Kitchen");
    const since = kitchen.locator("dd time");
    const at = new Date(await since.getAttribute("datetime"));
    const words = at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Tokyo" });
    assert.equal(await since.textContent(), words);
    const seen = kitchen.locator(".seen time");
    assert.equal(await seen.getAttribute("title"), words);
    await page.clock.install();
    await page.reload();
    await page.clock.runFor("03:10");
    await until(async () => /^3 minutes ago$/.test(await seen.textContent()));
});

test("times that come later are told like the others", async (visit) => {
    const { page, apps } = await person(visit, ["Phone", "Kitchen"], { timezoneId: "Asia/Tokyo" });
    const times = () => page.locator("time").evaluateAll((all) => all.map((time) => time.textContent));
    const before = await times();
    assert.doesNotMatch(before.join(), /UTC/);
    await end(visit.server, apps[0]);
    await say(page, "revocations");
    await button(page, "Phone").waitFor({ state: "detached" });
    const after = await times();
    assert.notEqual(after.length, before.length);
    assert.doesNotMatch(after.join(), /UTC/);
});

test("what was done is said again once it can be heard, under the title of the page that is there", async (visit) => {
    const { page } = await list(visit, ["Kitchen"]);
    // A live region speaks of what is put into it, not of what it comes with.
    await page.evaluate(() => {
        globalThis.spoken = [];
        const note = (changes) => {
            for (const { target, addedNodes } of changes) if (target.id === "notice" && addedNodes.length) spoken.push(target.textContent);
        };
        new MutationObserver(note).observe(document, { childList: true, subtree: true });
        document.title = "Something else";
    });
    await page.getByRole("button", { name: "Sign out Kitchen" }).click();
    await until(() => page.evaluate(() => spoken.some((text) => text.startsWith("Done."))));
    assert.match(await page.title(), /^Your devices/);
});

test("the list is not read while a form of it is on its way, and is afterwards", async (visit) => {
    const { page, apps } = await list(visit, ["Phone", "Kitchen"]);
    const action = await other(page, "Phone").locator("form[action$=sign-out]").getAttribute("action");
    const post = await keep(page, "**/sign-out", (route) => route.fulfill(asking(action)));
    await button(page, "Sign out Phone").click();
    await until(() => post.asked === 1);
    await end(visit.server, apps[1]);
    let reads = 0;
    page.on("request", (request) => (reads += request.url().endsWith("/account")));
    await say(page, "changed");
    // Two turns of the page later it would have asked.
    await settle(page);
    assert.equal(reads, 0);
    post.go();
    await page.getByRole("dialog").waitFor();
    await other(page, "Kitchen").waitFor({ state: "detached" });
    assert.equal(await other(page, "Phone").count(), 1);
});

test("a form that is sent twice at once is sent once, and by itself where the script cannot send it", { allow: [FAILED] }, async (visit) => {
    const { page, apps } = await list(visit, ["Phone", "Kitchen"]);
    const form = (name) => other(page, name).locator("form[action$=sign-out]");
    const post = await keep(page, "**/sign-out");
    await form("Phone").evaluate((form) => (form.requestSubmit(), form.requestSubmit()));
    post.go();
    await notice(page).getByText("Done.").waitFor();
    assert.equal(post.asked, 1);
    await page.unroute("**/sign-out");
    await page.route("**/sign-out", (route) => (route.request().resourceType() === "fetch" ? route.abort() : route.fallback()));
    await button(page, "Sign out Kitchen").click();
    await other(page, "Kitchen").waitFor({ state: "detached" });
    await notice(page).getByText("Done.").waitFor();
    assert.deepEqual(await Promise.all(apps.map((app) => app.works())), [false, false]);
});

test("whoever leaves the question for the password is where they were", async (visit) => {
    const { page, apps } = await list(visit, ["Phone", "Kitchen"]);
    const phone = button(page, "Sign out Phone");
    const action = await other(page, "Phone").locator("form[action$=sign-out]").getAttribute("action");
    await page.route("**/sign-out", (route) => route.fulfill(asking(action)));
    let loads = 0;
    page.on("framenavigated", () => (loads += 1));
    const dialog = page.getByRole("dialog");
    const cancel = () => dialog.getByRole("link", { name: "Cancel" }).press("Enter");
    for (const [leave, app] of [[() => page.keyboard.press("Escape")], [cancel, apps[1]]]) {
        await phone.press("Enter");
        await dialog.waitFor();
        // What is behind it may be replaced.
        if (app) await end(visit.server, app);
        if (app) await say(page, "changed");
        if (app) await other(page, "Kitchen").waitFor({ state: "detached" });
        await leave();
        await dialog.waitFor({ state: "detached" });
        assert.ok(await hasFocus(phone), "the focus is on what was pressed");
    }
    assert.equal(loads, 0);
    assert.ok(await apps[0].works());
});

test("what has not changed at the console stays as it is, and nobody is told", async (visit) => {
    const { page, apps } = await person(visit, ["Phone", "Kitchen"]);
    await page.evaluate(() => document.querySelectorAll("div[data-live] > *").forEach((part) => (part.isOld = true)));
    const old = () => page.evaluate(() => [...document.querySelectorAll("div[data-live] > *")].map(({ isOld }) => isOld ?? false));
    const before = await old();
    assert.ok(before.length > 1 && before.every((isOld) => isOld));
    for (const name of ["hello", "revocations", "revocations"]) {
        const answered = page.waitForEvent("requestfinished", (request) => request.resourceType() === "fetch");
        await say(page, name);
        await answered;
        // What it does with the answer is done before it may ask again.
        await settle(page);
    }
    assert.deepEqual(await old(), before);
    assert.equal(await heard(page), "");
    await end(visit.server, apps[0]);
    await say(page, "revocations");
    await button(page, "Phone").waitFor({ state: "detached" });
    await until(async () => (await heard(page)) === "The page has been brought up to date.");
});

test("what the console shows at first is said to nobody, and what comes later is", async (visit) => {
    const { page, apps } = await person(visit, ["Phone", "Kitchen"]);
    await page.clock.install();
    await end(visit.server, apps[0]);
    await say(page, "hello");
    await button(page, "Phone").waitFor({ state: "detached" });
    await page.clock.runFor(1000);
    assert.equal(await heard(page), "");
    await end(visit.server, apps[1]);
    await say(page, "hello");
    await button(page, "Kitchen").waitFor({ state: "detached" });
    await page.clock.runFor(1000);
    assert.equal(await heard(page), "The page has been brought up to date.");
});

test("what has the focus at the console keeps it, and what was unfolded stays so", async (visit) => {
    const { page, apps } = await person(visit, ["Phone", "Kitchen"]);
    const kitchen = button(page, "Kitchen");
    await kitchen.focus();
    await kitchen.evaluate((element) => (element.isOld = true));
    await end(visit.server, apps[0]);
    await say(page, "revocations");
    await button(page, "Phone").waitFor({ state: "detached" });
    assert.equal(await kitchen.evaluate((element) => element.isOld ?? false), false);
    assert.ok(await hasFocus(kitchen));
    // Where it was is gone: not to the beginning of the page.
    await end(visit.server, apps[1]);
    await say(page, "revocations");
    await kitchen.waitFor({ state: "detached" });
    assert.ok(await hasFocus(page.locator("#main")));

    await page.goto("/admin");
    const tables = page.locator("figure details");
    const last = (await tables.count()) - 1;
    await tables.nth(last).locator("summary").click();
    await tables.evaluateAll((all) => all.forEach((one) => (one.isOld = true)));
    const app = await appOf(visit.server, await somebody(visit.server), "Garage");
    await end(visit.server, app);
    await until(async () => {
        await say(page, "revocations");
        return tables.nth(last).evaluate((one) => !one.isOld);
    });
    const open = await tables.evaluateAll((all) => all.map((one) => one.open));
    assert.deepEqual(open, open.map((_, at) => at === last));
});

test("every part of the console that can change does", async (visit) => {
    const page = await consoleOf({ ...visit, open: deaf(visit) });
    // Who is missing after an act is nobody here.
    await page.addInitScript(() => (globalThis.PARTS = "div[data-live]:not([data-live=done])"));
    await page.reload();
    const mark = () => page.evaluate(() => document.querySelectorAll(PARTS).forEach((part) => (part.before = part.innerHTML)));
    const changed = () => page.evaluate(() => [...document.querySelectorAll(PARTS)].every((part) => part.innerHTML !== part.before));
    await mark();
    await end(visit.server, await appOf(visit.server, await somebody(visit.server), "Phone"));
    await until(async () => (await say(page, "revocations"), changed()));
    await page.goto("/admin/keys");
    await mark();
    await visit.server.run(["key", "rotate"]);
    await until(async () => (await say(page, "revocations"), changed()));
});

test("the console reads nothing, and changes nothing, while a form of it is on its way", async (visit) => {
    const { page, apps } = await person(visit, ["Phone", "Kitchen"]);
    const place = page.url();
    const read = await keep(page, place);
    const post = await keep(page, "**/sign-out", (route) => route.fulfill(asking("/admin/sign-out")));
    await end(visit.server, apps[1]);
    await say(page, "revocations");
    await until(() => read.asked === 1);
    await button(page, "Phone").click();
    await until(() => post.asked === 1);
    const finished = page.waitForEvent("requestfinished", (request) => request.url() === place);
    read.go();
    await finished;
    await say(page, "revocations");
    await settle(page);
    assert.equal(await button(page, "Kitchen").count(), 1);
    assert.equal(read.asked, 1);
    post.go();
    await page.getByRole("dialog").getByRole("link", { name: "Cancel" }).click();
    await button(page, "Kitchen").waitFor({ state: "detached" });
});

test("what the console could not read it reads again, though nothing more happens", { allow: [FAILED] }, async (visit) => {
    const { page, apps } = await person(visit, ["Phone", "Kitchen"]);
    await page.clock.install();
    let refusals = 0;
    await page.route(page.url(), (route) => (refusals++ < 2 ? route.fulfill({ status: 503, headers: { "retry-after": "30" } }) : route.fallback()));
    await end(visit.server, apps[0]);
    await say(page, "revocations");
    await until(async () => (await page.clock.runFor(30_000), (await button(page, "Phone").count()) === 0));
    assert.equal(refusals, 3);
});

/** Who is signed in, at the console. */
async function nameOf(page) {
    await page.goto("/account");
    const name = await page.locator(".lead bdi").textContent();
    await page.goto("/admin");
    return name;
}

test("the console's page turns when its session is over, or its role, or it is somebody else's", { allow: [REFUSED] }, async (visit) => {
    const { page } = await person(visit, []);
    // Told so: whoever is signed in after all comes back.
    const turned = page.waitForRequest(/\/sign-in\?ended=elsewhere&/);
    const [place, loaded] = [page.url(), page.waitForEvent("load")];
    await say(page, "ended");
    await Promise.all([turned, loaded]);
    assert.equal(page.url(), place);
    // Found out: signed out elsewhere.
    const name = await nameOf(page);
    await visit.server.run(["user", "logout", name]);
    // The server hears of the command a little later.
    await until(async () => {
        await sayIfItHears(page, "revocations");
        return page.url().includes("/sign-in");
    });

    const second = await consoleOf({ ...visit, open: deaf(visit) });
    const another = await consoleOf(visit);
    const stream = () => second.locator(".console").getAttribute("data-stream");
    const former = await stream();
    await second.context().addCookies(await another.context().cookies());
    await say(second, "revocations");
    await until(async () => (await stream()) !== former);
    assert.equal(await stream(), await another.locator(".console").getAttribute("data-stream"));

    await visit.server.run(["user", "role", await nameOf(second), "user"]);
    const forbidden = second.locator("[data-problem=forbidden]");
    await until(async () => {
        await sayIfItHears(second, "revocations");
        return (await forbidden.count()) === 1;
    });
});
