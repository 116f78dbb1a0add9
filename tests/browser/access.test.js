// That everybody can use the account pages: every page and state of them, light and dark, wide and narrow, from left to
// right and from right to left, with the keyboard alone, and for whoever wants nothing to move.

import assert from "node:assert/strict";
import { PASSWORD, REFUSED, aria, axe, house, until } from "./harness/house.js";
import { AGENTS, appOf, browserOf, notice, other, others, signIn, somebody } from "./harness/people.js";

const { test } = house({ "throttle.address_failures": 100_000, "throttle.account_failures": 1000 });
const closed = house({ "sign_up.enabled": "false" });

const send = (page, form) => page.locator(`form[action="${form}"]`).evaluate((form) => {
    for (const input of form.querySelectorAll("[required]")) input.required = false;
    for (const input of form.querySelectorAll("[minlength]")) input.removeAttribute("minlength");
    form.requestSubmit();
});

/** Fills the fields of a form in, by their names, and sends it; waits for what tells that the answer is there. */
async function fill(page, form, fields, answer) {
    for (const [name, value] of Object.entries(fields)) await page.locator(`form[action="${form}"] [name=${name}]`).fill(value);
    await send(page, form);
    await page.locator(answer).first().waitFor();
}

/** The pages of whoever is not signed in, in each state. */
const STRANGERS = {
    "sign-in": (page) => page.goto("/sign-in"),
    "sign-in-wrong": async (page) => {
        await page.goto("/sign-in");
        await fill(page, "/sign-in", { login: "nobody", password: "not this one" }, "[role=alert]");
    },
    "sign-up": (page) => page.goto("/sign-up"),
    "sign-up-wrong-password": async (page) => {
        await page.goto("/sign-up");
        await fill(page, "/sign-up", { login: "somebody-new", password: "short" }, "#password-wrong");
    },
    "sign-up-wrong-login": async (page) => {
        await page.goto("/sign-up");
        await fill(page, "/sign-up", { login: "with a space", password: PASSWORD }, "#login-wrong");
    },
    "set-up": (page, { server }) => page.goto(server.setUpLink),
    "set-up-refused": async (page) => {
        await page.goto("/setup?token=stp_wrong");
        await fill(page, "/setup", { login: "root", password: PASSWORD }, "[role=alert]");
    },
    "form-expired": async (page) => {
        await page.goto("/sign-in");
        await page.locator("input[name=form_token]").evaluate((input) => (input.value = "x"));
        await fill(page, "/sign-in", { login: "nobody", password: "x" }, "[data-problem=form-expired]");
    },
    "no-such-page": (page) => page.goto("/none"),
};

/** The pages of whoever is signed in, in each state, on an account of its own. */
const MEMBERS = {
    "devices-alone": (page) => page.goto("/account"),
    devices: async (page, { server, login }) => {
        await appOf(server, login, "Kitchen");
        const json = { login, password: PASSWORD };
        await server.ask("/v1/sessions", { json, headers: { "User-Agent": AGENTS["Chrome on Android"] } });
        await page.goto("/account");
    },
    "devices-unfolded": async (page) => {
        await page.goto("/account");
        await page.locator("details").evaluateAll((all) => all.forEach((details) => (details.open = true)));
    },
    "devices-notice": async (page) => {
        await page.goto("/account");
        await page.locator(".news form[action$=known] button").first().click();
        await page.locator("#notice .notice").waitFor();
    },
    "devices-later-page": (page, { later }) => page.goto(later),
    "sign-out": (page) => page.goto("/sign-out"),
    security: (page) => page.goto("/account/security"),
    "security-unfolded": async (page) => {
        await page.goto("/account/security");
        await page.locator("details").evaluateAll((all) => all.forEach((details) => (details.open = true)));
    },
    "security-wrong": async (page) => {
        await page.goto("/account/security");
        await fill(page, "/account/security/password", { current_password: "not this one", new_password: PASSWORD }, "#current-wrong");
    },
    "security-weak": async (page) => {
        await page.goto("/account/security");
        await fill(page, "/account/security/password", { current_password: PASSWORD, new_password: "x" }, "#new-wrong");
    },
    "security-delete-wrong": async (page) => {
        await page.goto("/account/security");
        await page.locator("details", { has: page.locator("form[action$=delete]") }).evaluate((details) => (details.open = true));
        await fill(page, "/account/security/delete", { password: "not this one" }, "#delete-wrong");
    },
    "device-not-found": async (page) => {
        await page.goto("/account");
        // A copy of the form, for the list may be replaced at any time.
        await page.evaluate(() => {
            const form = document.querySelector("ul.devices form[action$=sign-out]").cloneNode(true);
            form.removeAttribute("data-live");
            form.setAttribute("action", "/account/sessions/ses_00000000000000000000000000/sign-out");
            document.body.append(form);
            form.requestSubmit();
        });
        await page.locator("[data-problem]").waitFor();
    },
};

/** Where a later page of the list would begin: after the oldest session of all. */
const LATER = "/account?after=";

