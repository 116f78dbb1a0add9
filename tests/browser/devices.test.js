// Your devices: what each sees of the others, and what becomes of it when one signs another out.

import assert from "node:assert/strict";
import { PASSWORD, REFUSED, house, until } from "./harness/house.js";
import { Server } from "./harness/server.js";
import { AGENTS, appOf, browserOf, notice, other, others, sessionCookie, signIn, somebody } from "./harness/people.js";

const { test } = house({ "throttle.address_failures": 100_000, "proxies.trusted": "127.0.0.1" });

/** Waits until a page is the sign-in page and says why. */
async function isSignedOut(page, why) {
    await page.waitForURL(/\/sign-in(\?|$)/);
    await notice(page).getByText(why).waitFor();
    assert.equal(await page.locator(".device").count(), 0);
}

const ELSEWHERE = "This device was signed out.";

/** Signs another device out by its button in the list. */
const signOut = (page, name) => page.getByRole("button", { name: `Sign out ${name}`, exact: true }).click();

/** Unfolds a question about several devices, and answers yes. Gives what the question said. */
async function several(page, words) {
    await page.locator("summary", { hasText: words }).click();
    const form = page.locator("details[open] form", { has: page.getByRole("button", { name: words }) });
    const said = await form.locator("p").innerText();
    await form.getByRole("button", { name: words }).click();
    return said;
}

