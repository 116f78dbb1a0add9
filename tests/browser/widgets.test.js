// The widgets, in examples/browser-app: an app on another origin than the authority.

import assert from "node:assert/strict";
import { request } from "node:http";
import { after } from "node:test";
import { startExample } from "./harness/example.js";
import { FAILED, PASSWORD, REFUSED, aria, axe, fits, house, shot, until } from "./harness/house.js";

const { test } = house();

/** The apps that were started, by what they give to `new Session`. */
const apps = new Map();
after(() => Promise.all([...apps.values()].map(async (app) => (await app).stop())));

function example(server, session = {}) {
    const key = JSON.stringify(session);
    if (!apps.has(key)) apps.set(key, startExample(server, session));
    return apps.get(key);
}

let people = 0;

/** A new account: its login name. */
async function somebody(server) {
    const login = `person${(people += 1)}`;
    await server.account(login);
    return login;
}

async function signIn(page, login, password = PASSWORD) {
    await page.getByLabel("Login name").fill(login);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
}

/** A device of this person's, in the app's settings. */
async function device({ server, open }, login, { session, init, clock, ...options } = {}) {
    const app = await example(server, session);
    const page = await open(options);
    if (clock) await page.context().clock.install();
    if (init) await page.context().addInitScript(init);
    await page.goto(app.url);
    await signIn(page, login);
    await page.getByText(`You are signed in as ${login}`).waitFor();
    return page;
}

/** Another tab of the same browser, in the app's settings. */
async function tab(page) {
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.getByText("You are signed in as").waitFor();
    return other;
}

/** Comes back to a tab. */
const comeBack = (page) => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));

const rows = (page) => page.locator("rescind-devices").getByRole("listitem");
const stored = (page) => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));

const PHONE = "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0";

/** Waits until a page's list has so many devices. */
const lists = (page, count) => until(async () => (await rows(page).count()) === count);

/** Counts the requests of a device's tabs that end so, from now on. */
function count(page, end) {
    const seen = [];
    page.context().on("requestfinished", async (request) => {
        if (request.method() !== "OPTIONS" && request.url().endsWith(end)) seen.push((await request.response()).status());
    });
    return seen;
}

test("two devices see each other, and one that the other signs out hears of it by itself", async (visit) => {
    const login = await somebody(visit.server);
    const laptop = await device(visit, login);
    const phone = await device(visit, login, { userAgent: PHONE });
    for (const page of [laptop, phone]) {
        await lists(page, 2);
        assert.match(await rows(page).nth(0).innerText(), /This device/);
        assert.doesNotMatch(await rows(page).nth(1).innerText(), /This device/);
    }
    await laptop.getByRole("button", { name: "Sign out Firefox on Android" }).click();
    await laptop.getByText(/^Done/).waitFor();
    await phone.getByText("You were signed out from another device.").waitFor();
    assert.equal(await stored(phone), "{}");
    await lists(laptop, 1);
    await laptop.reload();
    await laptop.getByText(`You are signed in as ${login}`).waitFor();
});

test("all others are signed out, and this device goes on", async (visit) => {
    const login = await somebody(visit.server);
    const others = [await visit.server.signIn(login), await visit.server.signIn(login)];
    const page = await device(visit, login);
    await lists(page, 3);
    await page.getByRole("button", { name: "Sign out all other devices" }).click();
    await page.getByText(/^Done/).waitFor();
    await lists(page, 1);
    assert.equal(await page.getByRole("button", { name: "Sign out all other devices" }).count(), 0);
    for (const { access_token: token } of others) {
        assert.equal((await visit.server.call("/v1/me", { token })).status, 401);
    }
});