/** How a page is looked at. */
const LOOKS = [
    { locale: "en-GB", width: 1000, dark: false },
    { locale: "en-GB", width: 320, dark: true },
    { locale: "ar", width: 320, dark: false },
    { locale: "ar", width: 1000, dark: true },
    // German words are long; for axe-core they are like English ones.
    { locale: "de-DE", width: 320, dark: false, long: true },
];

/** What has to be true of any page, in any look. */
async function check(page, { locale, width, long }, state) {
    try {
        if (!long) await axe(page);
        const tag = locale.split("-")[0];
        const html = page.locator("html");
        assert.equal(await html.getAttribute("lang"), tag);
        assert.equal(await html.getAttribute("dir"), tag === "ar" ? "rtl" : "ltr");
        const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(scroll <= width, `it is ${scroll} wide in a window of ${width}`);
        assert.notEqual(await page.title(), "");
    } catch (error) {
        throw new Error(`${state}: ${error.message}`, { cause: error });
    }
}

for (const look of LOOKS) {
    const { locale, width, dark } = look;
    const words = `${locale}, ${width} wide, ${dark ? "dark" : "light"}`;

    test(`everybody can use the pages before signing in: ${words}`, { allow: [REFUSED] }, async (visit) => {
        const page = await visit.open({ locale, width, dark });
        for (const [state, go] of Object.entries(STRANGERS)) {
            await go(page, visit);
            await check(page, look, state);
        }
    });

    test(`everybody can use the pages of an account: ${words}`, { allow: [REFUSED] }, async (visit) => {
        const login = await somebody(visit.server);
        const page = await visit.open({ locale, width, dark });
        await page.goto("/sign-in");
        await fill(page, "/sign-in", { login, password: PASSWORD }, ".device.current");
        const later = await cursor(visit.server, login);
        for (const [state, go] of Object.entries(MEMBERS)) {
            await go(page, { server: visit.server, login, later });
            await check(page, look, state);
        }
        // What a device is signed out to, which says why: whatever page it shows turns by itself.
        await visit.server.run(["user", "logout", login]);
        await page.waitForURL(/\/sign-in(\?|$)/);
        await page.locator("#notice .notice").waitFor();
        await check(page, look, "signed out elsewhere");
    });
}

/** A later page of the list, on which the device that looks is not. */
async function cursor(server, login) {
    const { token } = await appOf(server, login, "Asking");
    for (let more = 0; more < 2; more += 1) await appOf(server, login, `Device ${more}`);
    const { next } = await server.ask("/v1/sessions?limit=1", { token });
    const after = new URL(next, server.url).searchParams.get("after") ?? next;
    return LATER + encodeURIComponent(after);
}

/** What differs from run to run in what a screen reader finds. */
const VARIES = [
    [/(Headless )?Chrom(e|ium)[^"\n]*? \d[\d.]*( · Linux)?/g, "(browser)"],
    [/Headless Chrome on Linux/g, "(browser)"],
    [/\/url: \/account\?after=\S+/g, "/url: /account?after=…"],
    [/\/url: "?\/language\S+/g, "/url: /language?…"],
    [/Signed in as \S+?\./g, "Signed in as (login)."],
    [/\b(now|\d+ minutes? ago)\b/g, "(ago)"],
];

test("a screen reader finds what there is on each page before signing in", { allow: [REFUSED] }, async (visit) => {
    const page = await visit.open({ scripts: false });
    for (const [state, go] of Object.entries(STRANGERS)) {
        await go(page, visit);
        await aria(page, `account/${state}`, [...VARIES, [/stp_\w+/g, "stp_…"]]);
    }
});

test("a screen reader finds what there is on each page of an account", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, { scripts: false });
    for (const [state, go] of Object.entries(MEMBERS)) {
        if (state === "devices-later-page") continue;
        await go(page, { server: visit.server, login });
        await aria(page, `account/${state}`, VARIES);
    }
});

closed.test("where nobody may sign up, the page says so, and no link leads there", { allow: [REFUSED] }, async ({ open }) => {
    const page = await open();
    await page.goto("/sign-in");
    assert.equal(await page.locator("a[href='/sign-up']").count(), 0);
    await page.goto("/sign-up");
    await page.locator("[data-problem=sign-up-off]").waitFor();
    await axe(page);
});

/** Presses Tab until something has the focus, which has to be seen, and fails if that takes too long. */
async function tabTo(page, locator) {
    for (let steps = 0; steps < 60; steps += 1) {
        await page.keyboard.press("Tab");
        if (await locator.evaluateAll((all) => all.includes(document.activeElement))) {
            const ring = await locator.first().evaluate((element) => {
                const { outlineStyle, outlineWidth } = getComputedStyle(element);
                return outlineStyle === "none" ? 0 : parseFloat(outlineWidth);
            });
            assert.ok(ring >= 2, "one sees where the focus is");
            return;
        }
    }
    throw new Error(`Tab never leads to ${locator}`);
}

const focused = (page) =>
    page.evaluate(() => {
        const { activeElement: active } = document;
        return active === document.body ? "nothing" : active?.id || active?.getAttribute("aria-label") || active?.textContent.trim();
    });

test("with the keyboard alone one signs in, signs a device out, and never loses one's place", async (visit) => {
    const login = await somebody(visit.server);
    const app = await appOf(visit.server, login, "Kitchen");
    await appOf(visit.server, login, "Garage");
    const page = await visit.open();
    await page.goto("/sign-in");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Skip to the content");
    assert.equal(await page.locator(".skip").evaluate((link) => link.getBoundingClientRect().top >= 0), true);
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "main");
    await tabTo(page, page.getByLabel("Login name"));
    await page.keyboard.type(login);
    await tabTo(page, page.getByLabel("Password"));
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.locator(".device.current").waitFor();

    await tabTo(page, page.getByRole("button", { name: "Sign out Kitchen" }));
    await page.keyboard.press("Enter");
    await notice(page).getByText("Done.").waitFor();
    assert.equal(await app.works(), false);
    await until(async () => (await focused(page)) !== "nothing");
    await tabTo(page, page.getByRole("button", { name: "Sign out Garage" }));

    // Something else changes: the focus stays where it is, and so does what is being typed.
    await appOf(visit.server, login, "Cellar");
    await other(page, "Cellar").waitFor();
    assert.equal(await focused(page), "Sign out Garage");
    await tabTo(page, other(page, "Garage").locator("summary").or(page.locator(".device.current summary")));
    await page.keyboard.press("Enter");
    const field = page.locator("details.rename[open] input[name=name]");
    await tabTo(page, field);
    await page.keyboard.type("Half a na");
    await appOf(visit.server, login, "Attic");
    await other(page, "Attic").waitFor();
    await page.keyboard.type("me");
    assert.equal(await field.inputValue(), "Half a name");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Half a name" }).waitFor();
    assert.notEqual(await focused(page), "nothing");

    // The question about all others unfolds, and is answered.
    await tabTo(page, page.locator("summary", { hasText: "Sign out all other devices" }));
    await page.keyboard.press("Enter");
    await tabTo(page, page.locator("details[open].ask").getByRole("button"));
    await page.keyboard.press("Enter");
    await page.getByText("No other device is signed in.").waitFor();
    assert.equal(await others(page).count(), 0);
});

