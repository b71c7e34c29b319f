// @imagekit/nodejs 7, unmodified: saved extensions, webhooks as they arrive, usage, helpers, and what is absent.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, test } from "node:test";
import ImageKit, { toFile } from "@imagekit/nodejs";
import { assertCalled, privateKey, receiver, recorded, registered, server, urlEndpoint } from "./support.mjs";
import { nodejs7 } from "./tables.mjs";

const called = new Set();
const client = recorded(new ImageKit({ privateKey, baseURL: server, maxRetries: 0 }), called);
after(() => assertCalled(called, nodejs7.account));

test("saved extensions", async () => {
  const config = { name: "google-auto-tagging", minConfidence: 80, maxTags: 3 };
  const made = await client.savedExtensions.create({ name: "Tags", description: "Names things", config });
  assert.deepEqual(made.config, config);
  assert.deepEqual(await client.savedExtensions.get(made.id), made);
  assert.deepEqual(await client.savedExtensions.list(), [made]);
  assert.equal((await client.savedExtensions.update(made.id, { name: "Better" })).name, "Better");
  assert.equal((await client.savedExtensions.delete(made.id).asResponse()).status, 204);
  await assert.rejects(client.savedExtensions.get(made.id), ImageKit.NotFoundError);
  await assert.rejects(client.savedExtensions.get("nonsense!"), ImageKit.BadRequestError);
});

test("a webhook of this server is verified and read by unwrap", async () => {
  const hook = await receiver();
  try {
    const { secret } = await registered(hook.url, ["file.created"]);
    const uploaded = await client.files.upload({ file: await toFile(Buffer.from("Grüße"), "x"), fileName: "grüße.txt" });
    const { headers, body } = await hook.next();
    const event = client.webhooks.unwrap(body, { headers, key: secret });
    assert.deepEqual([event.type, event.data.fileId, event.data.name], ["file.created", uploaded.fileId, uploaded.name]);
    assert.deepEqual(client.webhooks.unsafeUnwrap(body), event);
    assert.throws(() => client.webhooks.unwrap(`${body} `, { headers, key: secret }));
    assert.throws(() => client.webhooks.unwrap(body, { headers, key: "whsec_other" }));
  } finally {
    hook.close();
  }
});

test("usage", async () => {
  const usage = await client.accounts.usage.get({ startDate: "2026-01-01", endDate: "2026-02-01" });
  assert.equal(usage.extensionUnitsCount, 0);
  const analytics = await client.accounts.usageAnalytics.get({ startDate: "2026-01-01", endDate: "2026-01-31" });
  assert.deepEqual(analytics.extensions, []);
});

test("URLs and signatures of the helpers are those of the server", async () => {
  const content = "a private note";
  const made = await client.files.upload({
    file: await toFile(Buffer.from(content), "x"),
    fileName: "secret note.txt",
    isPrivateFile: true,
    folder: "/é",
  });
  assert.equal(client.helper.buildSrc({ urlEndpoint, src: made.filePath }), `${urlEndpoint}${encodeURI(made.filePath)}`);
  const signed = client.helper.buildSrc({ urlEndpoint, src: made.filePath, signed: true, expiresIn: 60 });
  assert.equal(await (await fetch(signed)).text(), content);
  assert.equal((await fetch(signed.split("?")[0])).status, 401);
  assert.equal(client.helper.buildTransformationString([{ named: "ik_ml_thumbnail" }]), "n-ik_ml_thumbnail");
  const { token, expire, signature } = client.helper.getAuthenticationParameters();
  assert.equal(signature, createHmac("sha1", privateKey).update(token + expire).digest("hex"));
});

test("what is absent says so", async () => {
  const config = { name: "o", type: "WEB_FOLDER", baseUrl: "https://a.example", description: "d", transformation: "w-1" };
  for (const name of nodejs7.absent) {
    const words = name.split(".");
    const method = words.pop();
    const resource = words.reduce((found, word) => found[word], client);
    const given = { create: [config], list: [], get: ["1"], delete: ["1"], update: ["1", config] }[method];
    await assert.rejects(resource[method](...given), (error) => {
      assert.deepEqual([error.status, /not part of this server/.test(error.message)], [501, true], name);
      return true;
    });
  }
});