for (const scripts of [true, false]) {
    const how = scripts ? "with scripts" : "without scripts";

    test(`e1 who signs up on one device and in on another sees both on each, ${how}`, async ({ open }) => {
        const login = `newcomer${scripts}`;
        const one = await open({ scripts, userAgent: AGENTS["Firefox on Windows"] });
        await one.goto("/sign-up");
        await one.getByLabel("Login name").fill(login);
        await one.getByLabel("Password").fill(PASSWORD);
        await one.getByRole("button", { name: "Create the account" }).click();
        await one.waitForURL("**/account");
        await notice(one).getByText("Your account is there.").waitFor();
        assert.equal(await others(one).count(), 0);

        const two = await open({ scripts, userAgent: AGENTS["Safari on iOS"] });
        await signIn(two, login);
        await other(two, "Firefox on Windows").waitFor();
        if (!scripts) await one.reload();
        await other(one, "Safari on iOS").waitFor();
        for (const [page, own] of [[one, "Firefox on Windows"], [two, "Safari on iOS"]]) {
            await page.getByText(`Signed in as ${login}`).waitFor();
            assert.equal(await page.locator(".device.current h3").innerText(), own);
            assert.equal(await others(page).count(), 1);
        }
        // The first device is asked about the one that came after it, and not the other way round.
        assert.equal(await one.getByRole("heading", { name: "New sign-in: Safari on iOS" }).count(), 1);
        assert.equal(await two.getByRole("heading", { name: /New sign-in/ }).count(), 0);
    });

    test(`a1 a3 one device signs another out, and nothing else, ${how}`, { allow: [REFUSED] }, async (visit) => {
        const login = await somebody(visit.server);
        const app = await appOf(visit.server, login, "Kitchen");
        const kept = await appOf(visit.server, login, "Garage");
        const one = await browserOf(visit, login, { scripts, userAgent: AGENTS["Firefox on Windows"] });
        const two = await browserOf(visit, login, { scripts, userAgent: AGENTS["Safari on iOS"] });
        const third = await browserOf(visit, login, { scripts, userAgent: AGENTS["Chrome on Android"] });
        if (!scripts) await one.reload();

        await signOut(one, "Safari on iOS");
        await notice(one).getByText("Done.").waitFor();
        assert.equal(await other(one, "Safari on iOS").count(), 0);
        if (scripts) await isSignedOut(two, ELSEWHERE);
        await two.goto("/account/security");
        assert.match(two.url(), /\/sign-in\?return_to=\/account\/security$/);
        assert.equal(await two.getByText(login).count(), 0);

        await signOut(one, "Kitchen");
        await until(async () => (await other(one, "Kitchen").count()) === 0);
        assert.equal(await app.works(), false);
        assert.equal(await app.refreshes(), false);
        assert.equal(await kept.works(), true);
        await third.goto("/account");
        assert.equal(await third.locator(".device.current").count(), 1);
        assert.equal(await others(third).count(), 2);
    });

    test(`a7 who signs out all other devices goes on as before, ${how}`, { allow: [REFUSED] }, async (visit) => {
        const login = await somebody(visit.server);
        const app = await appOf(visit.server, login, "Kitchen");
        const two = await browserOf(visit, login, { userAgent: AGENTS["Safari on iOS"] });
        const one = await browserOf(visit, login, { scripts, remember: true });
        const tab = await one.context().newPage();
        await tab.goto("/account");
        const before = [await sessionCookie(one), await one.locator(".device.current").getAttribute("id")];

        const said = await several(one, "Sign out all other devices");
        assert.equal(said, "2 other devices are signed out. This one stays signed in.");
        await one.getByText("No other device is signed in.").waitFor();
        await isSignedOut(two, ELSEWHERE);
        assert.equal(await app.works(), false);
        assert.equal(await app.refreshes(), false);
        assert.deepEqual([await sessionCookie(one), await one.locator(".device.current").getAttribute("id")], before);
        await tab.reload();
        assert.equal(await tab.locator(".device.current").count(), 1);
        assert.equal(await one.locator("summary", { hasText: "all other" }).count(), 0, "there is nothing left to sign out");
    });

    test(`a8 signing out everywhere says that it is this device too, and does it, ${how}`, async (visit) => {
        const login = await somebody(visit.server);
        const two = await browserOf(visit, login, { scripts });
        const one = await browserOf(visit, login, { scripts });
        const said = await several(one, "Sign out everywhere");
        assert.equal(said, "Every device is signed out, this device too.");
        await one.waitForURL(/\/sign-in(\?|$)/);
        await notice(one).getByText("Done.").waitFor();
        assert.match(await one.title(), /^Sign in/);
        assert.equal(await sessionCookie(one), undefined);
        if (!scripts) await two.reload();
        await isSignedOut(two, ELSEWHERE);
    });

    test(`b1 who changes the password stays, and every other device is out, ${how}`, { allow: [REFUSED] }, async (visit) => {
        const login = await somebody(visit.server);
        const app = await appOf(visit.server, login, "Kitchen");
        const two = await browserOf(visit, login);
        const one = await browserOf(visit, login, { scripts });
        const change = async (current, next) => {
            await one.goto("/account/security");
            await one.getByLabel("Current password").fill(current);
            await one.getByLabel("New password").fill(next);
            await one.getByRole("button", { name: "Change the password" }).click();
        };
        await change("not this one", "another four fine words");
        await one.getByRole("alert").getByText("The password is wrong. Nothing was changed.").waitFor();
        assert.equal(await app.works(), true);
        await change(PASSWORD, "password");
        await one.getByRole("alert").getByText("Too common").waitFor();
        await change(PASSWORD, "another four fine words");
        await notice(one).getByText("The password is changed, and every other device is signed out.").waitFor();
        await isSignedOut(two, ELSEWHERE);
        assert.equal(await app.works(), false);
        await one.goto("/account");
        assert.equal(await others(one).count(), 0);
        await signIn(two, login);
        await two.getByRole("alert").getByText("Login name or password is wrong.").waitFor();
        await signIn(two, login, { password: "another four fine words" });
        await two.waitForURL("**/account");
    });

    test(`who was not at a new sign-in signs it out and is led to the password, ${how}`, async (visit) => {
        const login = await somebody(visit.server);
        const one = await browserOf(visit, login, { scripts, userAgent: AGENTS["Firefox on Windows"] });
        const thief = await browserOf(visit, login, { userAgent: AGENTS["Chrome on Android"] });
        const friend = await browserOf(visit, login, { userAgent: AGENTS["Safari on iOS"] });
        if (!scripts) await one.reload();
        const news = (name) => one.locator(".news", { hasText: name });
        await news("Safari on iOS").getByRole("button", { name: "That was me" }).click();
        await notice(one).getByText("Thank you.").waitFor();
        assert.equal(await news("Safari on iOS").count(), 0);
        await news("Chrome on Android").getByRole("button", { name: /Not me/ }).click();
        await one.waitForURL("**/account/security#password");
        await notice(one).getByText("Whoever it was may know your password, so change it now.").waitFor();
        await isSignedOut(thief, ELSEWHERE);
        await friend.goto("/account");
        assert.equal(await friend.locator(".device.current").count(), 1);
    });

    test(`a device is called what somebody names it, and its own name again without, ${how}`, async (visit) => {
        const login = await somebody(visit.server);
        const two = await browserOf(visit, login, { userAgent: AGENTS["Safari on iOS"] });
        const one = await browserOf(visit, login, { scripts });
        const rename = async (row, name) => {
            // It may be unfolded still.
            if (!(await row.locator("details[open]").count())) await row.locator("summary").click();
            await row.getByLabel("Name of the device").fill(name);
            await row.getByRole("button", { name: "Save" }).click();
        };
        await rename(other(one, "Safari on iOS"), "  Ann’s telephone ");
        await notice(one).getByText("The device has its new name.").waitFor();
        await other(one, "Ann’s telephone").waitFor();
        // The other one sees it without being asked.
        await two.locator(".device.current h3", { hasText: "Ann’s telephone" }).waitFor();
        await rename(other(one, "Ann’s telephone"), "");
        await other(one, "Safari on iOS").waitFor();
        await rename(one.locator(".device.current"), "rung \u0007 twice");
        await notice(one).getByText("A name has at most 100 characters, all of which can be seen.").waitFor();
        assert.equal(await one.getByText("rung").count(), 0);
    });
}

