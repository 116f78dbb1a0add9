// Where the authority wants a fresh authentication, and the one that it has is older than it may be.

import assert from "node:assert/strict";
import { PASSWORD, REFUSED, aria, axe, fits, house, until } from "./harness/house.js";
import { AGENTS, age, appOf, browserOf, notice, other, sessionCookie, somebody } from "./harness/people.js";

const { test } = house({ "throttle.account_failures": 1000 });

/** Somebody who gave the password too long ago, with two other devices, at the list of devices. */
async function stale(visit, device = {}) {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, device);
    const [kitchen, garage] = [await appOf(visit.server, login, "Kitchen"), await appOf(visit.server, login, "Garage")];
    await age(visit.server);
    await page.goto("/account");
    await page.locator(".device.current").waitFor();
    return { login, kitchen, garage, page };
}

const prompt = (page) => page.locator("#again");
const WRONG = "The password is wrong. Nothing was changed.";

for (const scripts of [true, false]) {
    const how = scripts ? "with scripts" : "without scripts";

    test(`a6 a wrong password changes nothing, and the right one signs the device out, ${how}`, { allow: [REFUSED] }, async (visit) => {
        const { page, kitchen, garage } = await stale(visit, { scripts });
        const works = async () => [await kitchen.works(), await garage.works()];
        const cookie = await sessionCookie(page);
        await page.getByRole("button", { name: "Sign out Kitchen" }).click();
        const password = prompt(page).getByLabel("Password");
        await password.waitFor();
        if (scripts) await page.getByRole("dialog", { name: "Your password, please" }).waitFor();
        await until(() => password.evaluate((input) => input === document.activeElement));
        const shown = scripts ? page.getByRole("dialog") : page.locator("main");
        const snapshot = (state) => aria(shown, `account/again${state}${scripts ? "-dialog" : ""}`);
        await snapshot("");
        if (scripts) await axe(page);
        assert.deepEqual(await works(), [true, true]);
        await password.fill("not this one");
        await password.press("Enter");
        await prompt(page).getByRole("alert").getByText(WRONG).waitFor();
        await snapshot("-wrong");
        if (scripts) await axe(page);
        assert.deepEqual(await works(), [true, true]);
        assert.equal(await sessionCookie(page), cookie, "a wrong password renews nothing");
        // Neither has the wrong one become the password.
        assert.equal((await visit.server.call("/v1/sessions", { json: { login: "nobody", password: "not this one" } })).status, 401);
        await password.fill(PASSWORD);
        await password.press("Enter");
        await notice(page).getByText("Done.").waitFor();
        assert.equal(await other(page, "Kitchen").count(), 0);
        assert.deepEqual(await works(), [false, true]);
        assert.notEqual(await sessionCookie(page), cookie);

        // It is fresh now, so that nothing is asked for again; and the session is the same.
        await page.getByRole("button", { name: "Sign out Garage" }).click();
        await page.getByText("No other device is signed in.").waitFor();
        assert.deepEqual(await works(), [false, false]);
    });

    test(`a6 a wrong password signs out neither all others nor everywhere, ${how}`, { allow: [REFUSED] }, async (visit) => {
        const { page, kitchen, garage } = await stale(visit, { scripts });
        for (const words of ["Sign out all other devices", "Sign out everywhere"]) {
            await page.goto("/account");
            await page.locator("summary", { hasText: words }).click();
            await page.locator("details[open]").getByRole("button", { name: words }).click();
            const password = prompt(page).getByLabel("Password");
            await password.fill("not this one");
            await password.press("Enter");
            await prompt(page).getByRole("alert").getByText(WRONG).waitFor();
            assert.deepEqual([await kitchen.works(), await garage.works()], [true, true]);
            await prompt(page).getByRole("link", { name: "Cancel" }).click();
            await page.locator(".device.current").waitFor();
            await prompt(page).waitFor({ state: "detached" });
        }
        await page.locator("summary", { hasText: "Sign out all other devices" }).click();
        await page.locator("details[open]").getByRole("button", { name: "Sign out all other devices" }).click();
        await prompt(page).getByLabel("Password").fill(PASSWORD);
        await prompt(page).getByRole("button", { name: "Go on" }).click();
        await page.getByText("No other device is signed in.").waitFor();
        assert.deepEqual([await kitchen.works(), await garage.works()], [false, false]);
    });
}

