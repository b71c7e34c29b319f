// imagekit 6, unmodified: custom metadata and metadata of pictures, by the same interception as its management.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import ImageKit from "imagekit";
import { assertCalled, photoBytes, privateKey, publicKey, recorded, urlEndpoint } from "./support.mjs";
import { imagekit6 } from "./tables.mjs";

const called = new Set();
const client = recorded(new ImageKit({ privateKey, publicKey, urlEndpoint }), called);
after(() => assertCalled(called, imagekit6.metadata));

test("custom metadata fields and values", async () => {
  const schema = { type: "Number", minValue: 3, maxValue: 9 };
  const field = await client.createCustomMetadataField({ name: "height", label: "Height", schema });
  assert.deepEqual([field.$ResponseMetadata.statusCode, field.schema.minValue], [201, 3]);
  const made = await client.upload({
    file: Buffer.from("one"),
    fileName: "a.txt",
    customMetadata: { height: 4 },
    responseFields: ["customMetadata"],
  });
  assert.deepEqual(made.customMetadata, { height: 4 });
  assert.equal((await client.updateCustomMetadataField(field.id, { label: "Tall", schema: { minValue: 2 } })).label, "Tall");
  await client.deleteCustomMetadataField(field.id);
  assert.deepEqual(await client.getCustomMetadataFields({ includeDeleted: false }), []);
  assert.equal((await client.getCustomMetadataFields({ includeDeleted: true })).length, 1);
});

test("metadata of a picture, by id and by URL, checked and transformed before", async () => {
  const made = await client.upload({
    file: photoBytes("cat.jpg"),
    fileName: "cat.jpg",
    checks: '"file.mime" : "image/"',
    transformation: { pre: "w-64" },
  });
  const found = await client.getFileMetadata(made.fileId);
  assert.deepEqual([found.width, found.size], [64, made.size]);
  assert.deepEqual({ ...(await client.getFileMetadata(made.url)) }, { ...found });
});
