// What a page says that stays open while something happens that it has not asked for: its session ends, somebody else answers in
// the authority's place, another language is chosen.

import assert from "node:assert/strict";
import { FAILED, PASSWORD, house, until } from "./harness/house.js";
import { appOf, browserOf, consoleOf, find, notice, other, signIn, somebody } from "./harness/people.js";

const { test } = house({ "throttle.address_failures": 100_000 });

const ELSEWHERE = "This device was signed out. Sign in again to go on.";
const HERE = "You are signed out.";
const UNKNOWN = "Whether it was done is not known.";

/** Waits until a page has turned to sign-in, and says this. */
async function turns(page, why) {
    await page.waitForURL(/\/sign-in(\?|$)/);
    await notice(page).getByText(why).waitFor();
}

/** As if another tab were in front of this one, or this one were in front again. */
const hide = (page, isHidden) =>
    page.evaluate((isHidden) => {
        Object.defineProperty(document, "hidden", { get: () => isHidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }, isHidden);

/** Signs in where a page has turned to, and finds that the new session is told nothing of the former one. */
async function comesBack(page, login, title = "Your devices") {
    await page.getByLabel("Login name").fill(login);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    assert.equal(await notice(page).innerText(), "");
}

/** The streams that a page opens from now on. */
function streams(page) {
    const all = [];
    page.on("request", (request) => request.url().includes("/live") && all.push(request));
    for (const over of ["requestfailed", "requestfinished"]) {
        page.on(over, (request) => all.includes(request) && all.splice(all.indexOf(request), 1));
    }
    return all;
}

test("a tab that was hidden while its session ended says why when it is seen again, and not after signing in", { allow: [/status of 401/] }, async (visit) => {
    for (const [path, title] of [["/account", "Your devices"], ["/account/security", "Security"]]) {
        const login = await somebody(visit.server);
        const page = await browserOf(visit, login);
        await page.clock.install();
        const open = streams(page);
        await page.goto(path);
        await until(() => open.length === 1);
        await hide(page, true);
        await page.clock.runFor(60_000);
        await until(() => open.length === 0);
        await visit.server.run(["user", "logout", login]);
        await hide(page, false);
        await turns(page, ELSEWHERE);
        await comesBack(page, login, title);
    }
});

test("a page that cannot listen says why it turns all the same", { allow: [FAILED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await visit.open();
    await page.clock.install();
    await page.route("**/account/live*", (route) => route.fulfill({ status: 502 }));
    await signIn(page, login);
    await page.locator(".device.current").waitFor();
    await visit.server.run(["user", "logout", login]);
    await until(async () => (await page.clock.runFor(1000), new URL(page.url()).pathname === "/sign-in"));
    await turns(page, ELSEWHERE);
    await comesBack(page, login);
});

test("each of several tabs says why it turns, whichever page it shows", async (visit) => {
    for (const [end, why] of [
        [(first, login) => visit.server.run(["user", "logout", login]), ELSEWHERE],
        [(first) => first.locator(".device.current").getByRole("button", { name: /^Sign out/ }).click(), HERE],
    ]) {
        const login = await somebody(visit.server);
        const first = await browserOf(visit, login);
        const tabs = [first];
        for (const path of ["/account", "/account/security", "/sign-out", "/account"]) {
            const tab = await first.context().newPage();
            await tab.goto(path);
            tabs.push(tab);
        }
        await until(async () => (await first.evaluate(() => navigator.locks.query())).pending.length === 4);
        await end(first, login);
        for (const tab of tabs) await turns(tab, why);
        const page = tabs[3];
        await comesBack(page, login);
        assert.equal(new URL(page.url()).pathname, "/account", "nobody signs in to sign out");
    }
});

test("a page without the list tells of a sign-in, and leads to the list", async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    const open = streams(page);
    await page.goto("/account/security");
    await until(() => open.length === 1);
    await until(async () => (await page.evaluate(() => navigator.locks.query())).held.length === 1);
    await page.getByLabel("New password").fill("half typed");
    // The stream has begun once something is heard.
    let more = 0;
    await until(async () => {
        await appOf(visit.server, login, `Kitchen ${(more += 1)}`);
        return await notice(page).getByRole("link", { name: "A device signed in" }).count();
    });
    assert.equal(await page.getByLabel("New password").inputValue(), "half typed");
    await notice(page).getByRole("link").click();
    await other(page, "Kitchen 1").first().waitFor();
});

/** What proxies answer where the server does not. */
const ANSWERS = {
    "a proxy's page": { status: 502, contentType: "text/html", body: "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>" },
    "a problem document": { status: 503, contentType: "application/problem+json", body: '{"type":"/problems/timed-out","status":503}' },
    "nothing": { status: 502, body: "" },
};
for (const [what, answer] of Object.entries(ANSWERS)) {
    test(`where ${what} answers a form, the page stays and says that nobody knows`, { allow: [FAILED] }, async (visit) => {
        const login = await somebody(visit.server);
        await appOf(visit.server, login, "Kitchen");
        const page = await browserOf(visit, login);
        const admin = await consoleOf(visit);
        await find(admin, login);
        for (const shown of [page, admin]) {
            await shown.route("**/sign-out", (route) => (route.request().method() === "POST" ? route.fulfill(answer) : route.fallback()));
            await shown.getByRole("button", { name: /Kitchen/ }).first().click();
            await notice(shown).getByText(UNKNOWN).waitFor();
            assert.doesNotMatch(await shown.locator("body").innerText(), /null|Bad Gateway/);
            await shown.getByRole("button", { name: /Kitchen/ }).first().waitFor();
            await shown.unroute("**/sign-out");
        }
        // What is there goes on.
        await page.getByRole("button", { name: "Sign out Kitchen" }).click();
        await notice(page).getByText("Done.").waitFor();
    });
}

test("a page never mixes two languages when another one is chosen in another tab", async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    const admin = await consoleOf(visit);
    for (const [shown, path] of [[page, "/account"], [admin, "/admin"]]) {
        const tab = await shown.context().newPage();
        await tab.goto(`/language?to=ar&return_to=${path}`);
        await tab.close();
    }
    await appOf(visit.server, login, "Kitchen");
    await page.locator('html[lang="ar"][dir="rtl"]').waitFor();
    await page.getByRole("heading", { level: 1, name: "أجهزتك" }).waitFor();
    await visit.server.run(["user", "logout", login]);
    await admin.locator('html[lang="ar"][dir="rtl"]').waitFor();
    // A form that is sent meanwhile brings its answer in the language that was chosen, whole.
    await page.waitForURL(/\/sign-in(\?|$)/);
    await page.locator('html[lang="ar"][dir="rtl"]').waitFor();
});
