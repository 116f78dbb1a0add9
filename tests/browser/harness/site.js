// A web site of somebody else's: another origin, on a free port of this machine.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };

/**
 * Serves pages given as `{ "/": "<!doctype html>…" }`, and a folder. What `answer` answers, it answers alone: it is called
 * with request and response, and says whether it did.
 *
 * @param {{ folder?: string, pages?: Record<string, string>, headers?: Record<string, string>, answer?: Function }} what
 */
export async function serveSite({ folder, pages = {}, headers = {}, answer = () => false }) {
    const server = createServer(async (request, response) => {
        if (answer(request, response)) return;
        const path = new URL(request.url, "http://site").pathname;
        const name = path.endsWith("/") ? `${path}index.html` : path;
        const type = TYPES[extname(name)] ?? "application/octet-stream";
        try {
            const body = pages[path] ?? (folder && (await readFile(join(folder, normalize(name)))));
            if (body === undefined) throw new Error("no such page");
            response.writeHead(200, { "Content-Type": type, ...headers }).end(body);
        } catch {
            response.writeHead(path === "/favicon.ico" ? 204 : 404).end();
        }
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    return {
        url: `http://127.0.0.1:${server.address().port}`,
        pages,
        stop: () => {
            server.closeAllConnections();
            return new Promise((closed) => server.close(closed));
        },
    };
}
