// imagekit 6, unmodified: management. Its origin is a constant; HTTPS_PROXY and NODE_EXTRA_CA_CERTS lead it here.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import ImageKit from "imagekit";
import { NO_ID, assertCalled, finished, privateKey, publicKey, recorded, urlEndpoint } from "./support.mjs";
import { imagekit6 } from "./tables.mjs";

const called = new Set();
const client = recorded(new ImageKit({ privateKey, publicKey, urlEndpoint }), called);
after(() => assertCalled(called, imagekit6.management));

const upload = (folder, fileName, content, more = {}) =>
  client.upload({ file: Buffer.from(content), fileName, folder, useUniqueFileName: false, ...more });
const status = (answer) => answer.$ResponseMetadata.statusCode;
const refuses = (promise, code) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.$ResponseMetadata.statusCode, code);
    assert.ok(error.message && error.help);
    return true;
  });

test("lists, reads, updates and deletes", async () => {
  const made = await upload("/a", "x.txt", "one", { tags: ["old"] });
  const listed = await client.listFiles({ path: "/a", tags: "old", limit: 5 });
  assert.deepEqual(listed.map((item) => item.fileId), [made.fileId]);
  assert.deepEqual((await client.listFiles({ searchQuery: 'name = "x.txt"' })).length, 1);
  assert.equal((await client.getFileDetails(made.fileId)).filePath, "/a/x.txt");
  const changed = await client.updateFileDetails(made.fileId, { tags: ["new"], removeAITags: "all", customCoordinates: "1,2,3,4" });
  assert.deepEqual([changed.tags, changed.customCoordinates], [["new"], "1,2,3,4"]);
  await client.deleteFile(made.fileId);
  await refuses(client.getFileDetails(made.fileId), 404);
});

test("versions", async () => {
  const first = await upload("/v", "x.txt", "one");
  const second = await upload("/v", "x.txt", "three");
  const { fileId } = first;
  assert.deepEqual((await client.getFileVersions(fileId)).map((item) => item.versionInfo.name), ["Version 2", "Version 1"]);
  assert.equal((await client.getFileVersionDetails({ fileId, versionId: fileId })).size, 3);
  assert.equal((await client.restoreFileVersion({ fileId, versionId: fileId })).versionInfo.name, "Version 1");
  await client.deleteFileVersion({ fileId, versionId: second.versionInfo.id });
  await refuses(client.deleteFileVersion({ fileId, versionId: fileId }), 400);
});

test("bulk tags and bulk deletion", async () => {
  const ids = [];
  for (const name of ["1.txt", "2.txt"]) ids.push((await upload("/b", name, name, { tags: ["old"] })).fileId);
  assert.deepEqual((await client.bulkAddTags(ids, ["new"])).successfullyUpdatedFileIds, ids);
  assert.equal(status(await client.bulkRemoveTags(ids, ["old"])), 200);
  assert.equal(status(await client.bulkRemoveAITags(ids, ["Car"])), 200);
  await refuses(client.bulkAddTags([NO_ID], ["x"]), 404);
  assert.deepEqual((await client.bulkDeleteFiles(ids)).successfullyDeletedFileIds, ids);
});

test("copies, moves, renames and purges", async () => {
  await upload("/m", "x.txt", "one");
  await client.copyFile({ sourceFilePath: "/m/x.txt", destinationPath: "/n", includeFileVersions: true });
  await client.moveFile({ sourceFilePath: "/m/x.txt", destinationPath: "/o" });
  const renamed = await client.renameFile({ filePath: "/o/x.txt", newFileName: "y.txt", purgeCache: true });
  assert.equal((await client.getPurgeCacheStatus(renamed.purgeRequestId)).status, "Completed");
  const { url } = (await client.listFiles({ path: "/o" }))[0];
  const purged = await client.purgeCache(url);
  assert.equal(status(purged), 201);
  await refuses(client.moveFile({ sourceFilePath: "/m/x.txt", destinationPath: "/o" }), 404);
  await upload("/o", "z.txt", "two");
  await refuses(client.renameFile({ filePath: "/o/y.txt", newFileName: "z.txt" }), 409);
});

test("folders and their jobs", async () => {
  assert.equal(status(await client.createFolder({ folderName: "new", parentFolderPath: "/top" })), 201);
  await upload("/top/new", "deep.txt", "one");
  const copied = await client.copyFolder({ sourceFolderPath: "/top", destinationPath: "/to", includeFileVersions: true });
  assert.equal((await finished(() => client.getBulkJobStatus(copied.jobId))).type, "COPY_FOLDER");
  const moved = await client.moveFolder({ sourceFolderPath: "/top/new", destinationPath: "/moved" });
  await finished(() => client.getBulkJobStatus(moved.jobId));
  const paths = (await client.listFiles({ searchQuery: 'name = "deep.txt"' })).map((item) => item.filePath);
  assert.deepEqual(paths.sort(), ["/moved/new/deep.txt", "/to/top/new/deep.txt"]);
  await client.deleteFolder("/to");
  await refuses(client.deleteFolder("/to"), 404);
});

test("the distance of two hashes", () => {
  assert.equal(client.pHashDistance("f06830ca9f1e3e90", "f06830ca9f1e3e91"), 1);
});
