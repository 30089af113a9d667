#!/usr/bin/env node
// A receiver that stands behind the gate, in one file, with nothing but Node's standard library.
//
//   node receiver.mjs --listen 127.0.0.1:9000
//
// The gate has checked signature and age, and passes each delivery on once. It removes the headers below from what comes
// in and sets them itself, so that this receiver can believe them, but only as long as nobody reaches it past the gate. That
// is why it serves loopback alone unless it is told, by --behind-gate-only, that the network sees to it.

import { createServer } from "node:http";

const apiKey = process.env.DARI_API_KEY ?? "";
const apiURL = process.env.DARI_API_URL ?? "https://api.dari.dev";
const PATH = process.env.DARI_WEBHOOK_PATH ?? "/hooks/dari"; // where deliveries come to, and nowhere else
const SUBMIT_TIMEOUT = 8_000; // milliseconds
const MAX_BODY = 5 * 1024 * 1024; // the gate's own limit

/** Takes one request and returns the status to answer with. Anything but a 2xx makes the platform send it again. */
async function receive(request) {
  if (request.url.split("?")[0] !== PATH) return 404;
  const { "dari-webhook-verified": verified, "dari-webhook-id": id, "dari-webhook-event": type } = request.headers;
  if (verified !== "true" || !id) return 403; // not from the gate
  const body = await readBody(request);
  if (body === null) return 413;

  if (type === "tool.call_requested") await answerToolCall(JSON.parse(body).data);
  else console.error(`${type} ${id}`); // the end of a session or batch, or a type that is yet to come
  return 200;
}

/** Your tools: run the one that was asked for, and post its result. */
async function answerToolCall(call) {
  const answer = await fetch(new URL(call.submit_url, apiURL), {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({
      type: "tool.result_submitted",
      message_id: call.message_id,
      tool_call_id: call.tool_call_id,
      is_error: false,
      result: { tool: call.tool_name ?? null, arguments: call.arguments ?? null },
    }),
    redirect: "manual", // the key is meant for this URL, and for no other
    signal: AbortSignal.timeout(SUBMIT_TIMEOUT),
  });
  await answer.body?.cancel();
  // 409: the platform has a result already. That is what was wanted.
  if (!answer.ok && answer.status !== 409) throw new Error(`the result was answered with ${answer.status}`);
}

/** Reads the body as text, or returns null if it is too long. */
async function readBody(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length <= MAX_BODY) parts.push(part);
  }
  if (length > MAX_BODY) return null;
  return Buffer.concat(parts).toString("utf8");
}

const server = createServer(async (request, response) => {
  const status = await receive(request).catch((error) => {
    console.error(error.message);
    return 503;
  });
  if (status === 403 || status === 404) response.setHeader("connection", "close"); // the body was not read
  response.writeHead(status).end();
});

/** Says in one line why the receiver does not start. */
function fail(reason) {
  console.error(reason);
  process.exit(2);
}

const flag = process.argv.indexOf("--listen");
const listen = flag > 0 ? (process.argv[flag + 1] ?? "") : `127.0.0.1:${process.env.PORT ?? "9000"}`;
const [, host, port] = /^\[?([^\]]*)\]?:([0-9]+)$/.exec(listen) ?? [];
if (port === undefined) fail(`--listen wants host:port, not "${listen}"`);
if (!/^(127\.[0-9.]+|::1|localhost)$/.test(host) && !process.argv.includes("--behind-gate-only")) {
  fail(`${listen} can be reached past the gate; say --behind-gate-only if the network prevents that`);
}
server.on("error", (error) => fail(`cannot listen: ${error.message}`));
server.listen({ host, port: Number(port) }, () => {
  const { address, family, port: bound } = server.address();
  console.log(JSON.stringify({ url: `http://${family === "IPv6" ? `[${address}]` : address}:${bound}` }));
});

// What is being processed when the receiver is told to stop is finished first.
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