test("a8 signing out everywhere says beforehand that this device is among them", async (visit) => {
    const login = await somebody(visit.server);
    const other = await visit.server.signIn(login);
    const page = await device(visit, login);
    const second = await tab(page);
    await lists(page, 2);
    const all = page.getByRole("button", { name: "Sign out everywhere" });
    await all.first().click();
    await page.getByText("This device is signed out, too.").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("This device is signed out, too.").waitFor({ state: "detached" });
    assert.equal(await all.evaluate((button) => button.getRootNode().activeElement === button), true);
    assert.equal((await visit.server.call("/v1/me", { token: other.access_token })).status, 200);
    await all.first().click();
    await page.keyboard.press("Enter");
    await page.getByText("You are signed out.").waitFor();
    await second.getByText("You signed out in another tab.").waitFor();
    assert.equal((await visit.server.call("/v1/me", { token: other.access_token })).status, 401);
    assert.equal(await stored(page), "{}");
});

for (const without of [[], ["locks"], ["locks", "BroadcastChannel"]]) {
    const [how, expected] = without.length ? [`without ${without.join(" and ")}`, 2] : ["one of them asks", 1];
    test(`c2 two tabs that renew at once both live: ${how}`, async (visit) => {
        const login = await somebody(visit.server);
        const init = `for (const name of ${JSON.stringify(without)}) {
            if (name === "locks") Object.defineProperty(Navigator.prototype, name, { value: undefined });
            else delete globalThis[name];
        }`;
        const one = await device(visit, login, { init, clock: true });
        const other = await tab(one);
        const refreshes = count(one, "/refresh");
        // Five minutes pass in the browser: the access token is over, and both tabs want another one.
        const asked = [];
        for (let round = 1; round <= 4; round += 1) {
            const before = refreshes.length;
            await one.context().clock.fastForward("05:00");
            await until(() => refreshes.length > before);
            for (const page of [one, other]) await comeBack(page);
            for (const page of [one, other]) await until(() => alive(page, login));
            asked.push(refreshes.length - before);
        }
        assert.deepEqual([...new Set(refreshes)], [200]);
        // The tabs' clocks are set one after the other: what the first has got may be over for the second when that one's is.
        if (expected === 1) assert.ok(asked.filter((count) => count === 1).length >= 3, `one for each round: ${asked}`);
        const { sessions } = await visit.server.ask("/v1/sessions", { token: (await visit.server.signIn(login)).access_token });
        assert.equal(sessions.length, 2, "the browser's session and the one that asks");
    });
}

/** Whether a tab is signed in, and its list comes from the server. */
async function alive(page, login) {
    const answered = page.waitForResponse((answer) => answer.url().includes("/v1/sessions?") && answer.ok());
    await comeBack(page);
    await answered;
    return page.getByText(`You are signed in as ${login}`).isVisible();
}

for (const storage of ["localStorage", "sessionStorage", "memory"]) {
    test(`signing out wipes every copy in every tab: ${storage}`, async (visit) => {
        const login = await somebody(visit.server);
        const one = await device(visit, login, { session: { storage } });
        const other = await tab(one);
        assert.equal((await stored(one)).includes("refresh"), storage !== "memory");
        const ended = count(one, "/current?wait=enforced");
        await one.getByRole("button", { name: "Sign out", exact: true }).first().click();
        await one.getByText("You are signed out.").waitFor();
        await other.getByText("You signed out in another tab.").waitFor();
        await until(() => ended.length === 1);
        for (const page of [one, other]) {
            assert.equal(await stored(page), "{}");
            await page.reload();
            await page.getByRole("button", { name: "Sign in" }).waitFor();
        }
    });
}

test("signing out tells the authority, although the app has emptied the storage before", async (visit) => {
    const login = await somebody(visit.server);
    const one = await device(visit, login, { session: { storage: "localStorage" } });
    const { access_token: token } = await visit.server.signIn(login);
    const living = async () => (await visit.server.ask("/v1/sessions", { token })).sessions.length;
    assert.equal(await living(), 2);
    await one.evaluate(() => localStorage.clear());
    await one.getByRole("button", { name: "Sign out", exact: true }).first().click();
    await until(async () => (await living()) === 1);
});

test("a reload keeps somebody signed in, and costs no renewal", async (visit) => {
    for (const storage of ["localStorage", "sessionStorage"]) {
        const login = await somebody(visit.server);
        const page = await device(visit, login, { session: { storage } });
        const refreshes = count(page, "/refresh");
        await page.reload();
        await page.getByText(`You are signed in as ${login}`).waitFor();
        assert.equal(refreshes.length, 0);
    }
});

