// The pages that are made on the server without script.

import { house, axe } from "./harness/house.js";

const { test } = house();

for (const dark of [false, true]) {
    for (const width of [320, 1000]) {
        test(`the reference can be used by everybody, ${width} wide, ${dark ? "dark" : "light"}`, async ({ open }) => {
            const page = await open({ dark, width });
            await page.goto("/docs");
            await axe(page);
        });
    }
}
