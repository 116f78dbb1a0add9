// What can be said of a page: that everybody can use it, what a screen reader finds in it, what it looks like.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Fails if axe-core finds any violation, however small. Its script comes over the debugging protocol, to which the
 * page's policy does not apply.
 */
export async function axe(page) {
    await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const lines = violations.map(({ id, impact, help, nodes }) => {
        const first = nodes.slice(0, 3).map((node) => `  ${node.target.flat().join(" ")}: ${node.failureSummary}`);
        return `${id} (${impact}, ${nodes.length} times): ${help}\n${first.join("\n")}`;
    });
    assert.equal(lines.length, 0, `axe-core on ${page.url()}:\n${lines.join("\n")}`);
}

/** Fails if something has to be scrolled to the side (WCAG 2.2, 1.4.10), which axe-core does not look at. */
export async function fits(page) {
    const [needed, there] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(needed <= there, `${page.url()} is ${needed} wide, and there is room for ${there}`);
}

/** What differs from run to run, and what stands for it in a snapshot. */
const VARIES = [
    [/http:\/\/127\.0\.0\.1:\d+/g, "http://authority"],
    [/\b(ses|usr|tok|nod|cli)_[0-9a-v]{26}\b/g, "$1_…"],
    [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?UTC|Z)?/g, "(time)"],
    [/\b\d+(\.\d+)? ms\b/g, "(some) ms"],
];

/**
 * Compares what a screen reader finds, in a page or in one part of it, with `aria/NAME.yml`. `UPDATE=1` writes the
 * file.
 *
 * @param {import("playwright-core").Page | import("playwright-core").Locator} part
 * @param {[RegExp, string][]} varies What differs from run to run, besides addresses, ids, times and durations.
 */
export async function aria(part, name, varies = []) {
    const locator = "ariaSnapshot" in part && !("goto" in part) ? part : part.locator("body");
    let found = await locator.ariaSnapshot();
    for (const [pattern, text] of [...varies, ...VARIES]) found = found.replace(pattern, text);
    const file = join(here, "..", "aria", `${name}.yml`);
    if (process.env.UPDATE) {
        await mkdir(dirname(file), { recursive: true });
        return writeFile(file, `${found}\n`);
    }
    const expected = await readFile(file, "utf8").catch(() => "");
    assert.equal(`${found}\n`, expected, `differs from aria/${name}.yml; if it should, run again with UPDATE=1`);
}

/** Keeps a picture for the manual as `docs/images/NAME.png`, if `UPDATE_SCREENSHOTS` is set. */
export async function shot(part, name) {
    if (!process.env.UPDATE_SCREENSHOTS) return;
    await part.screenshot({ path: join(here, "../../../docs/images", `${name}.png`), animations: "disabled" });
}
