// That the harness fails a test when it should.

import assert from "node:assert/strict";
import { house, axe, Watch, until } from "./harness/house.js";
import { Server } from "./harness/server.js";

const { test } = house();

const PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>A page</title><main><h1>A page</h1>";

/** What the watch says of a page with this in it. */
async function complaints({ site, watch }, open, body, headers) {
    const { url } = await site({ pages: { "/": PAGE + body }, headers });
    const page = await open();
    await page.goto(url);
    await until(() => watch.complaints().length > 0);
    return watch.complaints().join("\n");
}

const BAD = [
    ["a request to another machine", '<img src="http://elsewhere.example/x.png" alt="">', /request to elsewhere: .*example/],
    ["an error on the console", "<script>console.error('oh')</script>", /console error: oh/],
    ["a warning on the console", "<script>console.warn('oh')</script>", /console warning: oh/],
    ["an exception", "<script>throw new Error('oh')</script>", /page error: .*oh/],
    ["a promise that nobody looks after", "<script>Promise.reject(new Error('oh'))</script>", /page error: .*oh/],
    ["a script that is not there", '<script src="/none.js"></script>', /console error: .*404/],
];
for (const [name, body, pattern] of BAD) {
    test(`${name} is a complaint`, { allow: [/./] }, async (visit) => {
        assert.match(await complaints(visit, visit.open, body), pattern);
    });
}

test("what breaks a policy is a complaint, reported or enforced", { allow: [/./] }, async (visit) => {
    for (const header of ["Content-Security-Policy", "Content-Security-Policy-Report-Only"]) {
        const headers = { [header]: "default-src 'none'; style-src 'self'" };
        assert.match(await complaints(visit, visit.open, "<p style='color: red'>", headers), /policy broken: style-src/);
    }
});

test("what is allowed is no complaint, and the rest still is", async () => {
    const watch = new Watch();
    const events = {};
    const context = { on: (name, listen) => (events[name] = listen), exposeBinding() {}, addInitScript() {} };
    await watch.over(context);
    for (const text of ["known", "new"]) {
        events.console({ type: () => "error", text: () => text, location: () => ({ url: "u", lineNumber: 1 }) });
    }
    assert.deepEqual(watch.complaints([/known/]), ["console error: new (u:1)"]);
});

test("axe-core finds what is wrong, in spite of the strictest policy", async ({ site, open }) => {
    const headers = { "Content-Security-Policy": "default-src 'none'" };
    const { url } = await site({ pages: { "/": `${PAGE}<input>` }, headers });
    const page = await open();
    await page.goto(url);
    await assert.rejects(axe(page), /label \(critical, 1 times\)/);
});

test("a server that a signal ended is a failure, and nobody waits for it", async () => {
    const server = await Server.start();
    await server.die();
    await assert.rejects(server.stop(), /ended with SIGKILL/);
});