test("an error leads to its field, which says what is wrong", { allow: [REFUSED] }, async (visit) => {
    const login = await somebody(visit.server);
    const page = await visit.open();
    const described = (field) =>
        page.locator(field).evaluate((input) =>
            (input.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent).join(" "),
        );
    await signIn(page, login, { password: "not this one" });
    await page.getByRole("alert").waitFor();
    await until(async () => (await focused(page)) === "password");
    assert.match(await described("#password"), /Login name or password is wrong/);
    for (const [state, field, words] of [
        ["sign-up-wrong-login", "#login", /cannot be a login name/],
        ["sign-up-wrong-password", "#password", /Too short.*At least 8 characters/s],
    ]) {
        await STRANGERS[state](page, visit);
        await until(async () => `#${await focused(page)}` === field);
        assert.equal(await page.locator(field).getAttribute("aria-invalid"), "true");
        assert.match(await described(field), words);
    }
    await signIn(page, login);
    await page.locator(".device.current").waitFor();
    for (const [state, field, words] of [
        ["security-wrong", "#current", /The password is wrong/],
        ["security-weak", "#new", /Too short/],
        ["security-delete-wrong", "#delete", /The password is wrong/],
    ]) {
        await MEMBERS[state](page, visit);
        await until(async () => `#${await focused(page)}` === field);
        assert.match(await described(field), words);
    }
});

test("whoever wants nothing to move sees nothing move", async (visit) => {
    for (const [reducedMotion, moves] of [["reduce", false], ["no-preference", true]]) {
        const login = await somebody(visit.server);
        const page = await browserOf(visit, login, { reducedMotion });
        await page.evaluate(() => {
            globalThis.moved = [];
            for (const name of ["animationstart", "transitionrun"]) addEventListener(name, () => globalThis.moved.push(name), true);
        });
        await appOf(visit.server, login, "Kitchen");
        const kitchen = other(page, "Kitchen");
        await kitchen.waitFor();
        await kitchen.getByRole("button", { name: "Sign out Kitchen" }).hover();
        const moved = () => page.evaluate(() => globalThis.moved.length > 0);
        if (moves) await until(moved);
        // Two frames later whatever begins has begun.
        await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
        assert.equal(await moved(), moves, reducedMotion);
    }
});

test("what can be pressed is as large as a fingertip", async (visit) => {
    const login = await somebody(visit.server);
    const page = await browserOf(visit, login, { width: 320 });
    await appOf(visit.server, login, "Kitchen");
    for (const path of ["/account", "/account/security", "/sign-out"]) {
        await page.goto(path);
        const small = await page.locator("button, a.button, summary, nav a, input:not([type=hidden], [type=checkbox])").evaluateAll((all) =>
            all.map((one) => [one.textContent.trim() || one.name, one.getBoundingClientRect()])
                .filter(([, { width, height }]) => width > 0 && (width < 24 || height < 43.9))
                .map(([name, { width, height }]) => `${name}: ${width} × ${height}`),
        );
        assert.deepEqual(small, [], path);
    }
});