test("a list that is open shows a device that comes, and one that goes, without being touched", async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    let loads = 0;
    page.on("load", () => (loads += 1));
    // What is said is there for a moment.
    const says = (words) => notice(page).getByText(words).waitFor({ state: "attached" });
    const came = says("New sign-in: Kitchen");
    const app = await appOf(visit.server, login, "Kitchen");
    await Promise.all([came, other(page, "Kitchen").waitFor()]);
    assert.equal(await page.locator(".news").count(), 1);
    const went = says("The list of devices has changed.");
    await visit.server.ask("/v1/sessions/current", { method: "DELETE", token: app.token });
    await Promise.all([went, page.getByText("No other device is signed in.").waitFor()]);
    assert.equal(await page.locator(".news").count(), 0);
    assert.equal(loads, 0);
});

test("a4 signing out a device that is out already says so, and writes nothing", async (visit) => {
    const login = await somebody(visit.server);
    const app = await appOf(visit.server, login, "Kitchen");
    const one = await browserOf(visit, login, { scripts: false });
    await visit.server.ask("/v1/sessions/current", { method: "DELETE", token: app.token });
    const entries = await visit.server.run(["log", "--json"]);
    await signOut(one, "Kitchen");
    await notice(one).getByText("That device is signed out already.").waitFor();
    assert.equal(await visit.server.run(["log", "--json"]), entries);
});

