// How the widgets talk to the authority: docs/widgets.md.

/** The authority refused something: `status`, `kind` (the last part of the problem's type) and `problem`. */
export class Refused extends Error {
    name = "Refused";
    constructor(status, problem) {
        super(problem.detail);
        this.status = status;
        this.problem = problem;
        this.kind = String(problem.type).split("/").pop();
    }
}

/** The authority cannot be reached, or cannot tell. Nobody is signed out by that. */
export class Unreachable extends Error {
    name = "Unreachable";
    /** In how many ms it is worth while to try again, if the authority said so. */
    retryAfter = 0;
}

/** Calls the API, for so many ms at most. Gives the body; throws `Refused` or `Unreachable`. */
export async function call(url, { json, token, method = json ? "POST" : "GET", keepalive, limit = 15_000 } = {}) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    if (json) headers["Content-Type"] = "application/json";
    const unreachable = new Unreachable("The authority cannot be reached.");
    let answer, body;
    try {
        const signal = AbortSignal.timeout(limit);
        // The token says who calls: no cookies, also where the page's origin is the authority's.
        const credentials = "omit";
        answer = await fetch(url, { method, headers, body: JSON.stringify(json), keepalive, signal, credentials });
        body = answer.status === 204 ? {} : await answer.json();
    } catch (cause) {
        unreachable.cause = cause;
        throw unreachable;
    }
    if (answer.ok) return body;
    if (answer.status < 500) throw new Refused(answer.status, body);
    unreachable.retryAfter = 1000 * (body.retry_after ?? 0);
    throw unreachable;
}

/** Ms without a word, not even a comment, after which a connection is taken for dead. */
const SILENCE = 50_000;

/** The same with the token of whoever gives them; with another one if the first is refused. */
export async function callAs(tokens, url, options) {
    const token = await tokens();
    try {
        return await call(url, { ...options, token });
    } catch (error) {
        const other = error.kind === "invalid-token" ? await tokens(token) : token;
        if (other === token) throw error;
        return call(url, { ...options, token: other });
    }
}

/**
 * Hears of changes of somebody's devices as they happen: GET /v1/sessions/changes, an event stream. It is read with fetch,
 * for EventSource sends no Authorization header. Calls `heard(event, data)` for each event, until `signal` is aborted.
 * Connects again by itself, after longer and longer waits; every connection begins with the event `hello`, since something
 * may have been missed before it.
 *
 * @param {string} authority Without a slash at the end.
 * @param {(refused?: string) => Promise<string>} token Gives an access token, another one than `refused`.
 * @returns {Promise<void>} Ends early where the authority has no such stream, or too many of this person's.
 */
export async function follow({ authority, token, signal, heard }) {
    let refused;
    let retry = 500;
    for (let failures = 0; !signal.aborted; failures += 1) {
        const line = new AbortController();
        const hangUp = () => line.abort();
        signal.addEventListener("abort", hangUp);
        let timer;
        const alive = () => {
            clearTimeout(timer);
            timer = setTimeout(hangUp, SILENCE);
        };
        try {
            const bearer = await token(refused);
            // Whoever gives out tokens has no other one yet; the authority need not refuse this one again.
            if (bearer === refused) throw new Error("no other token");
            alive();
            const headers = { Authorization: `Bearer ${bearer}`, Accept: "text/event-stream" };
            const options = { headers, signal: line.signal, credentials: "omit" };
            const answer = await fetch(`${authority}/v1/sessions/changes`, options);
            // No such path, or no such method on what else is there.
            if (answer.status === 404 || answer.status === 405) return;
            refused = answer.status === 401 ? bearer : undefined;
            if (answer.ok) {
                let replaced = false;
                await read(answer.body, alive, (event, data, wait) => {
                    failures = 0;
                    retry = wait ?? retry;
                    if (event === "refused") refused = bearer;
                    else if (event === "replaced") replaced = true;
                    else if (!signal.aborted) heard(event, data);
                });
                // The person has more of them than may be: one that came back would only push out another.
                if (replaced) return;
            }
        } catch {
            // Not reached, cut off, or signed out: the next try, if there is one, will tell.
        } finally {
            clearTimeout(timer);
            signal.removeEventListener("abort", hangUp);
            line.abort();
        }
        const most = Math.min(30_000, retry * 2 ** failures);
        // Another token is worth a try at once, but once.
        await pause(refused && failures === 0 ? 0 : most * (0.5 + Math.random() / 2), signal);
    }
}

/** Reads an event stream (HTML, §9.2.6), as far as it is needed: `event`, `data` and `retry`. */
async function read(body, alive, heard) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let [rest, event, data, retry] = ["", "", []];
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop();
        for (const line of lines) {
            const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line);
            if (field === "event") event = text;
            if (field === "data") data.push(text);
            if (field === "retry" && /^\d+$/.test(text)) retry = Number(text);
            if (line !== "") continue;
            if (event || data.length) heard(event || "message", parsed(data.join("\n")), retry);
            [event, data] = ["", []];
        }
    }
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return {};
    }
}

/** Waits for so many ms, or until `signal` is aborted. */
export function pause(ms, signal) {
    return new Promise((over) => {
        const end = () => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", end);
            over();
        };
        const timer = setTimeout(end, ms);
        signal?.addEventListener("abort", end);
        if (signal?.aborted) end();
    });
}
