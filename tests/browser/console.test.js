// The administrator's console in a browser: that everybody can use it, and that what is done there reaches the pages of
// whoever it is done to.

import assert from "node:assert/strict";
import { PASSWORD, REFUSED, aria, axe, house, shot, until } from "./harness/house.js";
import { AGENTS, appOf, browserOf, consoleOf, find, notice, other, signIn, somebody } from "./harness/people.js";

const { test } = house({ "throttle.address_failures": 100_000 });
/** Another server, on which nothing happens but what is said. */
const quiet = house();
/** One on which nothing has ended yet. */
const empty = house();

/** Types what a confirmation asks for, and sends it. */
async function confirm(page, word) {
    await page.locator("#confirm").fill(word);
    await page.locator("button.danger").click();
}

/** Every page of the console, as paths below the server. */
async function places(page, login) {
    await find(page, login);
    const user = new URL(page.url()).pathname;
    await page.goto("/admin/keys");
    const compromise = await page.locator('a[href$="/compromise"]').first().getAttribute("href");
    return {
        overview: "/admin",
        users: "/admin/users",
        "users-none": "/admin/users?q=nobody-of-this-name",
        user,
        "user-sign-out": `${user}/sign-out`,
        "user-lock": `${user}/lock`,
        "user-password": `${user}/password`,
        clients: "/admin/clients",
        client: "/admin/clients/default",
        "client-revoke": "/admin/clients/default/revoke",
        keys: "/admin/keys",
        "key-compromise": compromise,
        revocations: "/admin/revocations",
        verifiers: "/admin/verifiers",
        everyone: "/admin/everyone",
        "not-found": "/admin/users/usr_00000000000000000000000000",
    };
}

const LOOKS = [
    { locale: "en-GB", width: 1000, dark: false },
    { locale: "en-GB", width: 320, dark: true },
    { locale: "ar", width: 1000, dark: true },
    { locale: "ar", width: 320, dark: false },
];

for (const look of LOOKS) {
    const { locale, width, dark } = look;
    const words = `${locale}, ${width} wide, ${dark ? "dark" : "light"}`;

    test(`everybody who may can use the console: ${words}`, { allow: [REFUSED] }, async (visit) => {
        const login = await somebody(visit.server);
        await appOf(visit.server, login, "Kitchen");
        const finder = await consoleOf(visit);
        const paths = await places(finder, login);
        const page = await consoleOf(visit, look);
        for (const [state, path] of Object.entries(paths)) {
            await page.goto(path);
            try {
                await axe(page);
                if (state === "overview") {
                    // What charts show is in tables, too, where there is something to show.
                    const tables = page.locator("figure details");
                    const unfold = (all) => {
                        const folded = all.filter((one) => !one.open);
                        for (const one of folded) one.open = true;
                        return all.length > 0 && folded.length === 0;
                    };
                    // More of them may come as the page is brought up to date.
                    await until(() => tables.evaluateAll(unfold));
                    await axe(page);
                }
                const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
                assert.ok(scroll <= width, `it is ${scroll} wide in a window of ${width}`);
                assert.equal(await page.locator("html").getAttribute("dir"), locale === "ar" ? "rtl" : "ltr");
            } catch (error) {
                throw new Error(`${state}: ${error.message}`, { cause: error });
            }
        }
    });
}

test("a14 b5 an administrator's lock turns the open page of whoever is locked, and unlocking lets them in again", { allow: [REFUSED, /status of 422/] }, async (visit) => {
    const { server } = visit;
    const login = await somebody(server);
    const phone = await appOf(server, login, "Phone");
    const theirs = await browserOf(visit, login);
    const page = await consoleOf(visit);
    await find(page, login);
    await page.locator('a[href$="/lock"]').click();
    await page.locator(".hit").waitFor();
    assert.match(await page.locator(".hit").innerText(), /\b2\b/);

    await confirm(page, "somebody else");
    await page.getByRole("alert").waitFor();
    assert.ok(await phone.works(), "the wrong word does nothing");

    await confirm(page, login);
    await page.waitForURL(/\/admin\/users\/usr_[0-9a-v]+(\?.*)?$/);
    assert.match(await notice(page).innerText(), /Done/);
    await theirs.waitForURL("**/sign-in*");
    assert.ok(!(await phone.works()) && !(await phone.refreshes()));
    await signIn(theirs, login);
    await theirs.getByRole("alert").waitFor();

    await page.locator('form[action$="/unlock"] button').click();
    await page.locator('form[action$="/unlock"]').waitFor({ state: "detached" });
    await signIn(theirs, login);
    await theirs.waitForURL("**/account");
});