test("a wrong password at sign-in is said to be wrong", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await visit.open();
    await page.goto((await example(visit.server)).url);
    await signIn(page, login, "not this one");
    await page.getByText("Login name or password is wrong").waitFor();
    assert.equal(await stored(page), "{}");
});

test("what devices are called is text, whatever it looks like", async (visit) => {
    const login = await somebody(visit.server);
    const name = `<img src=x onerror="document.title='run'"><b>bold</b>&amp;`;
    await visit.server.signIn(login, { device_name: name });
    const page = await device(visit, login);
    await lists(page, 2);
    assert.equal(await rows(page).nth(1).locator("bdi").first().innerText(), name);
    assert.equal(await page.locator("rescind-devices").locator("img, b").count(), 0);
    await page.getByRole("button", { name: `Sign out ${name}`, exact: true }).click();
    await page.getByText(/^Done/).waitFor();
    assert.equal(await page.title(), "An app with Rescind");
});

test("a device is shown with the place of its address and with its application", async (visit) => {
    const login = await somebody(visit.server);
    await visit.server.run(["client", "add", "--kind", "mobile", "--name", "Mail", "mail"]);
    await visit.server.signIn(login, { device_name: "Phone", client_id: "mail" });
    const page = await visit.open();
    // A database that is not here would tell where addresses are.
    const country = { city: null, region: null, country: null, country_code: "PT" };
    const city = { ...country, city: "Porto", region: "Norte", country: "Portugal" };
    await page.route("**/v1/sessions?*", async (route) => {
        const response = await route.fetch();
        const { sessions, ...more } = await response.json();
        const placed = sessions.map((session) => ({ ...session, place: session.current ? country : city }));
        await route.fulfill({ response, json: { ...more, sessions: placed } });
    });
    await page.goto((await example(visit.server)).url);
    await signIn(page, login);
    await lists(page, 2);
    const facts = (at) => rows(page).nth(at).locator("small").first().innerText();
    assert.match(await facts(0), /127\.0\.0\.1 · PT · An app$/);
    assert.match(await facts(1), /127\.0\.0\.1 · Porto, Portugal · Mail$/);
});

/** What the authority may say of an enforcement, and what the list makes of it. */
const ENFORCEMENTS = [
    [{ enforced: false, confirmed: 2, lapsed: 1, pending: 1, bound_in_ms: 5001, took_ms: 5000 },
        "Done. 2 of 4 services have confirmed; the others must within 6 seconds"],
    [{ enforced: false, confirmed: 0, lapsed: 0, pending: 0, bound_in_ms: null, took_ms: 0 },
        "Done. How many services have confirmed cannot be told now"],
    [{ enforced: true, confirmed: 2, lapsed: 1, pending: 0, bound_in_ms: null, took_ms: 31 },
        "Done. 2 of 3 services have confirmed (31 ms)"],
    [{ enforced: true, confirmed: 0, lapsed: 0, pending: 0, bound_in_ms: null, took_ms: 4 }, "Done (4 ms)"],
    // As administrators are told.
    [{ enforced: false, confirmed: 1, lapsed: 0, pending: [{ verifier: "shop" }], bound_in_ms: 5000, took_ms: 5000 },
        "Done. 1 of 2 services have confirmed; the others must within 5 seconds"],
    [{ enforced: false, confirmed: 0, lapsed: 0, pending: [], bound_in_ms: null, took_ms: 1 },
        "Done. How many services have confirmed cannot be told now"],
    [{ enforced: true, confirmed: 0, lapsed: 0, pending: [], bound_in_ms: null, took_ms: 5 }, "Done (5 ms)"],
];

