// What other people's pages, planted cookies and hostile texts can do to whoever is signed in: nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PASSWORD, REFUSED, house, until } from "./harness/house.js";
import { Server } from "./harness/server.js";
import { appOf, browserOf, consoleOf, find, notice, others, sessionCookie, signIn, somebody } from "./harness/people.js";

/** What is said of a form that is far too large. */
const TOO_LARGE = /^console error: Failed to load resource: the server responded with a status of 413/;

const { test } = house({ "throttle.address_failures": 100_000 });

/** What Chromium says of what it does not do for a hostile page. */
const BLOCKED = [
    REFUSED,
    /^console error: Refused to (frame|display)/,
    /^console error: .*violates the following Content Security Policy directive/,
    /^policy broken: /,
    /^console error: Unsafe attempt to load URL/,
];

/** The kinds of places from which a form may come that is not ours. */
const PLACES = ["another site", "the same site, another origin", "no origin at all"];

/** The address of a hostile site, as seen from a place. The server's own is 127.0.0.1, so that `localhost` is another site. */
const seenFrom = (place, url) => (place === "another site" ? url.replace("127.0.0.1", "localhost") : url);

/** A page that sends a form as soon as it is open. */
function sender(action, fields, place) {
    const escape = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${escape(value)}">`);
    const form = `<!doctype html><form method=post action="${action}">${inputs.join("")}</form>
        <script>document.forms[0].submit()</script>`;
    if (place !== "no origin at all") return form;
    return `<!doctype html><iframe sandbox="allow-scripts allow-forms allow-top-navigation" srcdoc="${escape(
        form.replace("method=post", "method=post target=_top"),
    )}"></iframe>`;
}

/** Every form that is sent by `POST` in the pages of whoever is signed in, and of whoever is not: what it would bring. */
async function forms(...pages) {
    const found = new Map();
    for (const [page, paths] of pages) {
        for (const path of paths) {
            await page.goto(path);
            const read = (all) => all.map((form) => [form.getAttribute("action"), Object.fromEntries(new FormData(form))]);
            for (const [action, fields] of await page.locator("form[method=post]").evaluateAll(read)) {
                found.set(action, fields);
            }
        }
    }
    return found;
}

const MEMBERS = ["/account", "/account/security", "/sign-out"];
const STRANGERS = ["/sign-in", "/sign-up", "/setup"];

for (const place of PLACES) {
    test(`a form that comes from ${place} is refused, whatever it brings`, { allow: BLOCKED }, async (visit) => {
        const login = await somebody(visit.server);
        const page = await browserOf(visit, login);
        const app = await appOf(visit.server, login, "Kitchen");
        const stranger = await visit.open();
        const all = await forms([page, MEMBERS], [stranger, STRANGERS]);
        assert.ok(all.size >= 13, `only ${[...all.keys()]}`);
        await page.goto("/account");
        const cookie = await sessionCookie(page);
        const hostile = await visit.site({ pages: {} });
        const tab = await page.context().newPage();
        for (const [action, fields] of all) {
            // The worst case: the token is right, and so is the password. The place alone has to be enough.
            const known = { ...fields, name: "Mine now", login, password: PASSWORD };
            if (action.endsWith("/password")) {
                delete known.name;
                Object.assign(known, { current_password: PASSWORD, new_password: "another four fine words" });
            }
            hostile.pages["/index.html"] = hostile.pages["/"] = sender(visit.server.url + action, known, place);
            const [answer] = await Promise.all([
                tab.waitForResponse((answer) => answer.request().method() === "POST"),
                tab.goto(`${seenFrom(place, hostile.url)}/`, { waitUntil: "commit" }),
            ]);
            assert.equal(answer.status(), 403, `${action} from ${place}`);
            await tab.locator("[data-problem=foreign-form]").waitFor();
            assert.equal((await answer.headersArray()).filter(({ name }) => name === "set-cookie").length, 0);
        }
        await page.reload();
        assert.equal(await sessionCookie(page), cookie);
        assert.equal(await page.getByText(`Signed in as ${login}`).count(), 1);
        assert.equal(await page.getByText("Mine now").count(), 0);
        assert.equal(await app.works(), true);
        await visit.server.signIn(login);
    });
}

