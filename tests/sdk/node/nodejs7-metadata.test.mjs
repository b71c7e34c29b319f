// @imagekit/nodejs 7, unmodified: custom metadata, metadata of pictures, and the upload fields that depend on them.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import ImageKit, { toFile } from "@imagekit/nodejs";
import { NO_ID, assertCalled, photoBytes, privateKey, recorded, server } from "./support.mjs";
import { nodejs7 } from "./tables.mjs";

const called = new Set();
const client = recorded(new ImageKit({ privateKey, baseURL: server, maxRetries: 0 }), called);
after(() => assertCalled(called, nodejs7.metadata));

const text = (content) => toFile(Buffer.from(content), "part");
const cat = () => toFile(photoBytes("cat.jpg"), "cat.jpg");

test("custom metadata fields and values", async () => {
  const schema = { type: "Number", minValue: 300, maxValue: 900 };
  const request = client.customMetadataFields.create({ name: "seat_height", label: "Seat height", schema });
  assert.equal((await request.asResponse()).status, 201);
  const field = await request;
  assert.deepEqual([field.name, field.schema.minValue, field.schema.maxValue], ["seat_height", 300, 900]);
  await client.customMetadataFields.create({ name: "wood", label: "Wood", schema: { type: "SingleSelect", selectOptions: ["oak"] } });

  const made = await client.files.upload({
    file: await text("one"),
    fileName: "chair.txt",
    customMetadata: { seat_height: 450, wood: "oak" },
    responseFields: ["customMetadata"],
  });
  assert.deepEqual(made.customMetadata, { seat_height: 450, wood: "oak" });
  const changed = await client.files.update(made.fileId, { customMetadata: { wood: null } });
  assert.deepEqual(changed.customMetadata, { seat_height: 450 });
  const found = await client.assets.list({ searchQuery: '"customMetadata.seat_height" < 500' });
  assert.deepEqual(found.map((item) => item.fileId), [made.fileId]);
  await assert.rejects(client.files.update(made.fileId, { customMetadata: { seat_height: 1 } }), (error) => {
    assert.ok(error instanceof ImageKit.BadRequestError);
    assert.deepEqual(Object.keys(error.error.errors), ["seat_height"]);
    return true;
  });

  assert.equal((await client.customMetadataFields.update(field.id, { label: "Height" })).label, "Height");
  assert.equal((await client.customMetadataFields.delete(field.id).asResponse()).status, 204);
  assert.deepEqual((await client.customMetadataFields.list()).map((item) => item.name), ["wood"]);
  assert.equal((await client.customMetadataFields.list({ includeDeleted: true })).length, 2);
  await assert.rejects(client.customMetadataFields.update(NO_ID, { label: "x" }), ImageKit.NotFoundError);
});

test("metadata of a picture, by id and by URL", async () => {
  const made = await client.files.upload({ file: await cat(), fileName: "cat.jpg" });
  const found = await client.files.metadata.get(made.fileId);
  assert.deepEqual([found.width, found.height, found.size, found.format], [made.width, made.height, made.size, "jpg"]);
  assert.match(found.pHash, /^[0-9a-f]{16}$/);
  assert.deepEqual(await client.files.metadata.getFromURL({ url: made.url }), found);
  await assert.rejects(client.files.metadata.get(NO_ID), ImageKit.NotFoundError);
});

test("checks and transformations, and uploads by v2", async () => {
  const wide = { checks: '"mediaMetadata.width" > 500', transformation: { pre: "w-64,f-png" } };
  const made = await client.files.upload({ file: await cat(), fileName: "cat.png", ...wide });
  assert.equal(made.width, 64);
  const small = client.files.upload({ file: await text("one"), fileName: "a.txt", checks: '"file.size" > "1mb"' });
  await assert.rejects(small, ImageKit.BadRequestError);
  const second = await client.beta.v2.files.upload({ file: await cat(), fileName: "cat.jpg", tags: ["v2"], responseFields: ["tags"] });
  assert.deepEqual([second.width, second.tags], [1024, ["v2"]]);
});