test("a14 all devices of one person are signed out at once, as one entry of the log, which the open log shows by itself", async (visit) => {
    const { server } = visit;
    const login = await somebody(server);
    const apps = [await appOf(server, login, "Phone"), await appOf(server, login, "Tablet")];
    const bystander = await appOf(server, await somebody(server), "Else");
    const log = await consoleOf(visit);
    await log.goto("/admin/revocations");
    await log.locator('[data-live]').first().waitFor();
    const entries = async () => (await server.sql("SELECT count(*) FROM log")).trim();
    const page = await consoleOf(visit);
    await find(page, login);
    const before = Number(await entries());
    await page.locator('a[href^="/admin/"][href$="/sign-out"]').first().click();
    await page.locator("#reason").fill("the <b>phone</b> was stolen");
    await confirm(page, login);
    await page.waitForURL(/\/admin\/users\/usr_[0-9a-v]+(\?.*)?$/);
    assert.equal(Number(await entries()), before + 1);
    for (const app of apps) assert.ok(!(await app.works()));
    assert.ok(await bystander.works());
    await log.getByText("the <b>phone</b> was stolen").waitFor();
});

test("one device is signed out from the page of whose it is, and its page turns by itself, and no other", async (visit) => {
    const { server } = visit;
    const login = await somebody(server);
    const phone = await appOf(server, login, "Phone");
    const theirs = await browserOf(visit, login, { userAgent: AGENTS["Safari on iOS"] });
    const kept = await browserOf(visit, login, { userAgent: AGENTS["Firefox on Windows"] });
    const page = await consoleOf(visit);
    await find(page, login);
    await page.getByRole("button", { name: "Sign out Safari on iOS" }).click();
    await notice(page).getByText(/^Done\./).waitFor();
    await theirs.waitForURL("**/sign-in*");
    await notice(theirs).getByText("This device was signed out.").waitFor();
    assert.equal(await theirs.locator(".device").count(), 0);
    await other(kept, "Safari on iOS").waitFor({ state: "detached" });
    await kept.locator(".device.current").waitFor();
    assert.ok(await phone.works());
    await page.getByRole("button", { name: /Phone/ }).click();
    await until(async () => !(await phone.works()));
    await other(kept, "Phone").waitFor({ state: "detached" });
});

test("who is no administrator finds no console, and no link to it", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    assert.equal(await page.locator('a[href="/admin"]').count(), 0);
    const answer = await page.goto("/admin");
    assert.equal(answer.status(), 403);
    await page.locator("[data-problem=forbidden]").waitFor();
    await axe(page);
});

test("an administrator is led to the console from the account", async (visit) => {
    const page = await consoleOf(visit);
    await page.goto("/account");
    await page.getByRole("link", { name: "Administration" }).click();
    await page.waitForURL("**/admin");
});

test("a14 everyone is signed out with a typed word, the administrator too, who is led to the sign-in page", { allow: [REFUSED] }, async (visit) => {
    const { server } = visit;
    const login = await somebody(server);
    const phone = await appOf(server, login, "Phone");
    const theirs = await browserOf(visit, login);
    const page = await consoleOf(visit);
    await page.goto("/admin/everyone");
    const asked = await page.locator("label[for=confirm]").innerText();
    await confirm(page, /Type (\S+) to confirm/.exec(asked)[1]);
    await page.waitForURL("**/sign-in*");
    await theirs.waitForURL("**/sign-in*");
    assert.ok(!(await phone.works()));
});

/** Presses the tabulator until something has the focus, as whoever has no mouse. */
async function tabTo(page, locator) {
    for (let presses = 0; presses < 100; presses += 1) {
        await page.keyboard.press("Tab");
        if (await locator.evaluate((element) => element === document.activeElement)) return;
    }
    throw new Error(`${locator} cannot be reached`);
}

test("whoever has a keyboard alone finds an account, types what is asked for, and signs all its devices out", { allow: [/status of 422/] }, async (visit) => {
    const { server } = visit;
    const login = await somebody(server);
    const phone = await appOf(server, login, "Phone");
    const page = await consoleOf(visit, { width: 320 });
    await tabTo(page, page.getByRole("searchbox"));
    await page.keyboard.type(login);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/users?q=*");
    await tabTo(page, page.getByRole("link", { name: login, exact: true }));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: login }).waitFor();
    await tabTo(page, page.locator('a[href$="/sign-out"]:not([href="/sign-out"])'));
    await page.keyboard.press("Enter");
    await page.waitForURL("**/sign-out");
    const [word, button] = [page.locator("#confirm"), page.locator("button.danger")];
    await tabTo(page, word);
    await page.keyboard.type("somebody else");
    await tabTo(page, button);
    await page.keyboard.press("Space");
    await page.getByRole("alert").waitFor();
    assert.ok(await phone.works(), "the wrong word does nothing");
    await tabTo(page, word);
    await page.keyboard.press("Control+A");
    await page.keyboard.type(login);
    await tabTo(page, button);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/admin\/users\/usr_[0-9a-v]+(\?.*)?$/);
    assert.match(await notice(page).innerText(), /Done/);
    assert.ok(!(await phone.works()));
});