test("a link or a picture does nothing: what changes things is sent by a form", { allow: BLOCKED }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    const app = await appOf(visit.server, login, "Kitchen");
    const all = [...(await forms([page, MEMBERS])).keys()].filter((action) => action !== "/sign-out");
    for (const action of all) {
        const answer = await page.goto(action);
        assert.equal(answer.status(), 405, action);
    }
    const hostile = await visit.site({
        pages: { "/": all.map((action) => `<img src="${visit.server.url}${action}" alt="">`).join("") },
    });
    await page.goto(`${hostile.url}/`);
    await page.goto("/sign-out");
    await page.goto("/account");
    assert.equal(await others(page).count(), 1);
    assert.equal(await app.works(), true);
});

/** The console's pages that have forms, with an account that they are about. */
async function desk(visit) {
    const login = await somebody(visit.server);
    const app = await appOf(visit.server, login, "Kitchen");
    const page = await consoleOf(visit);
    await find(page, login);
    const user = new URL(page.url()).pathname;
    await page.goto("/admin/keys");
    const compromise = await page.locator('a[href$="/compromise"]').first().getAttribute("href");
    const acts = ["lock", "sign-out", "password"].map((act) => `${user}/${act}`);
    const paths = [user, ...acts, "/admin/clients/default", "/admin/clients/default/revoke", "/admin/keys", compromise, "/admin/everyone"];
    return { login, app, page, all: await forms([page, paths]) };
}

test("a form of the console that comes from elsewhere is refused, whatever it brings, and a link does nothing", { allow: BLOCKED }, async (visit) => {
    const { login, app, page, all } = await desk(visit);
    assert.ok(all.size >= 9, `only ${[...all.keys()]}`);
    const hostile = await visit.site({ pages: {} });
    const entries = await visit.server.run(["log", "--json"]);
    for (const place of PLACES) {
        for (const [action, fields] of all) {
            // The words to confirm it with are right, too.
            const confirm = /users/.test(action) ? login : /clients/.test(action) ? "default" : "everyone";
            const known = { ...fields, confirm, password: PASSWORD, new_password: "another four fine words" };
            hostile.pages["/index.html"] = hostile.pages["/"] = sender(visit.server.url + action, known, place);
            const [answer] = await Promise.all([
                page.waitForResponse((answer) => answer.request().method() === "POST"),
                page.goto(`${seenFrom(place, hostile.url)}/`, { waitUntil: "commit" }),
            ]);
            assert.equal(answer.status(), 403, `${action} from ${place}`);
            await page.locator("[data-problem=foreign-form]").waitFor();
        }
    }
    for (const action of all.keys()) {
        const answer = await page.goto(action);
        assert.ok([200, 405].includes(answer.status()), `${action}: ${answer.status()}`);
    }
    assert.equal(await visit.server.run(["log", "--json"]), entries);
    assert.equal(await app.works(), true);
});

test("a form of the console that has no token of its own is refused", { allow: [REFUSED] }, async (visit) => {
    const { login, app, page, all } = await desk(visit);
    for (const action of all.keys()) {
        await page.goto("/admin/keys");
        const confirm = /users/.test(action) ? login : "default";
        const send = ([action, fields]) => {
            const form = Object.assign(document.createElement("form"), { method: "post", action });
            for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), { name, value }));
            document.body.append(form);
            form.requestSubmit();
        };
        const [answer] = await Promise.all([
            page.waitForResponse((answer) => answer.request().method() === "POST"),
            page.evaluate(send, [action, { confirm, form_token: "AAAA", password: PASSWORD }]),
        ]);
        assert.equal(answer.status(), 403, action);
        await page.locator("[data-problem=form-expired]").waitFor();
    }
    assert.equal(await app.works(), true);
});

