// People and their devices, as the account pages see them.

import { PASSWORD } from "./server.js";

/** User agents, and what the list makes of them. */
export const AGENTS = {
    "Firefox on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
    "Safari on iOS":
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
        "Version/18.6 Mobile/15E148 Safari/604.1",
    "Chrome on Android":
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
    "Edge on Windows":
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 " +
        "Safari/537.36 Edg/140.0.0.0",
};

let people = 0;

/** A new account: its login name. */
export async function somebody(server, name = "person") {
    const login = `${name}${(people += 1)}`;
    await server.account(login);
    return login;
}

/** Lets ten minutes pass since whoever is signed in gave the password: longer than that counts as fresh. */
export const age = (server) => server.sql("UPDATE sessions SET auth_time = auth_time - 600000");

/** Fills in the sign-in page and sends it. */
export async function signIn(page, login, { password = PASSWORD, remember = false, path = "/sign-in" } = {}) {
    await page.goto(path);
    await page.getByLabel("Login name").fill(login);
    await page.getByLabel("Password").fill(password);
    if (remember) await page.getByLabel("Stay signed in on this device").check();
    await page.getByRole("button", { name: "Sign in" }).click();
}

/** A browser on which somebody is signed in, at the list of devices. `remember` and what `open` takes. */
export async function browserOf({ open }, login, { remember, ...device } = {}) {
    const page = await open(device);
    await signIn(page, login, { remember });
    await page.waitForURL("**/account");
    await page.locator(".device.current").waitFor();
    return page;
}

let administrators = 0;

/** A browser on which an administrator is signed in, at the console. */
export async function consoleOf({ server, open }, device = {}) {
    const login = `root${(administrators += 1)}`;
    await server.account(login);
    await server.run(["user", "role", login, "administrator"]);
    const page = await open(device);
    await page.goto("/admin");
    await page.locator("#login").fill(login);
    await page.locator("#password").fill(PASSWORD);
    await page.locator('form[action="/sign-in"] button').click();
    // The address that asks to sign in ends with that of the console, too.
    await page.waitForURL(({ pathname }) => pathname === "/admin");
    return page;
}

/** The console's page of somebody, found by the search. */
export async function find(page, login) {
    await page.goto("/admin");
    await page.getByRole("searchbox").first().fill(login);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: login, exact: true }).click();
    await page.getByRole("heading", { level: 1, name: login }).waitFor();
}

/** An app that somebody is signed in to: its tokens, and whether they are good. */
export async function appOf(server, login, name, more = {}) {
    const { access_token: token, refresh_token: refresh, session } = await server.signIn(login, { device_name: name, ...more });
    return {
        id: session.id,
        token,
        refresh,
        works: async () => (await server.call("/v1/me", { token })).status === 200,
        refreshes: async () => (await server.call("/v1/sessions/refresh", { json: { refresh_token: refresh } })).status === 200,
    };
}

/** The other devices in the list. */
export const others = (page) => page.locator("ul.devices > li");

/** One of them, by its name. */
export const other = (page, name) => others(page).filter({ has: page.getByRole("heading", { name }) });

/** What the page says was done. */
export const notice = (page) => page.locator("#notice");

/** The value of the cookie that stands for the session. */
export async function sessionCookie(page) {
    const cookies = await page.context().cookies();
    return cookies.find(({ name }) => name === "rescind_dev")?.value;
}
