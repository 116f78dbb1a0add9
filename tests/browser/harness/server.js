// The program itself: `rescind serve` on a free port, with a data folder of its own.

import { spawn, execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { until } from "./until.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const target = resolve(root, process.env.CARGO_TARGET_DIR || "target");

/** The program: `RESCIND_BIN`, or the debug build. */
export const program = process.env.RESCIND_BIN || join(target, "debug", "rescind");

/** What whoever signs in types, unless a test says otherwise. */
export const PASSWORD = "four fine words here";

/** The environment without what is said to this suite alone: the program takes any `RESCIND_…` for a setting. */
const surroundings = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("RESCIND_")));

/** How long a server may take to say where it listens, in milliseconds. */
const START = 60_000;

export class Server {
    /** Its address, without a slash at the end. */
    url;
    #data;
    #process;
    #log = [];

    /**
     * Starts one.
     *
     * @param {object} settings By their names in `docs/configuration.md`: `{ "tokens.access_lifetime": "20s" }`.
     */
    static async start(settings = {}) {
        const server = new Server();
        server.#data = await mkdtemp(join(tmpdir(), "rescind-browser-"));
        const environment = { ...surroundings };
        for (const [name, value] of Object.entries(settings)) {
            environment[`RESCIND_${name.toUpperCase().replaceAll(".", "_")}`] = String(value);
        }
        const serve = ["serve", "--data", server.#data, "--listen", "127.0.0.1:0"];
        server.#process = spawn(program, serve, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
        createInterface(server.#process.stderr).on("line", (line) => server.#log.push(line));
        process.once("exit", server.#kill);
        try {
            await server.#listening();
        } catch (error) {
            server.#kill();
            await rm(server.#data, { recursive: true, force: true });
            throw error;
        }
        return server;
    }

    #listening() {
        return new Promise((found, failed) => {
            const late = setTimeout(() => failed(new Error(`${program} did not start:\n${this.log}`)), START);
            const over = (error) => {
                clearTimeout(late);
                failed(error);
            };
            this.#process.once("error", over);
            this.#process.once("exit", (code) => over(new Error(`${program} ended with ${code}:\n${this.log}`)));
            createInterface(this.#process.stdout).on("line", (line) => {
                this.#log.push(line);
                const listens = /^Rescind listens on (http\S+)$/.exec(line);
                const setUp = /^Set-up link.*?(http\S+)$/.exec(line);
                this.url = listens?.[1] ?? this.url;
                this.setUpLink = setUp?.[1] ?? this.setUpLink;
                if (this.url && this.setUpLink) {
                    clearTimeout(late);
                    found();
                }
            });
        });
    }

    #kill = () => this.#process.kill("SIGKILL");

    /** What it wrote so far. */
    get log() {
        return this.#log.join("\n");
    }

    /** Ends it by its process id, and fails if it ended otherwise than in order or logged an error. */
    async stop() {
        process.off("exit", this.#kill);
        const end = await endOf(this.#process);
        await rm(this.#data, { recursive: true, force: true });
        if (end !== 0 || /panicked| ERROR /.test(this.log)) {
            throw new Error(`the server ended with ${end}, and wrote:\n${this.log}`);
        }
    }

    /**
     * Starts a guard that follows it, as the services do that it stands in front of. Gives `ask`, which gives its status for an
     * access token; `pause` and `go`, which stop the process and let it go on; `isReady`, which waits until it can tell; `stop`.
     *
     * @param {string} name Of a client that is made for it, which the lists of verifiers show.
     */
    async guard(name, lease = "5s") {
        const { client_secret: secret } = JSON.parse(
            await this.run(["client", "add", "--kind", "service", "--scope", "rescind:feed", "--json", name]));
        const file = join(this.#data, `${name}.secret`);
        await writeFile(file, secret, { mode: 0o600 });
        const words = ["guard", "--authority", this.url, "--client", name, "--secret-file", file, "--audience", this.url];
        const where = ["--lease", lease, "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--json"];
        const guard = spawn(program, [...words, ...where], { env: surroundings, stdio: ["ignore", "pipe", "ignore"] });
        const kill = () => guard.kill("SIGKILL");
        process.once("exit", kill);
        const stop = async () => {
            process.off("exit", kill);
            // One that is stopped cannot hear that it is to end.
            guard.kill("SIGCONT");
            await endOf(guard);
        };
        const [line] = await once(createInterface(guard.stdout), "line");
        const { listen, operations } = JSON.parse(line);
        const isReady = () => until(async () => (await fetch(`${operations}/readyz`)).ok);
        await isReady();
        const ask = async (token) => (await fetch(listen, { headers: { Authorization: `Bearer ${token}` } })).status;
        return { ask, isReady, pause: () => guard.kill("SIGSTOP"), go: () => guard.kill("SIGCONT"), stop };
    }

    /** Kills it, as nobody should. */
    async die() {
        const ended = once(this.#process, "exit");
        this.#kill();
        await ended;
    }

    /** Calls the API as a program would: an absolute path, and what `fetch` takes, `json` for a body. */
    async call(path, { json, token, ...init } = {}) {
        const headers = new Headers(init.headers);
        if (token) headers.set("Authorization", `Bearer ${token}`);
        if (json !== undefined) headers.set("Content-Type", "application/json");
        const body = json === undefined ? init.body : JSON.stringify(json);
        const method = init.method ?? (json === undefined ? "GET" : "POST");
        const answer = await fetch(this.url + path, { ...init, method, headers, body });
        const text = await answer.text();
        return { status: answer.status, headers: answer.headers, body: text && JSON.parse(text) };
    }

    /** The same for what has to succeed: gives the body. */
    async ask(path, options) {
        const answer = await this.call(path, options);
        if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
        return answer.body;
    }

    /** Makes an account. */
    account(login, password = PASSWORD) {
        return this.ask("/v1/users", { json: { login, password } });
    }

    /** Signs in from nowhere in particular; the answer has `access_token`, `refresh_token` and `session`. */
    signIn(login, more = {}) {
        return this.ask("/v1/sessions", { json: { login, password: PASSWORD, ...more } });
    }

    /** Has SQL run by sqlite3 on its database: for states that take days or thousands of requests. Gives what it printed. */
    async sql(statements) {
        const { stdout } = await promisify(execFile)("sqlite3", ["-cmd", ".timeout 20000", join(this.#data, "rescind.db"), statements]);
        return stdout.trim();
    }

    /** Runs a command on the same data folder: `run(["user", "logout", "ann"])`. Gives what it printed. */
    async run(words) {
        const { stdout } = await promisify(execFile)(program, [...words, "--data", this.#data], { env: surroundings });
        return stdout;
    }

    /** Adds a browser client, "An app", whose scripts come from these origins, and waits until they may call. */
    async browserClient(id, ...origins) {
        const flags = origins.flatMap((origin) => ["--origin", origin]);
        await this.run(["client", "add", "--kind", "browser", "--name", "An app", ...flags, id]);
        for (const origin of origins) {
            const headers = { Origin: origin, "Access-Control-Request-Method": "POST" };
            await until(async () => (await this.call("/v1/sessions", { method: "OPTIONS", headers })).status === 204);
        }
    }
}

/** Ends a process by its id, and gives its exit code, or the signal that ended it. */
async function endOf(child) {
    // Of one that a signal ended there is no exit code.
    const isOver = () => child.exitCode !== null || child.signalCode !== null;
    const ended = isOver() ? null : once(child, "exit");
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), START);
    await ended;
    clearTimeout(late);
    return child.exitCode ?? child.signalCode;
}