test("a5 another person's device and one that never was get the same answer, and it is on record", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const stranger = await appOf(visit.server, await somebody(visit.server), "Stranger's");
    await appOf(visit.server, login, "Kitchen");
    const never = `ses_${"0".repeat(26)}`;
    const answers = [];
    for (const id of [stranger.id, never]) {
        for (const what of ["sign-out", "not-me", "name"]) {
            const page = await browserOf(visit, login, { scripts: false });
            const send = (form, action) => {
                form.setAttribute("action", action);
                form.requestSubmit();
            };
            const [answer] = await Promise.all([
                page.waitForResponse((answer) => answer.request().method() === "POST"),
                page.waitForEvent("load"),
                page.locator("ul.devices form[action$=sign-out]").first().evaluate(send, `/account/sessions/${id}/${what}`),
            ]);
            const { date, ...headers } = await answer.allHeaders();
            assert.ok(date);
            answers.push([id, what, answer.status(), headers, await page.locator("#notice, [data-problem]").allInnerTexts()]);
            await page.context().close();
        }
    }
    const half = answers.length / 2;
    assert.deepEqual(answers.slice(0, half).map(([, ...rest]) => rest), answers.slice(half).map(([, ...rest]) => rest));
    assert.equal(await stranger.works(), true);
    const page = await browserOf(visit, login);
    await page.goto("/account/security");
    assert.equal(await page.getByText("A device that is not there was to be signed out").count(), 4);
});

/** The cookies that a browser keeps when it is closed. */
async function kept(page) {
    return (await page.context().cookies()).filter(({ expires }) => expires > 0);
}

test("a9 signing out on one device does not forget that others stay signed in", async (visit) => {
    const login = await somebody(visit.server);
    const one = await browserOf(visit, login, { remember: true });
    const two = await browserOf(visit, login, { remember: true });
    await one.locator(".device.current").getByRole("button", { name: /^Sign out/ }).click();
    await isSignedOut(one, "You are signed out.");
    const later = await visit.open({ storageState: { cookies: await kept(two), origins: [] } });
    await later.goto("/account");
    await later.locator(".device.current").waitFor();
    assert.equal(await others(later).count(), 0);
});

test("a10 a device that stays signed in is in the list, ends like any other, and no cookie brings it back", async (visit) => {
    const login = await somebody(visit.server);
    const device = { remember: true, userAgent: AGENTS["Safari on iOS"] };
    const two = await browserOf(visit, login, device);
    const one = await browserOf(visit, login);
    const cookies = await kept(two);
    assert.ok(cookies.some(({ name }) => name === "rescind_dev"), "it would be kept");
    assert.equal((await kept(one)).some(({ name }) => name === "rescind_dev"), false, "who did not ask for it is forgotten");
    // What was closed is not seen by anybody, and is in the list all the same.
    await two.context().close();
    await signOut(one, "Safari on iOS");
    await notice(one).getByText("Done.").waitFor();
    for (const path of ["/account", "/account/security", "/sign-out"]) {
        const later = await visit.open({ storageState: { cookies, origins: [] } });
        await later.goto(path);
        await isSignedOut(later, ELSEWHERE);
        assert.equal(await sessionCookie(later), undefined);
        await later.context().close();
    }
    await one.reload();
    assert.equal(await others(one).count(), 0);
});

test("a16 a form that is on its way while its device is signed out does nothing", async (visit) => {
    const login = await somebody(visit.server);
    const two = await browserOf(visit, login, { scripts: false, userAgent: AGENTS["Safari on iOS"] });
    const one = await browserOf(visit, login, { userAgent: AGENTS["Firefox on Windows"] });
    await two.reload();
    let held;
    await two.route("**/name", (route) => (held = route));
    const row = other(two, "Firefox on Windows");
    await row.locator("summary").click();
    await row.getByLabel("Name of the device").fill("Mine now");
    const sent = row.getByRole("button", { name: "Save" }).click({ noWaitAfter: true });
    await until(() => held);
    await signOut(one, "Safari on iOS");
    await notice(one).getByText("Done.").waitFor();
    await held.continue();
    await sent;
    await isSignedOut(two, ELSEWHERE);
    await one.reload();
    assert.equal(await one.locator(".device.current h3").innerText(), "Firefox on Windows");
    assert.equal(await others(one).count(), 0);
});