test("without script the console does the same", { allow: [REFUSED] }, async (visit) => {
    const { server } = visit;
    const login = await somebody(server);
    const phone = await appOf(server, login, "Phone");
    const page = await consoleOf(visit, { scripts: false });
    await find(page, login);
    await page.locator('a[href$="/lock"]').click();
    await confirm(page, login);
    await page.waitForURL(/\/admin\/users\/usr_[0-9a-v]+(\?.*)?$/);
    assert.ok(!(await phone.works()));
    await page.locator('form[action$="/unlock"] button').click();
    await page.locator('form[action$="/unlock"]').waitFor({ state: "detached" });
    await page.locator('a[href$="/lock"]').waitFor();
});

test("charts are drawn so that they can be seen: in their frame, what was refused on what was not, in other colours", { allow: [REFUSED] }, async (visit) => {
    const { server } = visit;
    const login = await somebody(server);
    await appOf(server, login, "Kitchen");
    await server.call("/v1/sessions", { json: { login, password: "not this one" } });
    for (const dark of [false, true]) {
        // Nothing is replaced while it is looked at.
        const page = await consoleOf(visit, { dark, width: dark ? 320 : 1000, scripts: false });
        const drawn = await until(async () => {
            await page.goto("/admin");
            const found = await page.locator("figure.chart").evaluateAll((figures) =>
                figures.map((figure) => {
                    const svg = figure.querySelector("svg");
                    const frame = svg.getBoundingClientRect();
                    const look = (rect) => {
                        const { left, right, top, bottom, height } = rect.getBoundingClientRect();
                        return { left, right, top, bottom, height, fill: getComputedStyle(rect).fill };
                    };
                    const [ones, twos] = [".one", ".two"].map((kind) => [...svg.querySelectorAll(`rect${kind}`)].map(look));
                    const keys = [...figure.querySelectorAll(".key span")].map((key) => getComputedStyle(key).backgroundColor);
                    const ground = getComputedStyle(figure).backgroundColor;
                    return { frame: { left: frame.left, right: frame.right, top: frame.top, bottom: frame.bottom }, ones, twos, keys, ground };
                }),
            );
            return found.some(({ twos }) => twos.length) && found;
        });
        const close = (a, b) => Math.abs(a - b) < 0.5;
        for (const { frame, ones, twos, keys, ground } of drawn) {
            for (const bar of [...ones, ...twos]) {
                const inside = bar.left >= frame.left - 0.5 && bar.right <= frame.right + 0.5 && bar.top >= frame.top - 0.5;
                assert.ok(inside && bar.bottom <= frame.bottom + 0.5, JSON.stringify([bar, frame]));
            }
            // The ground is a border, a pixel high.
            for (const one of ones) assert.ok(close(one.bottom, frame.bottom - 1), `it stands on the ground: ${one.bottom} of ${frame.bottom}`);
            for (const two of twos) {
                assert.ok(two.height >= 1, "a little can be seen");
                assert.ok(ones.some((one) => close(one.left, two.left) && close(one.top, two.bottom)), "it stands on the other");
            }
            assert.ok(new Set([...keys, ground]).size === 3, `${keys} on ${ground}`);
            for (const [bars, key] of [[ones, keys[0]], [twos, keys[1]]]) for (const { fill } of bars) assert.equal(fill, key);
        }
        await page.context().close();
    }
});

empty.test("the log that is open shows its first entry by itself", async (visit) => {
    const { server } = visit;
    const page = await consoleOf(visit);
    await page.goto("/admin/revocations");
    await page.getByText("Nothing yet.").waitFor();
    const login = await somebody(server);
    await appOf(server, login, "Kitchen");
    await server.run(["user", "logout", login]);
    await page.getByRole("link", { name: login }).waitFor();
    assert.equal(await page.getByText("Nothing yet.").count(), 0);
});

/** What differs from run to run in the console. */
const VARIES = [
    [/\d{1,2} [A-Z][a-z]+ \d{4}(,| at) \d\d:\d\d/g, "(time)"],
    [/\b[0-9a-v]{16}\.(\d+)\b/g, "(epoch).$1"],
    [/\b(mac|key|sig)[-_][0-9A-Za-z_-]{8,}/g, "$1_…"],
    [/\b(now|\d+ (seconds?|minutes?) ago)\b/g, "(lately)"],
    [/\b\d+ (accepted|signed in|refreshed|refused)\b/g, "(some) $1"],
];

quiet.test("a screen reader finds what there is on each page of the console", { allow: [REFUSED] }, async (visit) => {
    const { server } = visit;
    await server.account("ann");
    await appOf(server, "ann", "Kitchen");
    const page = await consoleOf(visit);
    for (const [state, path] of Object.entries(await places(page, "ann"))) {
        await page.goto(path);
        if (state === "user") await shot(page, "console-user");
        const login = [/\broot\d+\b/g, "root"];
        await aria(page.locator("main"), `console/${state}`, [login, ...VARIES]);
    }
    await page.goto("/admin");
    await shot(page, "console");
});
