// SLOW=4 script/test-browser: every page finds the processor four times slower, which shows what a test does not wait for.

/** How many times slower. */
export const SLOW = Number(process.env.SLOW || 1);

/** Slows down each page of a browser context from now on. */
export function slowDown(context) {
    if (SLOW === 1) return;
    context.on("page", async (page) => {
        try {
            const session = await context.newCDPSession(page);
            await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW });
        } catch (error) {
            // Some are closed as soon as they are there.
            if (!page.isClosed()) throw error;
        }
    });
}