test("b5 an administrator's lock turns every open page, and says so to whoever signs in", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const app = await appOf(visit.server, login, "Kitchen");
    const pages = [await browserOf(visit, login), await browserOf(visit, login)];
    await visit.server.run(["user", "lock", login, "--for", "1h"]);
    for (const page of pages) await isSignedOut(page, ELSEWHERE);
    assert.equal(await app.works(), false);
    await signIn(pages[0], login);
    await pages[0].getByRole("alert").getByText("The account is locked until").waitFor();
    await visit.server.run(["user", "unlock", login]);
    await pages[1].goto("/account");
    assert.match(pages[1].url(), /\/sign-in/, "what the lock ended stays ended");
    await signIn(pages[0], login);
    await pages[0].waitForURL("**/account");
});

test("b5 who locks the own account is out everywhere at once", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const two = await browserOf(visit, login);
    const one = await browserOf(visit, login, { scripts: false });
    await one.goto("/account/security");
    await one.locator("summary", { hasText: "Lock my account" }).click();
    await one.locator("details[open]").getByRole("button", { name: "Lock my account" }).click();
    await isSignedOut(one, "The account is locked, and every device is signed out.");
    await isSignedOut(two, ELSEWHERE);
    await signIn(two, login);
    await two.getByRole("alert").getByText("The account is locked until").waitFor();
});

test("b5 who deletes the own account gives its password, and nothing of it is left", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const two = await browserOf(visit, login);
    const one = await browserOf(visit, login);
    const remove = async (password) => {
        await one.goto("/account/security");
        await one.locator("summary", { hasText: "Delete my account" }).click();
        await one.getByLabel("I want my account to be deleted for good").check();
        await one.getByLabel("Password", { exact: true }).fill(password);
        await one.getByRole("button", { name: "Delete for good" }).click();
    };
    await remove("not this one");
    await one.getByRole("alert").getByText("The password is wrong. Nothing was changed.").waitFor();
    await remove(PASSWORD);
    await isSignedOut(one, "The account is deleted.");
    await isSignedOut(two, ELSEWHERE);
    await signIn(two, login);
    await two.getByRole("alert").getByText("Login name or password is wrong.").waitFor();
});

test("a wrong password and a wrong login name are refused in the same words, and change nothing", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const one = await browserOf(visit, login);
    const page = await visit.open();
    for (const [name, password] of [[login, "not this one"], ["nobody-at-all", PASSWORD], [login, ""], [login, "x".repeat(2000)]]) {
        await page.goto("/sign-in");
        await page.locator("input[required]").evaluateAll((inputs) => inputs.forEach((input) => (input.required = false)));
        await page.getByLabel("Login name").fill(name);
        await page.getByLabel("Password").fill(password);
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByRole("alert").getByText("Login name or password is wrong.").waitFor();
        assert.equal(await page.getByLabel("Login name").inputValue(), name);
        assert.equal(await page.getByLabel("Password").inputValue(), "");
        assert.equal(await sessionCookie(page), undefined);
    }
    await one.reload();
    assert.equal(await others(one).count(), 0);
    await signIn(page, login);
    await page.waitForURL("**/account");
});

test("e2 browser, system, address, application, first seen and last active are shown as they are", async (visit) => {
    const login = await somebody(visit.server);
    const extraHTTPHeaders = { "X-Forwarded-For": "203.0.113.9" };
    const began = Date.now();
    const two = await browserOf(visit, login, { userAgent: AGENTS["Safari on iOS"], extraHTTPHeaders });
    const one = await browserOf(visit, login, { scripts: false });
    const row = other(one, "Safari on iOS");
    const texts = (all) => all.map((one) => one.textContent);
    const [terms, facts] = await Promise.all(["dt", "dd"].map((part) => row.locator(part).evaluateAll(texts)));
    const said = Object.fromEntries(terms.map((term, at) => [term, facts[at]]));
    assert.equal(said["Browser and system"], "Safari 18 · iOS");
    assert.equal(said.Address, "203.0.113.9");
    assert.equal(said.Application, "Rescind");
    for (const time of await row.locator("time").all()) {
        const at = Date.parse(await time.getAttribute("datetime"));
        assert.ok(at >= began - 1000 && at <= Date.now() + 1000, `${await time.getAttribute("datetime")} is when it happened`);
    }
    await other(two, "Headless Chrome").getByText("127.0.0.1").waitFor();
});

