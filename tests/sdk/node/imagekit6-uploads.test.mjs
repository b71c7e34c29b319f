// imagekit 6, unmodified: uploads by its option `uploadEndpoint`, URLs, signatures and webhooks of the older kind.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createReadStream } from "node:fs";
import { after, test } from "node:test";
import ImageKit from "imagekit";
import {
  assertCalled,
  photo,
  photoBytes,
  privateKey,
  publicKey,
  receiver,
  recorded,
  registered,
  server,
  urlEndpoint,
} from "./support.mjs";
import { imagekit6 } from "./tables.mjs";

const called = new Set();
const options = { privateKey, publicKey, urlEndpoint, uploadEndpoint: `${server}/api/v1/files/upload` };
const client = recorded(new ImageKit(options), called);
after(() => assertCalled(called, imagekit6.uploads));

test("uploads a buffer with every kind of field", async () => {
  const made = await client.upload({
    file: photoBytes("coffee.jpg"),
    fileName: "Morning coffee.jpg",
    folder: "/drinks",
    tags: ["a", "b"],
    useUniqueFileName: false,
    isPrivateFile: false,
    customCoordinates: "1,2,3,4",
    responseFields: ["tags", "customCoordinates", "isPrivateFile"],
    extensions: [{ name: "aws-auto-tagging", minConfidence: 80, maxTags: 10 }],
  });
  assert.equal(made.$ResponseMetadata.statusCode, 200);
  assert.deepEqual([made.filePath, made.tags, made.isPrivateFile], ["/drinks/Morning_coffee.jpg", ["a", "b"], false]);
  assert.deepEqual(made.extensionStatus, { "aws-auto-tagging": "pending" });
});

test("uploads a stream, base64 and a URL", async () => {
  const size = photoBytes("cat.jpg").length;
  const streamed = await client.upload({ file: createReadStream(photo("cat.jpg")), fileName: "cat.jpg", extensions: [] });
  assert.equal(streamed.size, size);
  assert.equal(streamed.extensionStatus, undefined);
  const text = await client.upload({ file: photoBytes("cat.jpg").toString("base64"), fileName: "cat.jpg" });
  assert.equal(text.size, size);
  const fetched = await client.upload({ file: `${urlEndpoint}${streamed.filePath}`, fileName: "cat.jpg" });
  assert.equal(fetched.size, size);
});

test("an error arrives as the server's body, by promise and by callback", async () => {
  const bad = { file: "%%%", fileName: "a.jpg" };
  await assert.rejects(client.upload(bad), (error) => {
    assert.equal(error.$ResponseMetadata.statusCode, 400);
    assert.ok(error.message && error.help);
    return true;
  });
  const error = await new Promise((resolve) => client.upload(bad, resolve));
  assert.equal(error.$ResponseMetadata.statusCode, 400);
});

test("a webhook of this server is verified by verifyWebhookEvent", async () => {
  const hook = await receiver();
  try {
    const { secret } = await registered(hook.url, ["file.created"]);
    const made = await client.upload({ file: Buffer.from("one"), fileName: "grüße.txt" });
    const { headers, body } = await hook.next();
    const { timestamp, event } = client.verifyWebhookEvent(body, headers["x-ik-signature"], secret);
    assert.equal(event.data.fileId, made.fileId);
    assert.ok(Math.abs(Date.now() - timestamp) < 300_000);
    assert.deepEqual(client.verifyWebhookEvent(Buffer.from(body), headers["x-ik-signature"], secret).event, event);
    assert.throws(() => client.verifyWebhookEvent(`${body} `, headers["x-ik-signature"], secret));
  } finally {
    hook.close();
  }
});

test("signed URLs and upload signatures are what the server expects", async () => {
  const made = await client.upload({ file: Buffer.from("secret"), fileName: "a.txt", folder: "/x", isPrivateFile: true });
  const signed = client.url({ path: made.filePath, signed: true, expireSeconds: 60 });
  assert.equal(await (await fetch(signed)).text(), "secret");
  assert.equal((await fetch(made.url)).status, 401);
  const { signature } = client.getAuthenticationParameters("tok", 1700000000);
  assert.equal(signature, createHmac("sha1", privateKey).update("tok1700000000").digest("hex"));
});
