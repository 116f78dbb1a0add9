// Debian's Chromium. Each context is a device of its own: other cookies, other storage, another cache.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";

/**
 * What costs more than the pages that are tested: the list below the address bar, two pages of Chromium's own in each window,
 * and a process that is kept ready for the next page.
 */
const COSTLY = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "SpareRendererForSitePerProcess"];

/** Chromium without that. Of several flags with this name the last one counts, so Playwright's own are repeated. */
function without(features) {
    const require = createRequire(import.meta.url);
    // No part of what Playwright exports; its version is pinned.
    const inside = join(dirname(require.resolve("playwright-core/package.json")), "lib/server/chromium/chromiumSwitches.js");
    const own = require(inside).chromiumSwitches().find((flag) => flag.startsWith("--disable-features="));
    if (!own) throw new Error(`${inside} is not what it was`);
    return [own, ...features].join();
}

const FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Names resolve to nothing, so that whatever a page, or Chromium itself, asks of another machine fails.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    without(COSTLY),
];

/** Starts one, with a fresh profile. `keeps`: it keeps pages in memory that are left, as people's browsers do. */
export function launch({ keeps = false } = {}) {
    const executablePath = process.env.RESCIND_CHROMIUM || "/usr/bin/chromium";
    if (!existsSync(executablePath)) throw new Error(`${executablePath} is missing: apt-get install chromium`);
    const ignoreDefaultArgs = keeps ? ["--disable-back-forward-cache"] : [];
    return chromium.launch({ executablePath, args: FLAGS, ignoreDefaultArgs });
}

/**
 * A device: what `newContext` of Playwright takes, and shorter words for the most frequent.
 *
 * @param {{ dark?: boolean, width?: number, height?: number, scripts?: boolean }} device
 */
export function contextOptions({ dark, width = 1000, height = 800, scripts = true, ...more }, baseURL) {
    return {
        baseURL,
        colorScheme: dark ? "dark" : "light",
        viewport: { width, height },
        javaScriptEnabled: scripts,
        locale: "en-GB",
        timezoneId: "UTC",
        reducedMotion: "reduce",
        ...more,
    };
}