test("e4 a limit of two devices holds when four sign in at once", { allow: [REFUSED] }, async (visit) => {
    const limited = await Server.start({ "sessions.limit": 2, "sessions.at_limit": "end-oldest" });
    visit.ends.push(() => limited.stop());
    const login = await somebody(limited);
    const pages = await Promise.all([1, 2, 3, 4].map(() => visit.open({ baseURL: limited.url, scripts: false })));
    await Promise.all(pages.map((page) => signIn(page, login)));
    // Each comes to the list, or is led back if it was one too many by then.
    await Promise.all(pages.map((page) => page.locator(".device.current").or(notice(page).getByText(ELSEWHERE)).waitFor()));
    const inside = [];
    for (const page of pages) {
        await page.goto("/account");
        if (page.url().endsWith("/account")) inside.push(page);
    }
    assert.equal(inside.length, 2);
    for (const page of inside) assert.equal((await others(page).count()) + 1, 2);
});

test("who comes back by the back button after signing out finds nothing private", async (visit) => {
    for (const how of ["this device", "everywhere", "another device"]) {
        const login = await somebody(visit.server, "private");
        const page = await browserOf(visit, login);
        await page.goto("/account/security");
        await page.goto("/account");
        if (how === "another device") {
            await visit.server.run(["user", "logout", login]);
            await isSignedOut(page, ELSEWHERE);
        } else if (how === "everywhere") {
            await several(page, "Sign out everywhere");
            await page.waitForURL(/\/sign-in(\?|$)/);
        } else {
            await page.locator(".device.current").getByRole("button", { name: /^Sign out/ }).click();
            await isSignedOut(page, "You are signed out.");
        }
        for (let step = 0; step < 3; step += 1) {
            await page.goBack({ waitUntil: "load" });
            await until(async () => /\/sign-in/.test(page.url()) || page.url() === "about:blank");
            const text = await page.locator("body").innerText();
            assert.doesNotMatch(text, new RegExp(login), `${how}: ${page.url()} after ${step + 1} steps back`);
            assert.doesNotMatch(text, /Headless Chrome/);
        }
    }
});

test("in Arabic the whole runs from right to left, and does the same", async (visit) => {
    const login = await somebody(visit.server);
    const app = await appOf(visit.server, login, "Kitchen (2nd floor)");
    const page = await visit.open({ locale: "ar" });
    await page.goto("/sign-in");
    assert.equal(await page.locator("html").getAttribute("dir"), "rtl");
    assert.equal(await page.locator("html").getAttribute("lang"), "ar");
    await page.locator("#login").fill(login);
    await page.locator("#password").fill(PASSWORD);
    await page.locator("form button").click();
    await page.waitForURL("**/account");
    const lefts = (card) => [".icon", "h3"].map((part) => card.querySelector(part).getBoundingClientRect().left);
    // What comes first is on the right. The list is put in place anew as the stream begins: what was there has no place then.
    await until(async () => {
        const [icon, name] = await page.locator(".device.current").evaluate(lefts);
        return icon > name;
    });
    await other(page, "Kitchen (2nd floor)").locator("form[action$=sign-out] button").click();
    await until(async () => (await others(page).count()) === 0);
    assert.equal(await app.works(), false);
    // The choice of another language is kept, and beats what the browser prefers.
    await page.locator("footer a[lang=de]").click();
    await page.locator('html[lang="de"][dir="ltr"]').waitFor();
    assert.equal(new URL(page.url()).pathname, "/account");
});