test("everybody can use the page that asks for the password, as it comes without script", { allow: [REFUSED] }, async (visit) => {
    const { page: first } = await stale(visit);
    const storageState = await first.context().storageState();
    for (const [locale, width, dark] of [["en-GB", 320, true], ["ar", 320, false], ["en-GB", 1000, false], ["ar", 1000, true]]) {
        const page = await visit.open({ locale, width, dark, storageState });
        await page.goto("/account");
        // axe-core is a script itself, and so is what would put the page into a dialogue. The list may be replaced at any time.
        await page.evaluate(() => {
            const form = document.querySelector("ul.devices form[action$=sign-out]").cloneNode(true);
            form.removeAttribute("data-live");
            document.body.append(form);
            form.requestSubmit();
        });
        for (const state of ["asked", "wrong"]) {
            const form = prompt(page).locator("form");
            await prompt(page).locator(state === "asked" ? "form" : "[role=alert]").waitFor();
            assert.equal(await page.getByRole("dialog").count(), 0);
            await axe(page);
            await fits(page);
            assert.equal(await page.locator("html").getAttribute("dir"), locale === "ar" ? "rtl" : "ltr");
            await form.evaluate((form) => form.removeAttribute("data-live"));
            await form.locator("input[type=password]").fill("not this one");
            await form.locator("button").click();
        }
    }
});

test("a6 locking the account and saying not me want the password too", { allow: [REFUSED] }, async (visit) => {
    const { page, garage: thief } = await stale(visit, { scripts: false });
    await page.goto("/account/security");
    await page.locator("summary", { hasText: "Lock my account" }).click();
    await page.locator("details[open]").getByRole("button", { name: "Lock my account" }).click();
    await prompt(page).getByText("After that, the account is locked.").waitFor();
    assert.equal(await thief.works(), true);
    await page.goto("/account");
    await page.locator(".news", { hasText: "Garage" }).getByRole("button", { name: /Not me/ }).click();
    await prompt(page).getByLabel("Password").fill("not this one");
    await prompt(page).getByRole("button", { name: "Go on" }).click();
    await prompt(page).getByRole("alert").getByText(WRONG).waitFor();
    assert.equal(await thief.works(), true);
    await prompt(page).getByLabel("Password").fill(PASSWORD);
    await prompt(page).getByRole("button", { name: "Go on" }).click();
    await page.waitForURL("**/account/security#password");
    assert.equal(await thief.works(), false);
});

test("what this device may end of its own needs no password, however long ago it was given", async (visit) => {
    const { page } = await stale(visit);
    await page.locator(".device.current").getByRole("button", { name: /^Sign out/ }).click();
    await notice(page).getByText("You are signed out.").waitFor();
});

test("the cookie from before the password was given again opens nothing, once the grace time is over", async (visit) => {
    const { page } = await stale(visit, { scripts: false });
    const [old] = (await page.context().cookies()).filter(({ name }) => name === "rescind_dev");
    await page.getByRole("button", { name: "Sign out Kitchen" }).click();
    await prompt(page).getByLabel("Password").fill(PASSWORD);
    await prompt(page).getByRole("button", { name: "Go on" }).click();
    await notice(page).getByText("Done.").waitFor();
    const thief = await visit.open({ scripts: false });
    await until(async () => {
        await thief.context().addCookies([old]);
        await thief.goto("/account");
        return thief.url().includes("/sign-in");
    });
    // Nobody can tell a copy from a browser that lost the answer: the session is over, and its device is told.
    await page.reload();
    assert.ok(page.url().includes("/sign-in"), page.url());
});

test("e3 last active is when a device last asked for something, and reading the list writes nothing", async (visit) => {
    const login = await somebody(visit.server);
    const two = await browserOf(visit, login, { scripts: false, userAgent: AGENTS["Safari on iOS"] });
    const one = await browserOf(visit, login, { scripts: false });
    const seen = async () => {
        await one.reload();
        return other(one, "Safari on iOS").locator(".seen time").getAttribute("datetime");
    };
    const before = await seen();
    await two.reload();
    const writes = await visit.server.sql("SELECT max(id) FROM events");
    await until(async () => (await seen()) > before, 40_000);
    assert.equal(await visit.server.sql("SELECT max(id) FROM events"), writes);
});
