// @imagekit/nodejs 7, unmodified: files, versions, bulk operations, purges, and the status of every answer (API 3.1).

import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { after, test } from "node:test";
import ImageKit, { toFile } from "@imagekit/nodejs";
import { NO_ID, assertCalled, photo, photoBytes, privateKey, recorded, server, urlEndpoint } from "./support.mjs";
import { nodejs7 } from "./tables.mjs";

const called = new Set();
const client = recorded(new ImageKit({ privateKey, baseURL: server, maxRetries: 0 }), called);
after(() => assertCalled(called, nodejs7.files));

async function upload(where, content, options = {}) {
  const cut = where.lastIndexOf("/");
  return client.files.upload({
    file: await toFile(Buffer.from(content), "part"),
    fileName: where.slice(cut + 1),
    folder: where.slice(0, cut) || "/",
    useUniqueFileName: false,
    ...options,
  });
}

test("uploads a stream, a buffer, base64 and a URL", async () => {
  const made = await client.files.upload({
    file: createReadStream(photo("coffee.jpg")),
    fileName: "Morning coffee.jpg",
    folder: "/drinks/hot",
    tags: ["coffee", "cup"],
    useUniqueFileName: false,
    customCoordinates: "1,2,30,40",
    responseFields: ["tags", "customCoordinates"],
    extensions: [{ name: "google-auto-tagging", minConfidence: 70, maxTags: 5 }],
  });
  assert.equal(made.filePath, "/drinks/hot/Morning_coffee.jpg");
  assert.deepEqual([made.tags, made.customCoordinates], [["coffee", "cup"], "1,2,30,40"]);
  assert.equal(made.versionInfo.id, made.fileId);
  assert.deepEqual(made.extensionStatus, { "google-auto-tagging": "pending" });

  const bytes = photoBytes("cat.jpg");
  const fromBuffer = await upload("/cat.jpg", bytes);
  const fromText = await client.files.upload({ file: bytes.toString("base64"), fileName: "cat.jpg" });
  const fromUri = await client.files.upload({
    file: `data:image/jpeg;base64,${bytes.toString("base64")}`,
    fileName: "cat.jpg",
  });
  const fromUrl = await client.files.upload({ file: `${urlEndpoint}/cat.jpg`, fileName: "cat.jpg" });
  for (const other of [fromBuffer, fromText, fromUri, fromUrl]) {
    assert.deepEqual([other.width, other.size, other.fileType], [1024, bytes.length, "image"]);
  }
  assert.notEqual(fromText.name, "cat.jpg");
});

test("reads, updates, lists, searches and deletes", async () => {
  const made = await upload("/notes/a.txt", "one", { tags: ["old"] });
  const changed = await client.files.update(made.fileId, { tags: ["new"], description: "A note" });
  assert.deepEqual([changed.tags, changed.description], [["new"], "A note"]);
  assert.equal((await client.files.get(made.fileId)).mime, "text/plain");
  assert.deepEqual((await client.assets.list({ path: "/notes" })).map((item) => item.fileId), [made.fileId]);
  const found = await client.assets.list({ searchQuery: 'name : "a." AND tags IN ["new"]', sort: "DESC_NAME" });
  assert.deepEqual(found.map((item) => item.filePath), ["/notes/a.txt"]);
  assert.deepEqual((await client.assets.list({ type: "folder", limit: 1, skip: 0 })).map((item) => item.type), ["folder"]);
  const hidden = await client.files.update(made.fileId, { publish: { isPublished: false } });
  assert.equal(hidden.isPublished, false);
  const gone = await client.files.delete(made.fileId).asResponse();
  assert.deepEqual([gone.status, await gone.text()], [204, ""]);
  await assert.rejects(client.files.get(made.fileId), ImageKit.NotFoundError);
});

test("versions", async () => {
  const first = await upload("/v.txt", "one");
  const second = await upload("/v.txt", "three");
  const one = { fileId: first.fileId };
  assert.deepEqual(
    (await client.files.versions.list(first.fileId)).map((item) => [item.type, item.versionInfo.name]),
    [["file", "Version 2"], ["file-version", "Version 1"]],
  );
  assert.equal((await client.files.versions.get(first.fileId, one)).size, 3);
  await assert.rejects(client.files.versions.delete(second.versionInfo.id, one), /You cannot delete current version/);
  assert.equal((await client.files.versions.restore(first.fileId, one)).versionInfo.name, "Version 1");
  assert.equal((await client.files.versions.delete(second.versionInfo.id, one).asResponse()).status, 204);
});

test("bulk tags and bulk deletion", async () => {
  const fileIds = [];
  for (const name of ["1", "2", "3"]) fileIds.push((await upload(`/bulk/${name}.txt`, name, { tags: ["old"] })).fileId);
  assert.deepEqual(await client.files.bulk.addTags({ fileIds, tags: ["new"] }), { successfullyUpdatedFileIds: fileIds });
  assert.equal((await client.files.bulk.removeTags({ fileIds, tags: ["old"] }).asResponse()).status, 200);
  assert.equal((await client.files.bulk.removeAITags({ fileIds, AITags: ["Car"] }).asResponse()).status, 200);
  assert.deepEqual((await client.files.get(fileIds[0])).tags, ["new"]);
  await assert.rejects(client.files.bulk.delete({ fileIds: [...fileIds, NO_ID] }), (error) => {
    assert.deepEqual([error.status, error.error.missingFileIds], [404, [NO_ID]]);
    return true;
  });
  assert.deepEqual(await client.files.bulk.delete({ fileIds }), { successfullyDeletedFileIds: fileIds });
});

test("copies, moves, renames and purges", async () => {
  await upload("/m/x.txt", "one");
  const copy = { sourceFilePath: "/m/x.txt", destinationPath: "/n", includeFileVersions: true };
  assert.equal((await client.files.copy(copy).asResponse()).status, 204);
  const move = { sourceFilePath: "/m/x.txt", destinationPath: "/o" };
  assert.equal((await client.files.move(move).asResponse()).status, 204);
  const renamed = await client.files.rename({ filePath: "/o/x.txt", newFileName: "y.txt", purgeCache: true });
  assert.equal((await client.cache.invalidation.get(renamed.purgeRequestId)).status, "Completed");
  const purge = client.cache.invalidation.create({ url: `${urlEndpoint}/o/y.txt` });
  assert.equal((await purge.asResponse()).status, 201);
  await assert.rejects(client.files.move(move), (error) => {
    assert.ok(error instanceof ImageKit.NotFoundError);
    assert.equal(error.error.reason, "SOURCE_FILE_MISSING");
    return true;
  });
  await upload("/o/z.txt", "two");
  await assert.rejects(client.files.rename({ filePath: "/o/y.txt", newFileName: "z.txt" }), ImageKit.ConflictError);
});

test("errors are of the class of their status", async () => {
  await assert.rejects(client.assets.list({ limit: 0 }), ImageKit.BadRequestError);
  const stranger = new ImageKit({ privateKey: "private_wrong", baseURL: server, maxRetries: 0 });
  await assert.rejects(stranger.assets.list(), ImageKit.PermissionDeniedError);
  const nobody = new ImageKit({ privateKey: "", baseURL: server, maxRetries: 0, defaultHeaders: { Authorization: null } });
  await assert.rejects(nobody.assets.list(), ImageKit.AuthenticationError);
});