test("a form of ours is good for the session alone that it was made for", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, { scripts: false });
    const thief = await browserOf(visit, await somebody(visit.server), { scripts: false });
    const unknown = await visit.open({ scripts: false });
    await unknown.goto("/sign-in");
    const token = (page) => page.locator("input[name=form_token]").first().inputValue();
    const own = await token(page);
    const former = await browserOf(visit, login, { scripts: false });
    const ended = await token(former);
    await former.locator(".device.current").getByRole("button", { name: /^Sign out/ }).click();
    await former.waitForURL(/\/sign-in(\?|$)/);
    const bad = {
        missing: null,
        empty: "",
        "somebody else's": await token(thief),
        "of nobody": await token(unknown),
        "of a session that has ended": ended,
        altered: own.slice(0, -2) + (own.endsWith("AA") ? "BB" : "AA"),
        "twice": `${own}${own}`,
    };
    await appOf(visit.server, login, "Kitchen");
    for (const [what, value] of Object.entries(bad)) {
        await page.goto("/account");
        const form = page.locator("ul.devices form[action$=sign-out]").last();
        const send = (form, value) => {
            if (value === null) form.elements.form_token.remove();
            else form.elements.form_token.value = value;
            form.requestSubmit();
        };
        const [answer] = await Promise.all([
            page.waitForResponse((answer) => answer.request().method() === "POST"),
            form.evaluate(send, value),
        ]);
        assert.equal(answer.status(), 403, `a token that is ${what}`);
        await page.locator("[data-problem=form-expired]").waitFor();
    }
    await page.goto("/account");
    assert.equal(await others(page).count(), 1);
    // The right one, after all that.
    await page.getByRole("button", { name: "Sign out Kitchen" }).click();
    await notice(page).getByText("Done.").waitFor();
});

test("a form that is sent again after signing out does nothing, by itself or after another sign-in", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, { scripts: false });
    const app = await appOf(visit.server, login, "Kitchen");
    await page.reload();
    const tab = await page.context().newPage();
    await tab.goto("/account");
    await page.locator(".device.current").getByRole("button", { name: /^Sign out/ }).click();
    await page.waitForURL(/\/sign-in(\?|$)/);
    await tab.getByRole("button", { name: "Sign out Kitchen" }).click();
    await tab.waitForURL(/\/sign-in(\?|$)/);
    await signIn(page, login);
    await page.waitForURL("**/account");
    await tab.goBack();
    if ((await tab.getByRole("button", { name: "Sign out Kitchen" }).count()) > 0) {
        const token = await tab.locator("input[name=form_token]").first().inputValue();
        assert.notEqual(token, "");
    }
    assert.equal(await app.works(), true);
});

/** A value of the shape of a session's cookie, and other things that somebody might plant. */
async function planted(visit) {
    const thief = await browserOf(visit, await somebody(visit.server, "thief"));
    const live = await sessionCookie(thief);
    return { thief, live, values: [live, "x", "0".repeat(120), "", live.slice(0, -1)] };
}

test("a session's cookie is new with each sign-in, whatever was planted before", async (visit) => {
    const login = await somebody(visit.server);
    const { live, values } = await planted(visit);
    const seen = new Set(values);
    for (const value of values) {
        const page = await visit.open({ scripts: false });
        await page.goto("/sign-in");
        // A session of the thief's in this browser, even one that lives, is no session of the victim's.
        const tab = await page.context().newPage();
        await tab.goto("/sign-in");
        await page.context().addCookies([{ name: "rescind_dev", value, url: visit.server.url }]);
        await page.getByLabel("Login name").fill(login);
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.waitForURL("**/account");
        const now = await sessionCookie(page);
        assert.equal(seen.has(now), false, "the value is new");
        seen.add(now);
        await page.getByText(`Signed in as ${login}`).waitFor();
        const thief = await visit.open({ scripts: false });
        await thief.context().addCookies([{ name: "rescind_dev", value, url: visit.server.url }]);
        await thief.goto("/account");
        assert.equal(await thief.getByText(`Signed in as ${login}`).count(), 0);
        assert.equal(value !== live || (await thief.locator(".device").count()) === 0, true, "the thief's own ended, too");
        await Promise.all([page, thief].map((page) => page.context().close()));
    }
});

