// examples/browser-app as its page in the manual says to run it: an app on an origin of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../../examples/browser-app/server.js", import.meta.url));
let apps = 0;

/**
 * Starts the app, on a free port, with a client of its own at the server.
 *
 * @param {object} session What the app gives to `new Session` besides.
 */
export async function startExample(server, session = {}) {
    const client = `app${(apps += 1)}`;
    const flags = ["--authority", server.url, "--client", client, "--port", "0", "--session", JSON.stringify(session)];
    const app = spawn(process.execPath, [script, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
    const kill = () => app.kill();
    process.once("exit", kill);
    const [line] = await once(createInterface(app.stdout), "line");
    const url = /http:\S+$/.exec(line)[0];
    await server.browserClient(client, url);
    const stop = async () => {
        process.off("exit", kill);
        const ended = once(app, "exit");
        app.kill();
        await ended;
    };
    return { url, client, stop };
}
