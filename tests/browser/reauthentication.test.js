// The widget where the authority wants a fresh authentication, and the one that it has is older than it may be.

import assert from "node:assert/strict";
import { after } from "node:test";
import { startExample } from "./harness/example.js";
import { PASSWORD, REFUSED, axe, house } from "./harness/house.js";
import { age } from "./harness/people.js";

const { test } = house({ "throttle.account_failures": 100 });

let app;
after(() => app?.stop());

const CASES = [
    ["one device", "Sign out Kitchen", [false, true]],
    ["all others", "Sign out all other devices", [false, false]],
];
for (const [what, name, expected] of CASES) {
    const sentence = `a6 a wrong password, given in place, changes nothing, and the right one signs out ${what}`;
    test(sentence, { allow: [REFUSED] }, async ({ server, open }) => {
        app ??= await startExample(server);
        const login = what.replace(" ", "");
        await server.account(login);
        const page = await open();
        await page.goto(app.url);
        await page.getByLabel("Login name").fill(login);
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByText(`You are signed in as ${login}`).waitFor();
        const others = await Promise.all(["Kitchen", "Garage"].map((device_name) => server.signIn(login, { device_name })));
        const working = () =>
            Promise.all(others.map(async (one) => (await server.call("/v1/me", { token: one.access_token })).status === 200));
        await age(server);
        await page.getByRole("button", { name }).click();
        const secret = page.getByLabel("Your password, once more");
        await secret.fill("not this one");
        await axe(page);
        await secret.press("Enter");
        await page.getByRole("alert").getByText("The password is wrong. Nothing was done.").waitFor();
        assert.deepEqual(await working(), [true, true]);
        await axe(page);
        await secret.fill(PASSWORD);
        await page.locator("rescind-devices form").getByRole("button", { name }).click();
        await page.getByText(/^Done/).waitFor();
        assert.deepEqual(await working(), expected);
        // It may have been given other tokens; the app goes on with them.
        await page.reload();
        await page.getByText(`You are signed in as ${login}`).waitFor();
        assert.notEqual(await page.evaluate(() => localStorage.length), 0);
    });
}