test("a cookie that is tossed beside ours signs nobody in as somebody else", { allow: [REFUSED] }, async (visit) => {
    const { live } = await planted(visit);
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, { scripts: false });
    const { hostname } = new URL(visit.server.url);
    for (const path of ["/account", "/account/security/"]) {
        await page.context().addCookies([{ name: "rescind_dev", value: live, domain: hostname, path }]);
        for (const asked of ["/account", "/account/security", "/sign-out"]) {
            await page.goto(asked);
            assert.equal(await page.getByText(/Signed in as thief/).count(), 0, `${asked} with one for ${path}`);
        }
    }
    // Once the other one has gone, the session goes on.
    for (const path of ["/account", "/account/security/"]) await page.context().clearCookies({ name: "rescind_dev", path });
    await page.goto("/account");
    await page.getByText(`Signed in as ${login}`).waitFor();
    // Neither can the cookie that forms are bound to be used against who is about to sign in.
    const victim = await visit.open({ scripts: false });
    const thief = await visit.open({ scripts: false });
    await thief.goto("/sign-in");
    const [form] = (await thief.context().cookies()).filter(({ name }) => name === "rescind_dev_form");
    await victim.context().addCookies([{ name: form.name, value: form.value, domain: hostname, path: "/sign-in" }]);
    const fields = { form_token: await thief.locator("input[name=form_token]").inputValue(), login, password: PASSWORD };
    for (const place of PLACES) {
        const hostile = await visit.site({ pages: { "/": sender(`${visit.server.url}/sign-in`, fields, place) } });
        const own = await visit.open({ storageState: await victim.context().storageState() });
        const [answer] = await Promise.all([
            own.waitForResponse((answer) => answer.request().method() === "POST"),
            own.goto(`${seenFrom(place, hostile.url)}/`, { waitUntil: "commit" }),
        ]);
        assert.equal(answer.status(), 403, place);
        assert.equal(await sessionCookie(own), undefined);
        await own.context().close();
    }
});

/** A server that speaks HTTPS, with a certificate that nobody vouches for. */
async function encrypted({ ends }) {
    const folder = await mkdtemp(join(tmpdir(), "rescind-browser-"));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
    const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    await promisify(execFile)("openssl", [...request, ...names, "-keyout", key, "-out", cert]);
    const server = await Server.start({ "tls.cert": cert, "tls.key": key });
    ends.unshift(() => server.stop());
    return server;
}

test("over HTTPS no page of the same name at another port can put a cookie beside ours", async (visit) => {
    const { url } = await encrypted(visit);
    const newcomer = async (login) => {
        const page = await visit.open({ baseURL: url, ignoreHTTPSErrors: true });
        await page.goto("/sign-up");
        await page.getByLabel("Login name").fill(login);
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("button", { name: "Create the account" }).click();
        await page.waitForURL("**/account");
        return page;
    };
    const [page, thief] = [await newcomer("ann"), await newcomer("thief")];
    const own = async (page) => (await page.context().cookies()).find(({ name }) => name === "__Host-rescind").value;
    const [mine, live] = [await own(page), await own(thief)];
    for (const cookie of await page.context().cookies()) {
        assert.match(cookie.name, /^__Host-/);
        const { domain, path, secure, httpOnly, sameSite } = cookie;
        assert.deepEqual({ domain, path, secure, httpOnly, sameSite }, {
            domain: "127.0.0.1",
            path: "/",
            secure: true,
            httpOnly: true,
            sameSite: "Lax",
        });
    }
    // Cookies know no ports. This site has the same name, and sets what it may beside ours; that it may replace ours, with
    // the same path and `Secure`, no server can prevent.
    const attributes = ["Path=/", "Path=/account", "Path=/account; Secure"];
    const values = [
        ...attributes.map((rest) => `__Host-rescind=${live}; ${rest}`),
        ...attributes.map((rest) => `rescind_dev=${live}; ${rest}`),
    ];
    const hostile = await visit.site({ pages: { "/": "<!doctype html><title>Win</title>" }, headers: { "Set-Cookie": values } });
    const tab = await page.context().newPage();
    await tab.goto(`${hostile.url}/`);
    await tab.evaluate((values) => values.forEach((value) => (document.cookie = value)), values);
    assert.ok((await page.context().cookies()).some(({ value }) => value === live), "some were taken");
    for (const path of MEMBERS) {
        await page.goto(path);
        assert.equal(await page.getByText("thief").count(), 0, path);
        assert.equal(await page.locator("nav a[href='/sign-out']").count(), 1, path);
    }
    assert.equal(await own(page), mine);
});

