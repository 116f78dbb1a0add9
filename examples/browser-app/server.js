// Serves this folder on an origin of its own, with a strict policy. Needs Node alone:
//
//     node examples/browser-app/server.js --authority http://127.0.0.1:7080 --client web --port 8080

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    authority: { type: "string", default: "http://127.0.0.1:7080" },
    client: { type: "string", default: "web" },
    port: { type: "string", default: "8080" },
    // What else the app gives to `new Session`, as JSON.
    session: { type: "string", default: "{}" },
  },
});
const authority = new URL(values.authority).origin;

const config = `export const authority = ${JSON.stringify(authority)};
export const clientId = ${JSON.stringify(values.client)};
export const options = ${JSON.stringify(JSON.parse(values.session))};
`;

const FILES = ["index.html", "app.js", "style.css"];
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css" };

// Scripts and answers of this origin and the authority's, nothing else: no inline script, no inline style, no HTML made
// from text.
const policy = [
  "default-src 'none'",
  `script-src 'self' ${authority}`,
  `connect-src 'self' ${authority}`,
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const server = createServer(async (request, response) => {
  const [path] = request.url.split("?");
  const name = path === "/" ? "index.html" : path.slice(1);
  response.setHeader("Content-Security-Policy", policy);
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.setHeader("Cache-Control", "no-cache");
  if (name !== "config.js" && !FILES.includes(name)) {
    response.writeHead(name === "favicon.ico" ? 204 : 404).end();
    return;
  }
  try {
    const body = name === "config.js" ? config : await readFile(new URL(name, import.meta.url));
    response.writeHead(200, { "Content-Type": TYPES[extname(name)] }).end(body);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
});

server.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`The app is on http://127.0.0.1:${server.address().port}`);
});
