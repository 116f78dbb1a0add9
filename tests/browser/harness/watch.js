// What no page may do: ask another machine for anything, log an error or a warning, break a policy, throw.

/** The only places that a page may ask. */
const OWN = new Set(["127.0.0.1", "localhost", "[::1]"]);
/** What is no request over a network. */
const INSIDE = new Set(["about:", "blob:", "data:", "chrome-error:"]);

export class Watch {
    #complaints = [];

    /** Watches every page of a browser context, from now on. */
    async over(context) {
        const complain = (complaint) => this.#complaints.push(complaint);
        const visit = (kind, address) => {
            const url = new URL(address);
            if (!INSIDE.has(url.protocol) && !OWN.has(url.hostname)) complain(`${kind} to elsewhere: ${address}`);
        };
        context.on("request", (request) => visit("request", request.url()));
        context.on("page", (page) => {
            page.on("websocket", (socket) => visit("web socket", socket.url()));
            page.on("crash", () => complain(`crash of ${page.url()}`));
        });
        context.on("console", (message) => {
            const bad = ["error", "warning", "assert"].includes(message.type());
            const { url, lineNumber } = message.location();
            if (bad) complain(`console ${message.type()}: ${message.text()} (${url}:${lineNumber})`);
        });
        context.on("weberror", (error) => complain(`page error: ${error.error().stack}`));
        await context.exposeBinding("brokenPolicy", (_, violation) => complain(`policy broken: ${violation}`));
        await context.addInitScript(() => {
            const broken = globalThis.brokenPolicy;
            delete globalThis.brokenPolicy;
            addEventListener("securitypolicyviolation", (event) => {
                broken(`${event.effectiveDirective} against ${event.blockedURI} in ${event.documentURI}`);
            });
        });
    }

    /** What it saw, without what a test allows. */
    complaints(allowed = []) {
        return this.#complaints.filter((complaint) => !allowed.some((pattern) => pattern.test(complaint)));
    }
}
