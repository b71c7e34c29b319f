// Every method that the SDKs have is called by a test, or named in the table as absent.

import assert from "node:assert/strict";
import { test } from "node:test";
import ImageKit from "@imagekit/nodejs";
import ImageKit6 from "imagekit";
import { methodsOf } from "./support.mjs";
import { imagekit6, nodejs7 } from "./tables.mjs";

test("@imagekit/nodejs 7: every method is called by a test or known to be absent", () => {
  const methods = methodsOf(new ImageKit({ privateKey: "private_x" }));
  assert.ok(methods.length > 50);
  assert.deepEqual(methods, Object.values(nodejs7).flat().sort());
});

test("imagekit 6: every method is called by a test", () => {
  const client = new ImageKit6({ privateKey: "private_x", publicKey: "public_x", urlEndpoint: "http://127.0.0.1" });
  const own = Object.getOwnPropertyNames(Object.getPrototypeOf(client)).filter((name) => name !== "constructor");
  assert.deepEqual([...own, "verifyWebhookEvent"].sort(), Object.values(imagekit6).flat().sort());
});
