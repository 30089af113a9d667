// Signs and verifies with the libraries that platforms publish for npm. Each line of standard input is a call, and each line
// of standard output its answer, in the same order:
//
//   {"library","call":"verify","secret","headers":{name: [value…]},"body":<base64>}
//   {"library","call":"sign","secret","id","timestamp":<seconds>,"body":<base64>}
//
// An answer is {"headers":{name: value}} for a signed body, {} for a request that the library accepts, and
// {"refused": <why>} for one that it does not. Names of headers are in lower case.
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

import * as octokit from "@octokit/webhooks-methods";
import "@shopify/shopify-api/adapters/node";
import { ApiVersion, shopifyApi } from "@shopify/shopify-api";
import bolt from "@slack/bolt";
import * as standardwebhooks from "standardwebhooks";
import Stripe from "stripe";
import * as svix from "svix";

// standard makes the calls of a library that has the class Webhook of Standard Webhooks.
function standard({ Webhook }) {
  return {
    sign: ({ secret, id, timestamp, body }) => ({
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": new Webhook(secret).sign(id, new Date(timestamp * 1000), body),
    }),
    verify: ({ secret, headers, body }) => new Webhook(secret).verify(body, headers, { jsonParse: false }),
  };
}

const libraries = {
  standardwebhooks: standard(standardwebhooks),
  svix: standard(svix),

  stripe: {
    sign: ({ secret, timestamp, body }) => ({
      "stripe-signature": Stripe.webhooks.generateTestHeaderString({ payload: body.toString(), secret, timestamp }),
    }),
    verify: ({ secret, headers, body }) =>
      Stripe.webhooks.signature.verifyHeader(body, headers["stripe-signature"], secret, Stripe.webhooks.DEFAULT_TOLERANCE),
  },

  "@octokit/webhooks-methods": {
    sign: async ({ secret, body }) => ({ "x-hub-signature-256": await octokit.sign(secret, body.toString()) }),
    verify: async ({ secret, headers, body }) => {
      if (!(await octokit.verify(secret, body.toString(), headers["x-hub-signature-256"]))) throw new Error("no match");
    },
  },

  "@slack/bolt": {
    verify: ({ secret, headers, body }) => {
      const request = Object.assign(Readable.from([body]), { headers });
      return bolt.HTTPModuleFunctions.parseAndVerifyHTTPRequest({ signingSecret: secret }, request);
    },
  },

  "@shopify/shopify-api": {
    verify: async ({ secret, headers, body }) => {
      const rawRequest = { method: "POST", url: "/", headers: { ...headers, ...shopifyHeaders } };
      const answer = await shopify(secret).webhooks.validate({ rawBody: body.toString(), rawRequest });
      if (!answer.valid) throw new Error(answer.reason);
    },
  },
};

// shopifyHeaders are what Shopify's library wants to see beside the signature; none of them is signed.
const shopifyHeaders = {
  "x-shopify-api-version": "2025-07",
  "x-shopify-shop-domain": "example.myshopify.com",
  "x-shopify-topic": "orders/create",
  "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
};

// shopify returns Shopify's library for an app with a secret.
function shopify(secret) {
  return shopifyApi({
    apiKey: "key",
    apiSecretKey: secret,
    apiVersion: ApiVersion.July25,
    hostName: "app.example.com",
    isEmbeddedApp: false,
    logger: { log: () => {} },
  });
}

// joined returns headers as node's HTTP server hands them to a handler: one string each.
function joined(headers) {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.join(", ")]));
}

// answer makes one call.
async function answer({ library, call, headers = {}, body, ...rest }) {
  const act = libraries[library][call];
  const request = { ...rest, headers: joined(headers), body: Buffer.from(body, "base64") };
  try {
    const result = await act(request);
    return call === "sign" ? { headers: result } : {};
  } catch (e) {
    return { refused: String(e.message) };
  }
}

console.log = console.error; // standard output is for answers
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
}
