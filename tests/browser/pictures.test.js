// The pictures in docs/images: made here with UPDATE_SCREENSHOTS=1, and otherwise looked after.

import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { PASSWORD, REFUSED, house, shot } from "./harness/house.js";
import { AGENTS, browserOf, signIn } from "./harness/people.js";

const { test } = house({ "proxies.trusted": "127.0.0.1" });

const folder = (path) => fileURLToPath(new URL(`../../docs/${path}`, import.meta.url));

/** The most that a picture may weigh, in bytes. */
const MOST = 150_000;

/** Ann's devices: what each is, where it is, and how many minutes ago it signed in and was last seen. */
const DEVICES = [
    { agent: "Safari on iOS", name: "Ann’s phone", client: "mail", address: "198.51.100.23", since: 21 * 1440, seen: 12 },
    { agent: "Firefox on Windows", client: "default", address: "203.0.113.80", since: 3 * 1440, seen: 190 },
    { agent: "Chrome on Android", name: "Kitchen tablet", client: "default", address: "2001:db8:4f::17", since: 40 * 1440, seen: 2 * 1440 },
    { agent: "Edge on Windows", client: "default", address: "192.0.2.144", since: 4, seen: 4 },
];

const own = { userAgent: AGENTS["Firefox on Windows"].replaceAll("Windows NT 10.0; Win64; x64", "X11; Linux x86_64") };

/** Signs them all in, and lets the time pass that they tell of. */
async function move({ server, open }) {
    const login = "ann";
    await server.account(login);
    await server.run(["client", "add", "--kind", "mobile", "--name", "Mail", "mail"]);
    await server.call("/v1/sessions", { json: { login, password: "not this one" }, headers: { "X-Forwarded-For": "192.0.2.144" } });
    const page = await browserOf({ open }, login, { ...own, extraHTTPHeaders: { "X-Forwarded-For": "203.0.113.80" }, remember: true });
    for (const { agent, name, client, address, since, seen } of DEVICES) {
        const json = { login, password: PASSWORD, client_id: client, remember: true, ...(name && { device_name: name }) };
        const headers = { "User-Agent": AGENTS[agent], "X-Forwarded-For": address };
        const { session } = await server.ask("/v1/sessions", { json, headers });
        await server.sql(`UPDATE sessions SET started_at = started_at - ${since} * 60000, last_seen_at = last_seen_at - ${seen} * 60000
            WHERE user_agent = '${AGENTS[agent]}' AND address = '${address}'`);
        assert.ok(session.id);
    }
    await server.sql("UPDATE sessions SET started_at = started_at - 35 * 60000 WHERE user_agent LIKE '%X11%'");
    await server.sql("UPDATE events SET at = at - (SELECT max(id) FROM events) * 900000 + id * 900000");
    const storageState = await page.context().storageState();
    await page.context().close();
    return storageState;
}

const making = { skip: !process.env.UPDATE_SCREENSHOTS && "made with UPDATE_SCREENSHOTS=1", allow: [REFUSED] };

test("the pictures are made", making, async (visit) => {
    const storageState = await move(visit);
    const look = (device) => visit.open({ ...own, width: 800, height: 1000, storageState, ...device });
    for (const [name, device] of [
        ["devices", {}],
        ["devices-dark", { dark: true }],
        ["devices-arabic", { locale: "ar" }],
        ["devices-narrow", { width: 320, height: 800, deviceScaleFactor: 1.5 }],
    ]) {
        const page = await look(device);
        await page.goto("/account");
        await page.locator(".device").nth(4).waitFor();
        await page.evaluate(() => document.fonts.ready);
        await shot(page, name);
    }
    const page = await look();
    await page.goto("/account/security");
    await shot(page, "security");
    const stranger = await visit.open({ width: 800, height: 520 });
    await stranger.goto("/sign-in");
    await stranger.getByLabel("Login name").fill("ann");
    await shot(stranger, "sign-in");
    await signIn(stranger, "ann", { password: "not this one" });
    await stranger.getByRole("alert").waitFor();
});

test("each picture is small, and shown somewhere", async () => {
    const pages = [await readFile(folder("../README.md"), "utf8")];
    for (const name of await readdir(folder("."))) {
        if (name.endsWith(".md")) pages.push(await readFile(folder(name), "utf8"));
    }
    const pictures = await readdir(folder("images"));
    assert.ok(pictures.length >= 6);
    for (const picture of pictures) {
        const { size } = await stat(folder(`images/${picture}`));
        assert.ok(size <= MOST, `${picture} has ${size} bytes`);
        assert.ok(pages.some((page) => page.includes(`images/${picture}`)), `${picture} is shown nowhere`);
    }
});
