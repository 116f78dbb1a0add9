// The console's confirmations that were filled in wrongly: what is wrong is said beside its field, which has the focus; and who
// ends their own session hears how far that is enforced.

import assert from "node:assert/strict";
import { PASSWORD, REFUSED, aria, axe, fits, house, until } from "./harness/house.js";
import { appOf, consoleOf, find, notice, somebody } from "./harness/people.js";

const { test } = house();
/** Where a password is given too long ago after a moment. */
const stale = house({ "authentication.fresh": "10s", "throttle.account_failures": 1000 });

/** What an administrator sees who is asked for their own password, too. */
const OWN = "You last gave your own password a while ago.";

/** The page of somebody's at the console, by its path. */
async function pageOf(page, login) {
    await find(page, login);
    return new URL(page.url()).pathname;
}

/** Fills fields in by their ids, and sends the form. */
async function send(page, fields) {
    for (const [id, value] of Object.entries(fields)) await page.locator(`#${id}`).fill(value);
    await page.locator("button.danger").click();
}

/** Waits until this is said beside a field, which has the focus. */
async function isWrong(page, id, said) {
    await page.locator(`#${id}-wrong`).getByText(said).waitFor();
    const field = page.locator(`#${id}`);
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    assert.equal(await field.getAttribute("aria-describedby"), `${id}-wrong`);
    await until(() => field.evaluate((input) => input === document.activeElement));
    assert.equal(await page.getByRole("alert").count(), 1);
}

/** Checks a page as everybody may have it. */
async function look(page, state) {
    await axe(page);
    const varies = [[/\bperson\d+\b/g, "person"], [/\broot\d+\b/g, "root"]];
    await aria(page.locator("main"), `console/${state}`, varies);
    for (const width of [1000, 320]) {
        await page.setViewportSize({ width, height: 800 });
        for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme });
            await axe(page);
        }
        await fits(page);
    }
    await page.emulateMedia({ colorScheme: "light" });
}

for (const scripts of [true, false]) {
    const how = scripts ? "with scripts" : "without scripts";

    test(`what is wrong with a confirmation is said beside its field, ${how}`, { allow: [REFUSED, /status of 422/] }, async (visit) => {
        const login = await somebody(visit.server);
        const phone = await appOf(visit.server, login, "Phone");
        const page = await consoleOf(visit, { scripts });
        const place = await pageOf(page, login);
        const cases = [
            ["sign-out", { confirm: "somebody else" }, "confirm", "That is not what has to be typed."],
            ["sign-out", { reason: "é".repeat(300), confirm: login }, "reason", "At most 500 characters"],
            ["password", { new_password: "password123", confirm: login }, "new_password", "Too common"],
        ];
        for (const [path, fields, id, said] of cases) {
            await page.goto(`${place}/${path}`);
            await send(page, fields);
            await isWrong(page, id, said);
            if (scripts) await look(page, `wrong-${id}`);
        }
        assert.ok(await phone.works());
    });

    stale.test(`one's own password is asked for, and goes on being asked for, ${how}`, { allow: [REFUSED, /status of 422/] }, async (visit) => {
        const login = await somebody(visit.server);
        const page = await consoleOf(visit, { scripts });
        const place = await pageOf(page, login);
        await until(async () => {
            await page.goto(`${place}/password`);
            await send(page, { new_password: "another fine password", confirm: login });
            await page.locator("#notice .notice, #form-wrong").first().waitFor();
            return page.locator("#password").count();
        }, 60_000);
        await page.locator("#form-wrong").getByText(OWN).waitFor();
        await until(() => page.locator("#new_password").evaluate((input) => input === document.activeElement));
        if (scripts) await look(page, "own-password");
        await send(page, { new_password: "another fine password", password: "not this one" });
        await isWrong(page, "password", "The password is wrong.");
        if (scripts) await look(page, "wrong-password");
        await send(page, { new_password: "another fine password", confirm: "somebody else", password: PASSWORD });
        await isWrong(page, "confirm", "That is not what has to be typed.");
        assert.equal(await page.locator("#password").count(), 1, "it has not been looked at");
    });

    test(`a14 whoever signs everyone out hears how far that is enforced, ${how}`, { allow: [REFUSED] }, async (visit) => {
        const page = await consoleOf(visit, { scripts });
        await page.goto("/admin/everyone");
        await send(page, { confirm: "everyone" });
        await page.waitForURL("**/sign-in*");
        await notice(page).getByText(/^Done\./).waitFor();
        assert.equal(await notice(page).getByText("This device was signed out.").count(), 0);
    });
}
