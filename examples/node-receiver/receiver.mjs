#!/usr/bin/env node
// A receiver of Dari's agent webhooks in one file, with nothing but Node's standard library.
//
//   DARI_WEBHOOK_SECRET=whsec_… DARI_API_KEY=… node receiver.mjs --listen 127.0.0.1:8080
//
// It accepts a delivery only if it is authentic and fresh, processes it once however often it arrives, and answers 2xx
// only after it was processed, so that the platform's retries make up for every failure. To make it yours, replace
// `runTool` and `takeNote`.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

// Several secrets are accepted at once, so that a rotation refuses nothing: DARI_WEBHOOK_SECRET may hold a list separated
// by commas or line breaks, and DARI_WEBHOOK_SECOND_SECRET one more. An empty secret would let everyone in.
const secrets = [process.env.DARI_WEBHOOK_SECRET, process.env.DARI_WEBHOOK_SECOND_SECRET]
  .flatMap((text) => (text ?? "").split(/[,\n]/))
  .map((secret) => secret.trim())
  .filter((secret) => secret !== "");
const apiKey = process.env.DARI_API_KEY ?? "";
const apiURL = process.env.DARI_API_URL ?? "https://api.dari.dev";

const PATH = process.env.DARI_WEBHOOK_PATH ?? "/hooks/dari"; // where deliveries come to, and nowhere else
const WINDOW = 300; // seconds that a signature is good for, in both directions
const MAX_BODY = 5 * 1024 * 1024;
const MAX_HEADER = 4096;
const MAX_SIGNATURES = 16;
const MAX_REMEMBERED = 100_000;
const SUBMIT_TIMEOUT = 8_000; // milliseconds; below the ten seconds after which the platform gives an attempt up

/** A request that is not accepted, and the status that says so. */
class Refusal extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

// ---- Is it authentic and fresh? -----------------------------------------------------------------------------------

/** Throws a Refusal unless one of the header's v1 signatures belongs to these bytes under one of the secrets. */
function verify(headers, body) {
  const { timestamp, signatures } = readSignature(headers);
  const age = Date.now() / 1000 - Number(timestamp);
  if (Math.abs(age) > WINDOW) throw new Refusal(401, "the timestamp is too old, or in the future");

  // What is signed is the timestamp as it is written, a full stop, and the raw body: never JSON that was parsed before.
  const genuine = secrets.some((secret) => {
    const expected = createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest();
    return signatures.some((signature) => timingSafeEqual(signature, expected));
  });
  if (!genuine) throw new Refusal(401, "no signature matches");
}

/** Reads "t=<seconds>,v1=<hex>,…"; the timestamp may stand in a header of its own instead, or as well. */
function readSignature(headers) {
  const header = only(headers["dari-webhook-signature"]);
  if (!header) throw new Refusal(401, "there is no signature");
  if (header.length > MAX_HEADER) throw new Refusal(401, "the signature header is too long");

  let timestamp = only(headers["dari-webhook-timestamp"]);
  let dated = false;
  const signatures = [];
  for (const item of header.split(",")) {
    const [, tag, value] = /^([A-Za-z0-9_-]+)=([!-~]+)$/.exec(item) ?? [];
    if (tag === undefined) throw new Refusal(401, "the signature header is malformed");
    if (tag === "t") {
      if (dated || (timestamp ?? value) !== value) throw new Refusal(401, "there are two timestamps");
      timestamp = value;
      dated = true;
    }
    if (tag === "v1") {
      if (!/^[0-9a-f]{64}$/.test(value)) throw new Refusal(401, "a signature is malformed");
      signatures.push(Buffer.from(value, "hex"));
    } // Any other tag is a version that this receiver does not know, and says nothing.
  }
  if (!/^(0|[1-9][0-9]{0,11})$/.test(timestamp ?? "")) throw new Refusal(401, "there is no timestamp in whole seconds");
  if (signatures.length === 0) throw new Refusal(401, "there is no v1 signature");
  if (signatures.length > MAX_SIGNATURES) throw new Refusal(401, "there are too many signatures");
  return { timestamp, signatures };
}

/** The value of a header that may be given once at most. */
function only(values = []) {
  if (values.length > 1) throw new Refusal(401, "a header is given twice");
  return values[0];
}

// ---- Is it new? ---------------------------------------------------------------------------------------------------

// The ids of what was processed, and the work under way. A receiver that runs in several processes, or must not repeat
// work after a restart, keeps them in its database instead, under a unique key.
const processed = new Set();
const underWay = new Map();

