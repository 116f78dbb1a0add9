import { SLOW } from "./slow.js";

/** Waits until a promise gives something that is true, for what no event of the page tells. Gives it. */
export async function until(what, limit = 20_000) {
    const end = performance.now() + limit * SLOW;
    for (;;) {
        const found = await what();
        if (found) return found;
        if (performance.now() > end) throw new Error(`${what} did not come true within ${limit} ms`);
        await new Promise((soon) => setTimeout(soon, 50));
    }
}