test("signing in over a session ends that session, and its open pages turn", async (visit) => {
    const [ann, ben] = [await somebody(visit.server, "ann"), await somebody(visit.server, "ben")];
    const page = await visit.open();
    await page.goto("/sign-in");
    const late = await page.context().newPage();
    await late.goto("/sign-in");
    await signIn(page, ann);
    await page.locator(".device.current").waitFor();
    const former = (await page.context().cookies()).find(({ name }) => name === "rescind_dev");
    // A sign-in page that was open before is still good, for somebody else at the same machine.
    await late.getByLabel("Login name").fill(ben);
    await late.getByLabel("Password").fill(PASSWORD);
    await late.getByRole("button", { name: "Sign in" }).click();
    await late.waitForURL("**/account");
    await late.getByText(`Signed in as ${ben}`).waitFor();
    await page.getByText(`Signed in as ${ben}`).waitFor();
    assert.equal(await page.getByText(ann).count(), 0);
    const thief = await visit.open();
    await thief.context().addCookies([former]);
    await thief.goto("/account");
    assert.match(thief.url(), /\/sign-in/);
    assert.equal((await visit.server.ask("/v1/sessions", { token: (await visit.server.signIn(ann)).access_token })).sessions.length, 1);
});

/** Where nobody wants to be led. */
const ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http://127.0.0.1@evil.example/",
    "javascript:document.title='run'",
    "java\nscript:document.title='run'",
    "data:text/html,<title>run</title>",
    "vbscript:run",
    "blob:https://evil.example/x",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "/.//evil.example",
    "/../..//evil.example",
    "%2F%2Fevil.example",
    "/%2Fevil.example",
    "/%5Cevil.example",
    "//%65vil.example",
    "〱evil.example",
    "／／evil.example",
    "/account\r\nLocation: https://evil.example",
];

test("nobody is led to another site: at once, after signing in, or by the choice of a language", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, { scripts: false });
    const ours = (place, page) => {
        const url = new URL(page.url());
        assert.equal(url.origin, visit.server.url, `${JSON.stringify(place)} led to ${page.url()}`);
    };
    const stranger = await visit.open({ scripts: false });
    for (const place of ELSEWHERE) {
        const query = `return_to=${encodeURIComponent(place)}`;
        for (const path of [`/sign-in?${query}`, `/language?to=en&${query}`]) {
            await page.goto(path);
            ours(place, page);
        }
        await stranger.goto(`/sign-in?${query}`);
        ours(place, stranger);
        const kept = await stranger.locator("input[name=return_to]").inputValue();
        assert.equal(new URL(kept, visit.server.url).origin, visit.server.url, `${JSON.stringify(place)} is kept as ${kept}`);
    }
    // Whoever writes into the form itself gets no further.
    for (const place of ["//evil.example", "/\\evil.example", "https://evil.example"]) {
        await stranger.goto("/sign-in");
        await stranger.locator("input[name=return_to]").evaluate((input, place) => (input.value = place), place);
        await stranger.getByLabel("Login name").fill(login);
        await stranger.getByLabel("Password").fill(PASSWORD);
        await stranger.getByRole("button", { name: "Sign in" }).click();
        await stranger.waitForURL(`${visit.server.url}/account`);
        await stranger.goto("/sign-out");
        await stranger.locator("main").getByRole("button", { name: "Sign out" }).click();
        await stranger.waitForURL(/\/sign-in(\?|$)/);
    }
    // A page of ours is where one comes back to.
    await stranger.goto("/account/security?before=99");
    await stranger.getByLabel("Login name").fill(login);
    await stranger.getByLabel("Password").fill(PASSWORD);
    await stranger.getByRole("button", { name: "Sign in" }).click();
    await stranger.waitForURL(`${visit.server.url}/account/security?before=99`);
});