test("how many services have confirmed is said, by when the others must, and that it cannot be told where it cannot", async (visit) => {
    const login = await somebody(visit.server);
    const page = await device(visit, login);
    for (const [enforcement, said] of ENFORCEMENTS) {
        await visit.server.signIn(login, { device_name: "Kitchen" });
        const end = page.getByRole("button", { name: "Sign out Kitchen" });
        await page.route("**/v1/sessions/ses_*", async (route) => {
            if (route.request().method() !== "DELETE") return route.fallback();
            const response = await route.fetch();
            await route.fulfill({ response, json: { ...(await response.json()), enforcement } });
        });
        await end.click();
        await page.getByText(said, { exact: true }).waitFor();
        await end.waitFor({ state: "detached" });
        await page.unroute("**/v1/sessions/ses_*");
    }
});

test("a long list comes in pages, with this device first", async (visit) => {
    const login = await somebody(visit.server);
    const page = await device(visit, login);
    for (let more = 0; more < 60; more += 1) await visit.server.signIn(login, { device_name: `Device ${more}` });
    // Other 60 are newer than this one, so that it is on the second page.
    await page.reload();
    await until(async () => (await rows(page).count()) === 61);
    assert.match(await rows(page).nth(0).innerText(), /This device/);
    const app = await example(visit.server);
    const late = await visit.open();
    await late.goto(app.url);
    await signIn(late, login);
    await until(async () => (await rows(late).count()) === 50);
    await late.getByRole("button", { name: "Show more" }).click();
    await until(async () => (await rows(late).count()) === 62);
    assert.equal(await late.getByRole("button", { name: "Show more" }).count(), 0);
});

for (const dark of [false, true]) {
    for (const [width, lang] of [[320, "en"], [1000, "en"], [320, "ar"], [1000, "de"]]) {
        const look = `${width} wide, ${dark ? "dark" : "light"}, ${lang}`;
        test(`everybody can use the list: ${look}`, async (visit) => {
            const login = await somebody(visit.server);
            await visit.server.signIn(login, { device_name: "Kitchen" });
            const init = `addEventListener("DOMContentLoaded", () => {
                document.documentElement.lang = ${JSON.stringify(lang)};
                document.documentElement.dir = ${JSON.stringify(lang === "ar" ? "rtl" : "ltr")};
            })`;
            const page = await device(visit, login, { dark, width, init });
            await lists(page, 2);
            await axe(page);
            if (width === 1000 && lang === "en") await shot(page.locator("rescind-devices"), dark ? "widget-dark" : "widget");
            // The question, too.
            await page.locator("rescind-devices").locator("footer button").last().click();
            await page.locator("rescind-devices").locator("form").waitFor();
            await axe(page);
            await fits(page);
            if (lang === "ar") {
                const box = (locator) => locator.boundingBox();
                const name = await box(rows(page).nth(0).locator("bdi").first());
                const icon = await box(rows(page).nth(0).locator("svg"));
                assert.ok(icon.x > name.x, "the icon is where a line begins");
            }
            if (width === 1000 && !dark) await aria(page.locator("rescind-devices"), `devices-${lang}`, VARIES);
        });
    }
}

