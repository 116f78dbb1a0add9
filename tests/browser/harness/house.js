// What a test file begins with:
//
//     const { test } = house({ "authentication.fresh": "10s" });
//
//     test("a sentence that is true", async ({ server, open }) => {
//         const page = await open({ dark: true });
//         await page.goto("/docs");
//         await axe(page);
//     });
//
// Each file has one server and one Chromium, started for its first test and gone after its last. Each `open` is a device
// of its own (a context); `page.context().newPage()` is another tab of the same. When a test is over, its devices are
// closed, and it fails if one of their pages asked another machine for anything, logged an error or a warning, broke its
// policy or threw, unless the test allows it:
//
//     test("a wrong password is said to be wrong", { allow: [REFUSED] }, async ({ open }) => { … });

import assert from "node:assert/strict";
import { after, test as nodeTest } from "node:test";
import { contextOptions, launch } from "./chromium.js";
import { Server } from "./server.js";
import { serveSite } from "./site.js";
import { SLOW, slowDown } from "./slow.js";
import { Watch } from "./watch.js";

export { aria, axe, fits, shot } from "./page.js";
export { PASSWORD } from "./server.js";
export { until } from "./until.js";
export { Watch } from "./watch.js";

/** What Chromium logs when an answer refuses something, for `allow`. */
export const REFUSED = /^console error: Failed to load resource: the server responded with a status of 40\d/;
/** What it logs when an answer is a 5xx, or there is none. */
export const FAILED = /^console error: Failed to load resource: (net::|the server responded with a status of 50\d)/;

/** How long a test may take, in milliseconds, so that one that hangs is told from one that is slow. */
const LIMIT = 120_000 * SLOW;

// An ordinary end, so that servers and browsers of a run that is interrupted end with it.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** @param {object} settings Of the server, by their names in `docs/configuration.md`. */
export function house(settings = {}) {
    const server = once(() => Server.start(settings));
    const browser = once(() => launch());
    after(async () => {
        await browser.end((started) => started.close());
        await server.end((started) => started.stop());
    });

    function test(name, options, body) {
        if (!body) [options, body] = [{}, options];
        const { allow = [], ...rest } = options;
        nodeTest(name, { timeout: LIMIT, ...rest }, async (t) => {
            const watch = new Watch();
            const visit = new Visit(await server(), await browser(), watch);
            try {
                await body({ t, watch, server: visit.server, open: visit.open, site: visit.site, ends: visit.ends });
            } catch (error) {
                // What the pages complained of may be why.
                const complaints = watch.complaints(allow);
                if (complaints.length === 0) throw error;
                throw new Error([error.message, ...complaints].join("\n"), { cause: error });
            } finally {
                await visit.end();
            }
            assert.deepEqual(watch.complaints(allow), []);
        });
    }
    return { test };
}

/** The devices and sites of one test. */
class Visit {
    #browser;
    #watch;
    /** What to do, in this order, when the test is over. */
    ends = [];

    constructor(server, browser, watch) {
        this.server = server;
        this.#browser = browser;
        this.#watch = watch;
    }

    /** A page on a device of its own. Paths are relative to the server. See `contextOptions` for the device. */
    open = async (device = {}) => {
        const context = await this.#browser.newContext(contextOptions(device, this.server.url));
        this.ends.unshift(() => context.close());
        context.setDefaultTimeout(20_000 * SLOW);
        slowDown(context);
        await this.#watch.over(context);
        return context.newPage();
    };

    /** Somebody else's site, at an origin of its own. See `serveSite`. */
    site = async (what) => {
        const site = await serveSite(what);
        this.ends.push(() => site.stop());
        return site;
    };

    async end() {
        for (const end of this.ends) await end();
    }
}

/** Starts something when it is first asked for; ends it if it was. */
function once(start) {
    let started;
    const get = () => (started ??= start());
    get.end = async (end) => started && end(await started);
    return get;
}