/** Texts that would like to be more than text. */
const TEXTS = [
    `<script>document.title='run'</script>`,
    `<img src=x onerror="document.title='run'">`,
    `"><svg onload=document.title='run'>`,
    `' autofocus onfocus=document.title='run' x='`,
    `</bdi></h3></title><base href=//evil.example>`,
    `{{ 7 * 7 }} \${7 * 7} <%= 7 * 7 %>`,
    `&lt;b&gt; &amp;amp; &#x3c;`,
    `\u202eevil\u2066 \u200fright to left`,
    `\u05d0\u05d1\u05d2 (right to left)!`,
    `Z\u0335\u0321\u0321a\u0337\u0322l\u0336g\u0335o`,
];

test("what devices are called is text, whatever it looks like, and stands apart from its surroundings", async (visit) => {
    const login = await somebody(visit.server);
    // Marks that turn the direction are refused in names.
    const names = TEXTS.filter((text) => !/\p{Bidi_Control}/u.test(text)).map((text) => text.slice(0, 100));
    for (const device_name of names) await visit.server.signIn(login, { device_name });
    for (const scripts of [true, false]) {
        const page = await browserOf(visit, login, { scripts });
        assert.match(await page.title(), /^Your devices/);
        for (const name of names) {
            const heads = page.locator("ul.devices h3 bdi");
            assert.ok((await heads.allTextContents()).includes(name), name);
        }
        assert.equal(await page.locator("main :is(script, img, base, b)").count(), 0);
        // What is around a text does not turn with it.
        const astray = await page.evaluate((names) => {
            const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const found = [];
            while (walk.nextNode()) {
                const { data, parentElement } = walk.currentNode;
                if (names.some((name) => data.includes(name)) && !parentElement.closest("bdi, [dir=auto]")) found.push(parentElement.outerHTML);
            }
            return found;
        }, names);
        assert.deepEqual(astray, []);
        // Each can be renamed and signed out by the name that it has.
        const hostile = names[1];
        const row = page.locator("ul.devices > li").filter({ hasText: hostile });
        assert.equal(await row.locator("input[name=name]").first().inputValue(), hostile);
        assert.equal(await row.getByRole("button", { name: `Sign out ${hostile}` }).count(), 1);
        await page.context().close();
    }
});

test("what browsers call themselves is text, and of bounded length", async (visit) => {
    const login = await somebody(visit.server);
    const long = "Mozilla/5.0 ".padEnd(10_000, "<b>x</b> ");
    // Headers are bytes: what is not ASCII goes as it would be typed in UTF-8.
    const bytes = (text) => Buffer.from(text, "utf8").toString("latin1");
    for (const agent of [...TEXTS, long]) {
        await visit.server.ask("/v1/sessions", { json: { login, password: PASSWORD }, headers: { "User-Agent": bytes(agent) } });
    }
    const page = await browserOf(visit, login, { userAgent: `<img src=x onerror="document.title='run'"> Firefox/1` });
    assert.equal(await others(page).count(), TEXTS.length + 1);
    assert.match(await page.title(), /^Your devices/);
    assert.equal(await page.locator("main :is(script, img, base, b)").count(), 0);
    const text = await page.locator("main").innerText();
    for (const name of await page.locator(".device h3").allInnerTexts()) assert.ok(name.length < 120, name);
    assert.doesNotMatch(text, /onerror|onload|<b>/);
    await page.goto("/account/security");
    assert.equal(await page.locator("main :is(script, img, base, b)").count(), 0);
});