/** Does the work unless a copy of the delivery has done it. A copy waits for the one under way, and takes over if it fails. */
async function once(id, work) {
  while (underWay.has(id)) await underWay.get(id).catch(() => {});
  if (processed.has(id)) return;

  const job = (async () => {
    await work();
    processed.add(id); // after the work and never before, or a failure would look like a success to the retry
    if (processed.size > MAX_REMEMBERED) processed.delete(processed.values().next().value);
  })();
  underWay.set(id, job);
  try {
    await job;
  } finally {
    underWay.delete(id);
  }
}

// ---- What does it ask for? ----------------------------------------------------------------------------------------

/** Processes one event. Deliveries may come in any order, and types that are not known here are fine. */
async function handle(event) {
  if (event.type === "tool.call_requested") await answerToolCall(event.data);
  else await takeNote(event);
}

/** Runs the tool and posts its result. */
async function answerToolCall(call) {
  const result = { type: "tool.result_submitted", message_id: call.message_id, tool_call_id: call.tool_call_id };
  try {
    Object.assign(result, { is_error: false, result: await runTool(call.tool_name, call.arguments) });
  } catch (error) {
    Object.assign(result, { is_error: true, result: { error: error.message } });
  }
  const answer = await fetch(new URL(call.submit_url, apiURL), {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
    body: JSON.stringify(result),
    redirect: "manual", // the key is meant for the URL that was signed, and for no other
    signal: AbortSignal.timeout(SUBMIT_TIMEOUT),
  });
  await answer.body?.cancel();
  // 409: the platform has a result already, as after an attempt whose answer was lost. That is what was wanted.
  if (!answer.ok && answer.status !== 409) throw new Error(`the result was answered with ${answer.status}`);
}

/** Your tools. This one says what it was asked. */
async function runTool(name, args) {
  return { tool: name ?? null, arguments: args ?? null };
}

/** Your reaction to everything else: the end of a session, of a batch, and whatever the platform will think of. */
async function takeNote(event) {
  console.error(`${event.type} ${event.id}`);
}

// ---- HTTP ---------------------------------------------------------------------------------------------------------

/** Takes one request, and returns when its delivery was processed. */
async function receive(request) {
  if (request.url.split("?")[0] !== PATH) throw new Refusal(404, "deliveries come to another path");
  if (request.method !== "POST") throw new Refusal(405, "deliveries are sent with POST");
  const body = await readBody(request);
  verify(request.headersDistinct, body);
  const event = readEvent(body);
  // The id comes from the signed body. A header may say another, but nobody has signed that.
  await once(event.id, () => handle(event));
}

/** Reads the raw bytes, in whatever pieces they come. */
async function readBody(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length <= MAX_BODY) parts.push(part); // the rest is read and dropped: who is still writing reads no answer
  }
  if (length > MAX_BODY) throw new Refusal(413, "the body is too large");
  return Buffer.concat(parts);
}

/** Reads the event of a body that is known to be authentic. */
function readEvent(body) {
  let event;
  try {
    event = JSON.parse(body.toString("utf8"));
  } catch {
    throw new Refusal(400, "the body is not JSON");
  }
  if (typeof event?.id !== "string" || event.id === "") throw new Refusal(400, "the event has no id");
  return event;
}

const server = createServer(async (request, response) => {
  let status = 200;
  try {
    await receive(request);
  } catch (error) {
    status = error instanceof Refusal ? error.status : 503; // 503: not processed, please send it again
    console.error(`${status} ${error.message}`);
  }
  if (status === 405) response.setHeader("allow", "POST");
  response.writeHead(status).end();
});

/** The address to listen on: --listen host:port, or PORT on loopback. */
function address() {
  const flag = process.argv.indexOf("--listen");
  const text = flag > 0 ? (process.argv[flag + 1] ?? "") : `127.0.0.1:${process.env.PORT ?? "8080"}`;
  const [, host, port] = /^\[?([^\]]*)\]?:([0-9]+)$/.exec(text) ?? [];
  if (port === undefined) fail(`--listen wants host:port, not "${text}"`);
  return { host, port: Number(port) };
}

/** Says in one line why the receiver does not start. */
function fail(reason) {
  console.error(reason);
  process.exit(2);
}

if (secrets.length === 0) fail("DARI_WEBHOOK_SECRET is not set; without it nobody could be told from the platform");
server.on("error", (error) => fail(`cannot listen: ${error.message}`));
server.listen(address(), () => {
  const { address: host, family, port } = server.address();
  console.log(JSON.stringify({ url: `http://${family === "IPv6" ? `[${host}]` : host}:${port}` }));
});

// What is being processed when the receiver is told to stop is finished first.
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
