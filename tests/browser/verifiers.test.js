// What pages say of services that check tokens, with real ones: guards that follow the feed, one of which is stopped and goes on.

import assert from "node:assert/strict";
import { after } from "node:test";
import { startExample } from "./harness/example.js";
import { PASSWORD, aria, axe, fits, house, until } from "./harness/house.js";
import { appOf, browserOf, consoleOf, find, notice, somebody } from "./harness/people.js";

const { test } = house();
/** Another server, on which nothing happens but what is said. */
const quiet = house({ "feed.max_lease": "10m" });
const NAMES = ["mail", "shop", "wiki"];
/**
 * How long the guards go on without hearing from the server, in seconds: longer than a busy machine takes to say who is
 * missing. At most 1.6 times as long, and nobody counts on one any more.
 */
const LEASE = 10;
let guards;

/** Three services, for the first test that needs them. */
const services = (server) => (guards ??= Promise.all(NAMES.map((name) => server.guard(name, `${LEASE}s`))));
after(async () => Promise.all(((await guards) ?? []).map((guard) => guard.stop())));

/** Does something while the last one does not run; `continued` lets it go on. */
async function whileOneIsStopped(server, act) {
    const one = (await services(server)).at(-1);
    one.pause();
    try {
        await act(() => one.go());
    } finally {
        one.go();
        await one.isReady();
    }
}

/** Signs all other devices out on the page. */
async function signOutOthers(page) {
    await page.locator("summary", { hasText: "Sign out all other devices" }).click();
    await page.locator("details[open]").getByRole("button", { name: "Sign out all other devices" }).click();
    await page.getByText("No other device is signed in.").waitFor();
}

test("whoever signs all other devices out is told when every service has confirmed", async (visit) => {
    const login = await somebody(visit.server);
    const app = await appOf(visit.server, login, "Kitchen");
    const page = await browserOf(visit, login);
    const all = await services(visit.server);
    const asked = () => Promise.all(all.map((guard) => guard.ask(app.token)));
    assert.deepEqual(await asked(), [200, 200, 200]);
    await signOutOthers(page);
    await notice(page).getByText(/^Done\. 3 of 3 services have confirmed \(\d+ ms\)\.$/).waitFor();
    assert.deepEqual(await asked(), [401, 401, 401]);
});

test("a service that does not answer is counted as missing, with the time within which it must", async (visit) => {
    const login = await somebody(visit.server);
    const app = await appOf(visit.server, login, "Kitchen");
    const page = await browserOf(visit, login);
    await whileOneIsStopped(visit.server, async (go) => {
        await signOutOthers(page);
        const said = notice(page).getByText(/^Done\. 2 of 3 services have confirmed; the others must within \d+ seconds?\.$/);
        await said.waitFor();
        const [, seconds] = /within (\d+)/.exec(await said.innerText());
        assert.ok(seconds <= 1.6 * LEASE + 1, `${seconds} seconds`);
        go();
        // What it says from then on is no.
        const one = (await services(visit.server)).at(-1);
        await until(async () => (await one.ask(app.token)) === 401);
    });
});

test("the widget counts a service that does not answer as missing, too", async (visit) => {
    const login = await somebody(visit.server);
    const app = await startExample(visit.server);
    visit.ends.push(() => app.stop());
    await appOf(visit.server, login, "Kitchen");
    const page = await visit.open();
    await page.goto(app.url);
    await page.getByLabel("Login name").fill(login);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    const kitchen = page.getByRole("button", { name: "Sign out Kitchen" });
    await kitchen.waitFor();
    await whileOneIsStopped(visit.server, async () => {
        await kitchen.click();
        await page.getByText(/^Done\. 2 of 3 services have confirmed; the others must within \d+ seconds?$/).waitFor();
    });
});

