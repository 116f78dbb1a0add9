// What the pages weigh, and lists that are long.

import assert from "node:assert/strict";
import { house, until } from "./harness/house.js";
import { appOf, browserOf, notice, other, others, somebody } from "./harness/people.js";

const { test } = house();

/** The most that a page of the list may cost whoever comes for the first time, in bytes, with everything in it. */
const MOST = 60_000;

/** Whoever comes for the first time: the page, what each file that was sent is and weighs, and a list of so many devices. */
async function firstVisit(visit, login, count) {
    const signedIn = await browserOf(visit, login, { scripts: false });
    const page = await visit.open({ storageState: await signedIn.context().storageState() });
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    const [paths, sizes] = [new Map(), new Map()];
    network.on("Network.requestWillBeSent", ({ requestId, request }) => paths.set(requestId, new URL(request.url).pathname));
    network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength));
    await page.goto("/account");
    assert.equal((await others(page).count()) + 1, count);
    const got = () => [...sizes.keys()].map((id) => paths.get(id));
    // The page, and the list once more when the stream of changes begins.
    await until(() => got().filter((path) => path === "/account").length === 2);
    for (const kind of [/^\/assets\/page-.*\.css$/, /^\/assets\/live-.*\.js$/]) {
        assert.equal(got().filter((path) => kind.test(path)).length, 1, `${kind} in ${got()}`);
    }
    const total = [...sizes.values()].reduce((sum, size) => sum + size);
    assert.ok(total > 5_000 && total <= MOST, `${total} bytes: ${[...sizes].map(([id, size]) => `${paths.get(id)} ${size}`)}`);
    return { page, paths, sizes };
}

test("a whole page of fifty devices comes in 60 KB, style, script and what is asked for again included", async (visit) => {
    const login = await somebody(visit.server);
    await appOf(visit.server, login, "Full");
    await visit.server.sql(copies("Full", 60));
    await firstVisit(visit, login, 50);
});

test("the list of ten devices comes in 60 KB, and style and script are kept", async (visit) => {
    const login = await somebody(visit.server);
    for (let more = 1; more < 10; more += 1) await appOf(visit.server, login, `Device ${more}`);
    const { page, paths, sizes } = await firstVisit(visit, login, 10);

    // Style and script are kept.
    sizes.clear();
    await page.goto("/account/security");
    const sent = [...sizes].filter(([, size]) => size > 0).map(([id]) => paths.get(id));
    assert.equal(sent.some((path) => path.startsWith("/assets/")), false, `${sent}`);
});

const COLUMNS =
    "expires_at, idle_lifetime, address, user_agent, amr, auth_time, remembered, bound_address, metadata, ended, ended_at";
const CHAIN = "idx, client_id, epoch, number, counter, salt, token_epoch, mac_key, rotated_at, earlier, scope, audiences";

/** Copies a session so many times. Nobody holds the copies; they are there to be listed. */
const copies = (name, count) => `
    BEGIN IMMEDIATE;
    CREATE TEMP TABLE copies AS
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
        SELECT i, randomblob(16) AS id FROM n;
    INSERT INTO sessions (user_id, id, epoch, number, started_at, last_seen_at, name, ${COLUMNS})
        SELECT user_id, copies.id, epoch, number, started_at - i * 1000, last_seen_at, 'Device ' || i, ${COLUMNS}
        FROM sessions JOIN copies WHERE sessions.name = '${name}';
    INSERT INTO chains (user_id, session_id, ${CHAIN})
        SELECT chains.user_id, copies.id, ${CHAIN.replace("epoch, number", "chains.epoch, chains.number")}
        FROM chains JOIN sessions ON sessions.user_id = chains.user_id AND sessions.id = chains.session_id JOIN copies
        WHERE sessions.name = '${name}';
    COMMIT;`;

test("ten thousand devices are leafed through to the last, each once, and signed out at once", async (visit) => {
    const login = await somebody(visit.server);
    await appOf(visit.server, login, "Pattern");
    await visit.server.sql(copies("Pattern", 10_000));
    const page = await browserOf(visit, login);
    const seen = new Set();
    const take = (ids) => {
        for (const id of ids) {
            assert.equal(seen.has(id), false, `${id} comes twice`);
            seen.add(id);
        }
    };
    const ids = () => page.locator("ul.devices > li").evaluateAll((all) => all.map((one) => one.id));
    take(await ids());
    assert.equal(seen.size + 1, 50);
    for (let pages = 0; pages < 3; pages += 1) {
        const [before] = await ids();
        await page.getByRole("link", { name: "Show more" }).click();
        await until(async () => (await ids())[0] !== before);
        take(await ids());
        assert.equal(await page.locator(".device.current").count(), 0, "this device is on the first page alone");
    }
    // The rest as a script would, with the same links.
    const rest = await page.evaluate(async () => {
        const found = [];
        let more = document.querySelector("a[href*='after=']")?.getAttribute("href");
        while (more) {
            const text = await (await fetch(more)).text();
            const next = new DOMParser().parseFromString(text, "text/html");
            found.push([more, [...next.querySelectorAll("ul.devices > li")].map((one) => one.id)]);
            more = next.querySelector("a[href*='after=']")?.getAttribute("href");
        }
        return found;
    });
    for (const [, some] of rest) take(some);
    assert.equal(seen.size, 10_001);
    const [last] = rest.at(-1);
    await page.goto(last);
    assert.equal(await page.getByRole("link", { name: "Show more" }).count(), 0);

    // One of the last is signed out where it is.
    const name = await others(page).last().locator("h3").innerText();
    await page.getByRole("button", { name: `Sign out ${name}`, exact: true }).click();
    await notice(page).getByText("Done.").waitFor();
    await page.goto(last);
    assert.equal(await other(page, name).count(), 0);
    await page.getByRole("link", { name: "Back to the beginning of the list" }).click();
    await page.locator(".device.current").waitFor();
    await page.locator("summary", { hasText: "Sign out all other devices" }).click();
    await page.getByText("All other devices are signed out, those on further pages too.").waitFor();
    await page.locator("details[open]").getByRole("button", { name: "Sign out all other devices" }).click();
    await page.getByText("No other device is signed in.").waitFor();
});
