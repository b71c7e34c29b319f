// @imagekit/nodejs 7, unmodified: folders and their jobs (API 3.8).

import assert from "node:assert/strict";
import { after, test } from "node:test";
import ImageKit, { toFile } from "@imagekit/nodejs";
import { NO_ID, assertCalled, finished, privateKey, recorded, server } from "./support.mjs";
import { nodejs7 } from "./tables.mjs";

const called = new Set();
const client = recorded(new ImageKit({ privateKey, baseURL: server, maxRetries: 0 }), called);
after(() => assertCalled(called, nodejs7.folders));

const done = async (started) => finished(async () => client.folders.job.get((await started).jobId));

test("makes, copies, moves, renames and deletes folders", async () => {
  const made = await client.folders.create({ folderName: "shoes", parentFolderPath: "/products" }).asResponse();
  assert.deepEqual([made.status, await made.json()], [201, {}]);
  const file = await toFile(Buffer.from("one"), "part");
  await client.files.upload({ file, fileName: "1.txt", folder: "/products/shoes", useUniqueFileName: false });

  const copy = { sourceFolderPath: "/products", destinationPath: "/copies", includeVersions: true };
  assert.equal((await done(client.folders.copy(copy))).type, "COPY_FOLDER");
  const move = { sourceFolderPath: "/products/shoes", destinationPath: "/" };
  assert.equal((await done(client.folders.move(move))).type, "MOVE_FOLDER");
  const rename = client.folders.rename({ folderPath: "/shoes", newFolderName: "boots", purgeCache: true });
  assert.equal((await rename.asResponse()).status, 202);
  assert.ok((await done(rename)).purgeRequestId);
  const paths = (await client.assets.list({ type: "file" })).map((item) => item.filePath).sort();
  assert.deepEqual(paths, ["/boots/1.txt", "/copies/products/shoes/1.txt"]);

  assert.equal((await client.folders.delete({ folderPath: "/copies" }).asResponse()).status, 204);
  await assert.rejects(client.folders.delete({ folderPath: "/copies" }), (error) => {
    assert.deepEqual([error.status, error.error.reason], [404, "FOLDER_NOT_FOUND"]);
    return true;
  });
  await assert.rejects(client.folders.job.get(NO_ID), ImageKit.NotFoundError);
  await assert.rejects(client.folders.copy({ ...copy, sourceFolderPath: "/none" }), ImageKit.NotFoundError);
});