for (const how of ["goes on", "is given up"]) {
    test(`the console names the service that is missing, and no more once it ${how}`, async (visit) => {
        const { server } = visit;
        const login = await somebody(server);
        await appOf(server, login, "Kitchen");
        const page = await consoleOf(visit, { width: 320, dark: true });
        const log = await consoleOf(visit);
        await log.goto("/admin/revocations");
        await log.getByText("The newest entry is enforced").waitFor();
        await find(page, login);
        await whileOneIsStopped(server, async (go) => {
            const missing = page.locator(".missing");
            await page.getByRole("button", { name: /Kitchen/ }).click();
            await missing.getByText("2 of 3 verifiers have confirmed.").waitFor();
            assert.match(await missing.locator("li").innerText(), /^wiki \(wiki\): by .*\d:\d\d/);
            await log.locator(".missing", { hasText: "wiki" }).waitFor();
            assert.equal(await page.getByRole("button", { name: /Kitchen/ }).count(), 0);
            await axe(page);
            await fits(page);
            if (how === "goes on") go();
            await missing.waitFor({ state: "detached" });
            await log.getByText("The newest entry is enforced").waitFor();
        });
    });
}

/** What differs from run to run in the console. */
const VARIES = [
    [/\broot\d+\b/g, "root"],
    [/\d{1,2} [A-Z][a-z]+ \d{4}(,| at) \d\d:\d\d/g, "(time)"],
    [/\b(now|\d+ (seconds?|minutes?) ago)\b/g, "(lately)"],
    [/\b\d+ (accepted|signed in|refreshed|refused)\b/g, "(some) $1"],
    [/\(\d+ seconds? left\)/g, "(so many seconds left)"],
    [/^ *- group: "As a table[^\n]*\n/gm, ""],
];

/** How the console is looked at. */
const LOOKS = [
    { locale: "en-GB", width: 1000, dark: false },
    { locale: "en-GB", width: 320, dark: true },
    { locale: "ar", width: 320, dark: false },
    { locale: "ar", width: 1000, dark: true },
];

quiet.test("everybody finds who follows, how far, under which lease, and who is missing", async (visit) => {
    const { server } = visit;
    const [shop, wiki] = [await server.guard("shop", "5m"), await server.guard("wiki", "5m")];
    visit.ends.push(() => shop.stop(), () => wiki.stop());
    await server.account("ann");
    const kitchen = await appOf(server, "ann", "Kitchen");
    const page = await consoleOf(visit);
    const storageState = await page.context().storageState();
    // Nothing is brought up to date while it is read.
    const reader = await visit.open({ storageState, scripts: false });
    const places = { verifiers: "/admin/verifiers", overview: "/admin", revocations: "/admin/revocations" };
    const check = async (state) => {
        for (const [name, path] of Object.entries(places)) {
            await reader.goto(path);
            await aria(reader.locator("main"), `console/${name}-${state}`, VARIES);
        }
    };
    await check("followed");
    // One of them falls behind, and everybody sees so by themselves.
    const open = await page.context().newPage();
    await open.goto(places.verifiers);
    await open.getByText("up to date").first().waitFor();
    wiki.pause();
    await server.ask("/v1/sessions/current", { method: "DELETE", token: kitchen.token });
    const behind = open.locator("li", { has: open.getByRole("heading", { name: "wiki" }) });
    await behind.getByText("1 entry behind").waitFor();
    await check("behind");
    await find(page, "ann");
    const tablet = await appOf(server, "ann", "Tablet");
    await page.getByRole("button", { name: "Sign out Tablet" }).click();
    await page.locator(".missing").waitFor();
    assert.equal(await tablet.works(), false);
    places.user = new URL(page.url()).pathname + new URL(page.url()).search;
    for (const look of LOOKS) {
        const other = await visit.open({ ...look, storageState });
        for (const path of Object.values(places)) {
            await other.goto(path);
            await axe(other);
            await fits(other);
        }
    }
    wiki.go();
    await behind.getByText("up to date").waitFor();
    assert.equal(await behind.getByText("behind").count(), 0);
});
