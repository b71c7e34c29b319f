// What the tests of the JavaScript SDKs share: where the server is, a record of called methods, and a receiver of
// webhooks. pytest starts the tests (tests/sdk/test_node.py) and says by environment variables where things are.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const server = process.env.SDK_SERVER;
export const privateKey = process.env.SDK_PRIVATE_KEY;
export const publicKey = process.env.SDK_PUBLIC_KEY;
export const urlEndpoint = `${server}/media/acme`;
export const photo = (name) => path.join(process.env.SDK_PHOTOS, name);
export const photoBytes = (name) => readFileSync(photo(name));
export const NO_ID = "0".repeat(24);

/** Dotted names of all methods of an @imagekit/nodejs client's resources. */
export function methodsOf(resource, prefix = "") {
  const found = [];
  for (const [name, value] of Object.entries(resource)) {
    if (name === "_client" || !value?._client) continue;
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(value)).filter((word) => word !== "constructor");
    found.push(...own.map((word) => `${prefix}${name}.${word}`), ...methodsOf(value, `${prefix}${name}.`));
  }
  return found.sort();
}

/** The client itself, with the dotted name of every method that is called noted in `called`. */
export function recorded(target, called, prefix = "") {
  return new Proxy(target, {
    get(_, name) {
      const value = target[name];
      if (typeof value === "function") {
        return (...words) => {
          called.add(prefix + String(name));
          return value.apply(target, words);
        };
      }
      return value?._client ? recorded(value, called, `${prefix}${String(name)}.`) : value;
    },
  });
}

/** Fail unless every method of the list was called. */
export function assertCalled(called, methods) {
  assert.deepEqual(methods.filter((name) => !called.has(name)), [], "methods of the table that were not called");
}

/** Wait for a bulk job; `ask` fetches it. */
export async function finished(ask) {
  for (let end = Date.now() + 30_000; ; ) {
    const job = await ask();
    if (job.status === "Completed") return job;
    assert.ok(Date.now() < end, `the job is still ${job.status}`);
    await sleep(100);
  }
}

/** A server on this machine that takes webhooks; `next()` waits for one. */
export async function receiver() {
  const arrived = [];
  const waiting = [];
  const listening = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      response.writeHead(200).end();
      const webhook = { headers: request.headers, body: Buffer.concat(parts).toString("utf8") };
      const taker = waiting.shift();
      if (taker) taker(webhook);
      else arrived.push(webhook);
    });
  });
  await new Promise((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${listening.address().port}/hook`,
    next: () => (arrived.length ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve))),
    close: () => {
      listening.closeAllConnections();
      listening.close();
    },
  };
}

/** A webhook endpoint of the account, which the JavaScript SDKs cannot make: its id and secret. */
export async function registered(endpoint, events) {
  const response = await fetch(`${server}/v1/accounts/webhooks`, {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`${privateKey}:`)}`, "Content-Type": "application/json" },
    body: JSON.stringify({ endpoint, events }),
  });
  assert.equal(response.status, 201);
  return response.json();
}