test("names, agents and reasons are text at the console, too", async (visit) => {
    const login = `<img/src=x/onerror="document.title='run'">`;
    await visit.server.account(login);
    const names = TEXTS.filter((text) => !/\p{Bidi_Control}/u.test(text)).map((text) => text.slice(0, 100));
    const json = { login, password: PASSWORD };
    for (const device_name of names) {
        await visit.server.ask("/v1/sessions", { json: { ...json, device_name }, headers: { "User-Agent": TEXTS[1] } });
    }
    await visit.server.run(["user", "lock", await somebody(visit.server), "--reason", TEXTS[1]]);
    await visit.server.run(["session", "end", (await visit.server.ask("/v1/sessions", { json })).session.id, "--reason", TEXTS[2]]);
    for (const scripts of [true, false]) {
        const page = await consoleOf(visit, { scripts });
        await page.goto(`/admin/users?q=${encodeURIComponent("<img")}`);
        await page.getByRole("link", { name: login, exact: true }).click();
        await page.getByRole("heading", { level: 1, name: login }).waitFor();
        const heads = await page.locator("ul.items h3 bdi").allTextContents();
        for (const name of names) assert.ok(heads.includes(name), name);
        assert.equal(await page.getByRole("button", { name: `Sign out ${names[1]}` }).count(), 1);
        const user = new URL(page.url()).pathname;
        const places = [user, `${user}/sign-out`, "/admin", "/admin/revocations", "/admin/clients/default", `/admin/users?q=${encodeURIComponent(TEXTS[1])}`];
        for (const place of places) {
            await page.goto(place);
            assert.equal(await page.locator("main :is(script, img, base, b)").count(), 0, place);
            assert.equal(await page.locator("main svg:not(.chart svg)").count(), 0, place);
            assert.doesNotMatch(await page.title(), /^run/, place);
        }
    }
});

test("a name of ten thousand bytes is refused, and the page stays whole", { allow: [REFUSED, TOO_LARGE] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, { scripts: false });
    const row = page.locator(".device.current");
    await row.locator("summary").click();
    await row.getByLabel("Name of the device").evaluate((input) => input.removeAttribute("maxlength"));
    await row.getByLabel("Name of the device").fill("x".repeat(10_000));
    await row.getByRole("button", { name: "Save" }).click();
    await notice(page).getByText("A name has at most 100 characters").waitFor();
    // One that is as long as it may be has no spaces to break at, and makes nobody scroll to the side.
    await row.locator("summary").click();
    await row.getByLabel("Name of the device").fill("W".repeat(100));
    await row.getByRole("button", { name: "Save" }).click();
    await notice(page).getByText("The device has its new name.").waitFor();
    await page.setViewportSize({ width: 320, height: 600 });
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320);
    // More than a form may be at all.
    await row.locator("summary").click();
    await row.getByLabel("Name of the device").evaluate((input) => input.removeAttribute("maxlength"));
    await row.getByLabel("Name of the device").evaluate((input) => (input.value = "x".repeat(100_000)));
    await row.getByRole("button", { name: "Save" }).click();
    await page.locator("[data-problem]").waitFor();
});

test("a login name is text, too", { allow: [REFUSED] }, async (visit) => {
    const login = `<img/src=y/onerror="document.title='run'">`;
    await visit.server.account(login);
    const page = await visit.open();
    await signIn(page, login, { password: "not this one" });
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByLabel("Login name").inputValue(), login);
    assert.equal(await page.locator("main img").count(), 0);
    await signIn(page, login);
    await page.waitForURL("**/account");
    for (const path of ["/account", "/account/security"]) {
        await page.goto(path);
        await page.getByText(`Signed in as ${login}`).waitFor();
        assert.equal(await page.locator("main img").count(), 0);
        assert.doesNotMatch(await page.title(), /^run/);
    }
    // What is asked for comes back in a page, too.
    for (const path of [`/account?after=${encodeURIComponent(TEXTS[0])}`, `/${encodeURIComponent(TEXTS[1])}`]) {
        await page.goto(path);
        await page.locator("[data-problem]").waitFor();
        assert.equal(await page.locator("main :is(img, script)").count(), 0);
    }
});