/** What differs from day to day in a list. */
const VARIES = [
    [/(Signed in|Angemeldet am) [^·"]+ ·/g, "$1 (date) ·"],
    [/Chrom[^ ]* \d[\d.]*/g, "Chromium"],
];

/** A page of an app that has a token and shows the list, nothing else; `token` is that of its session. */
async function bareList(visit, device = {}) {
    const login = await somebody(visit.server);
    const page = await visit.open(device);
    const site = await visit.site({ pages: { "/index.html": BARE(visit.server.url) } });
    const client = `bare${(people += 1)}`;
    await visit.server.browserClient(client, site.url);
    const { access_token: token } = await visit.server.signIn(login, { device_name: "Mine", client_id: client });
    await page.addInitScript((token) => (globalThis.token = token), token);
    const show = () => page.goto(`${site.url}/index.html`);
    return { page, login, show };
}

const BARE = (url) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Bare</title>
<main><h1>Bare</h1><rescind-devices authority="${url}"></rescind-devices></main>
<script type="module">
import "${url}/widgets/devices.js";
document.querySelector("rescind-devices").token = async () => token;
</script>`;

/** The most that a page may be sent for the list alone, with the heads of the answers, in bytes. */
const MOST = 10_240;

test("a page that shows the list alone is sent less than 10 KB of scripts, heads included", async (visit) => {
    const { page, login, show } = await bareList(visit);
    await visit.server.signIn(login, { device_name: "Other" });
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    const [names, sizes] = [new Map(), new Map()];
    network.on("Network.requestWillBeSent", ({ requestId, request }) => {
        const [name] = /(?<=\/widgets\/.*?)[^/]+$/.exec(request.url) ?? [];
        if (name) names.set(requestId, name);
    });
    network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
        if (names.has(requestId)) sizes.set(names.get(requestId), encodedDataLength);
    });
    await show();
    await lists(page, 2);
    await until(() => sizes.size >= 4);
    assert.deepEqual([...sizes.keys()].sort(), ["authority.js", "devices.js", "look.js", "words.js"]);
    const total = [...sizes.values()].reduce((sum, size) => sum + size);
    assert.ok(total > 2_000 && total < MOST, `${total} bytes: ${[...sizes]}`);
    // What asks is loaded once something has to be asked.
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.getByText("This device is signed out, too.").waitFor();
    await until(() => sizes.has("question.js"));
    assert.equal([...names.values()].length, 5);
});

test("devices.js by itself has less than 10 KB also where nothing is compressed", async ({ server }) => {
    const answer = await fetch(`${server.url}/widgets/devices.js`, { headers: { "Accept-Encoding": "identity" } });
    assert.equal(answer.headers.get("content-encoding"), null);
    assert.ok((await answer.arrayBuffer()).byteLength < MOST);
});

test("a page that was opened before an upgrade can still ask", async (visit) => {
    const { page, show } = await bareList(visit);
    await page.route("**/widgets/devices.js", async (route) => {
        const answer = await route.fetch();
        const body = (await answer.text()).replace(/(?<=import\("\.\/)\w+(?=\/)/g, "0123456789");
        assert.match(body, /import\("\.\/0123456789\/question\.js"\)/);
        await route.fulfill({ response: answer, body });
    });
    await show();
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.getByText("This device is signed out, too.").waitFor();
});

/** Has the first request to end a single device answered by `answer`, which gets what `fulfill` takes for "again". */
async function stale(page, answer) {
    let first = true;
    await page.route("**/v1/sessions/ses_*", async (route) => {
        if (!first || route.request().method() !== "DELETE") return route.continue();
        first = false;
        const json = { type: "/problems/insufficient-user-authentication", detail: "Authenticate again." };
        await answer();
        return route.fulfill({ status: 401, json, headers: { "Access-Control-Allow-Origin": "*" } });
    });
}

test("the password is asked for in the list as it is then", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    await visit.server.signIn(login, { device_name: "Kitchen" });
    const page = await device(visit, login);
    await lists(page, 2);
    await stale(page, async () => {
        await visit.server.signIn(login, { device_name: "Later" });
        await lists(page, 3);
    });
    await page.getByRole("button", { name: "Sign out Kitchen" }).click();
    const kitchen = rows(page).filter({ hasText: "Kitchen" });
    await kitchen.getByLabel("Your password, once more").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByText(/^Done/).waitFor();
    await lists(page, 2);
    assert.equal(await rows(page).filter({ hasText: "Kitchen" }).count(), 0);
});

test("nobody is asked about a device that is gone meanwhile", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const { access_token: token } = await visit.server.signIn(login, { device_name: "Kitchen" });
    const page = await device(visit, login);
    await lists(page, 2);
    await stale(page, async () => {
        await visit.server.call("/v1/sessions/current", { method: "DELETE", token });
        await lists(page, 1);
    });
    let isAsked = false;
    const loaded = page.waitForResponse((answer) => {
        isAsked ||= answer.request().method() === "DELETE";
        return isAsked && answer.url().includes("/v1/sessions?");
    });
    await page.getByRole("button", { name: "Sign out Kitchen" }).click();
    await loaded;
    assert.equal(await page.locator("rescind-devices").locator("form").count(), 0);
    assert.equal(await rows(page).count(), 1);
});

test("what changed while something was asked is in the list once that is cancelled", async (visit) => {
    const login = await somebody(visit.server);
    const page = await device(visit, login);
    await lists(page, 1);
    await page.getByRole("button", { name: "Sign out everywhere" }).first().click();
    await page.getByText("This device is signed out, too.").waitFor();
    const loaded = page.waitForResponse((answer) => answer.url().includes("/v1/sessions?"));
    await visit.server.signIn(login, { device_name: "Later" });
    await page.getByText("Later has signed in").waitFor();
    await loaded;
    // What is asked stays where it is.
    await page.getByText("This device is signed out, too.").waitFor();
    await page.keyboard.press("Escape");
    await lists(page, 2);
});

test("a language that does not come leaves the list in English", { allow: [FAILED] }, async (visit) => {
    const { page, show } = await bareList(visit);
    await page.addInitScript(() => addEventListener("DOMContentLoaded", () => (document.documentElement.lang = "de")));
    await page.route("**/words-de.js", (route) => route.abort());
    await show();
    await page.getByRole("button", { name: "Sign out everywhere" }).waitFor();
    await page.getByRole("region", { name: "Your devices" }).waitFor();
});

test("the example's server answers whatever it is asked for, and goes on", async (visit) => {
    const { url } = await example(visit.server);
    const { port } = new URL(url);
    for (const path of ["//", "//[", "http://[/", "*", "/../server.js", "/%"]) {
        const status = await new Promise((answered, failed) => {
            request({ port, host: "127.0.0.1", path }, (answer) => answered(answer.resume().statusCode)).on("error", failed).end();
        });
        assert.ok([400, 404].includes(status), `${path}: ${status}`);
    }
    assert.equal((await fetch(url)).status, 200);
});

test("the example says so when the authority cannot be reached", { allow: [FAILED] }, async (visit) => {
    const page = await visit.open();
    const app = await example(visit.server);
    await page.route("**/widgets/**", (route) => route.abort());
    await page.goto(app.url);
    await page.getByText("The server cannot be reached.").waitFor();
    // Signed in, and then it is gone.
    const login = await somebody(visit.server);
    const other = await device(visit, login);
    await other.route("**/v1/**", (route) => route.abort());
    await other.reload();
    await other.getByRole("status").getByText("The server cannot be reached.").first().waitFor();
});

test("what is counted is said in the form that goes with its number, in each language", async (visit) => {
    const site = await visit.site({ pages: { "/": "<!doctype html><html lang=en><meta charset=utf-8><title>Words</title>" } });
    const page = await visit.open();
    await page.goto(site.url);
    const said = await page.evaluate(async (url) => {
        const entry = await (await fetch(`${url}/widgets/devices.js`)).text();
        const part = (name) => import(`${url}/widgets/${entry.match(/"\.\/([^"/]+)\/look\.js"/)[1]}/${name}.js`);
        const { fill } = await part("look");
        const { learn, wordsIn } = await part("words");
        const all = {};
        for (const lang of ["en", "de", "ar"]) {
            await learn(lang);
            const pending = (seconds) => fill(wordsIn(lang).pending, { confirmed: 2, total: 14, seconds, count: seconds }, lang);
            all[lang] = [...[1, 2, 3].map(pending), wordsIn(lang).untold];
        }
        return { ...all, done: fill(wordsIn("en").done, { confirmed: 1, total: 1, ms: 4, count: 1 }, "en") };
    }, visit.server.url);
    assert.equal(said.done, "Done. 1 of 1 service has confirmed (4 ms)");
    assert.equal(said.en[0], "Done. 2 of 14 services have confirmed; the others must within 1 second");
    assert.equal(said.en[1], "Done. 2 of 14 services have confirmed; the others must within 2 seconds");
    assert.match(said.de[0], /^Erledigt\. 2 von 14 Diensten .* innerhalb von 1 Sekunde$/);
    assert.match(said.de[1], /^Erledigt\. 2 von 14 Diensten .* innerhalb von 2 Sekunden$/);
    assert.equal(new Set(said.ar).size, 4);
    assert.match(said.ar[1], /2 من 14.*ثانيتين$/);
    assert.equal(new Set([said.en[3], said.de[3], said.ar[3]]).size, 3);
});