test("no page can be put into a frame, and each forbids what it does not need", { allow: BLOCKED }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    const stranger = await visit.open();
    const places = [
        ...[...MEMBERS, "/account?after=x", "/none"].map((path) => [page, path]),
        ...STRANGERS.map((path) => [stranger, path]),
    ];
    for (const [page, path] of places) {
        const answer = await page.goto(path);
        const headers = await answer.allHeaders();
        const policy = headers["content-security-policy"];
        for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'self'"]) {
            assert.ok(policy.split("; ").includes(part), `${path}: ${part} in ${policy}`);
        }
        assert.doesNotMatch(policy, /unsafe|\*|https?:/);
        const expected = {
            "x-frame-options": "DENY",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "content-type": "text/html; charset=utf-8",
        };
        for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, `${path}: ${name}`);
        assert.equal(await page.locator("[style], style, script:not([src]), [onclick]").count(), 0, path);
    }
    for (const place of PLACES.slice(0, 2)) {
        const frames = MEMBERS.map((path) => `<iframe src="${visit.server.url}${path}"></iframe>`).join("");
        const hostile = await visit.site({ pages: { "/": `<!doctype html><title>Win</title>${frames}` } });
        const tab = await page.context().newPage();
        await tab.goto(`${seenFrom(place, hostile.url)}/`);
        await until(() => tab.frames().length === MEMBERS.length + 1);
        for (const frame of tab.frames().slice(1)) {
            await frame.waitForLoadState().catch(() => {});
            assert.equal(await frame.locator(".device, form").count(), 0, `${frame.url()} in a page of ${place}`);
        }
    }
});

test("another site reads nothing: neither a page nor the stream of changes", { allow: [...BLOCKED, /CORS policy/, /Failed to load resource/] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login);
    for (const place of PLACES.slice(0, 2)) {
        const hostile = await visit.site({ pages: { "/": "<!doctype html><title>Win</title>" } });
        const tab = await page.context().newPage();
        await tab.goto(`${seenFrom(place, hostile.url)}/`);
        const read = (url) => fetch(url, { credentials: "include" }).then((answer) => answer.text(), () => "nothing");
        for (const path of [...MEMBERS, "/account/live"]) {
            assert.equal(await tab.evaluate(read, visit.server.url + path), "nothing", `${path} from ${place}`);
        }
        const listen = (url) =>
            new Promise((heard) => {
                const stream = new EventSource(url, { withCredentials: true });
                stream.addEventListener("hello", () => heard("hello"));
                stream.addEventListener("error", () => heard("nothing"));
            });
        assert.equal(await tab.evaluate(listen, `${visit.server.url}/account/live`), "nothing");
    }
});

test("signing out clears what the browser keeps, and a dead cookie stays dead", async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, { remember: true });
    const cookies = await page.context().cookies();
    const [answer] = await Promise.all([
        page.waitForResponse((answer) => answer.request().method() === "POST"),
        page.locator(".device.current").getByRole("button", { name: /^Sign out/ }).click(),
    ]);
    assert.equal((await answer.allHeaders())["clear-site-data"], '"cache", "storage"');
    await page.waitForURL(/\/sign-in(\?|$)/);
    assert.equal(await sessionCookie(page), undefined);
    for (let again = 0; again < 2; again += 1) {
        for (const path of [...MEMBERS, "/account/live"]) {
            await page.context().addCookies(cookies);
            const answer = await page.request.get(path, { maxRedirects: 0 });
            assert.ok([303, 401].includes(answer.status()), `${path}: ${answer.status()}`);
            if (answer.status() === 303) assert.match(answer.headers().location, /^\/sign-in/);
            if (answer.status() === 303) assert.equal(answer.headers()["clear-site-data"], '"cache", "storage"');
        }
        // Nor does it come alive because its owner signs in again.
        await visit.server.signIn(login);
    }
    for (const { name, httpOnly, sameSite, path } of cookies.filter(({ name }) => name !== "rescind_dev_language")) {
        assert.deepEqual([httpOnly, sameSite, path], [true, "Lax", "/"], name);
    }
});
