// Is what was published purged behind it, and does the publisher learn when it was not?

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContentBucket, ObjectInfo, PurgeContent } from "../../../origin/content-ports.ts";
import { publishContent, withdrawContent } from "../../../origin/publish-content.ts";

const PLACE = { site: "main", path: "a.txt" };
const POLICY = { contentType: "text/plain", cacheControl: "max-age=60" };

/** A bucket in memory that writes down what is done, and in which order. */
class World {
  readonly done: string[] = [];
  isPurgeBroken = false;
  readonly #objects = new Map<string, ObjectInfo>();

  readonly bucket: ContentBucket<string> = {
    head: async (key) => this.#objects.get(key) ?? null,
    get: async () => null,
    put: async (key, body, policy) => {
      if (body === "broken") return { kind: "failed" };
      this.done.push(`put ${key}`);
      const info = { ...policy, etag: '"1"', bytes: body.length, publishedMs: 0 };
      this.#objects.set(key, info);
      return { kind: "stored", info };
    },
    delete: async (key) => {
      this.done.push(`delete ${key}`);
      this.#objects.delete(key);
    },
  };

  readonly purge: PurgeContent = async (site, path) => {
    if (this.isPurgeBroken) throw new Error("no registry");
    this.done.push(`purge ${site}/${path}`);
  };

  async publish(body: string): Promise<number> {
    const came = await publishContent(PLACE, POLICY, body, this.bucket, this.purge);
    return came.kind === "problem" ? came.problem.status : came.isNew ? 201 : 200;
  }

  async withdraw(): Promise<number> {
    const came = await withdrawContent(PLACE, this.bucket, this.purge);
    return came.kind === "problem" ? came.problem.status : came.wasThere ? 204 : 404;
  }
}

test("a page is purged after it is stored or deleted, never before", async () => {
  const world = new World();
  assert.deepEqual([await world.publish("one"), await world.publish("two")], [201, 200]);
  assert.equal(await world.withdraw(), 204);
  const twice = ["put main/a.txt", "purge main/a.txt"];
  assert.deepEqual(world.done, [...twice, ...twice, "delete main/a.txt", "purge main/a.txt"]);
});

test("what is not stored is not purged", async () => {
  const world = new World();
  assert.equal(await world.publish("broken"), 503);
  assert.deepEqual(world.done, []);
});

test("a purge that fails is a 503 that says what to do, and the request sent again purges", async () => {
  const world = new World();
  world.isPurgeBroken = true;
  const came = await publishContent(PLACE, POLICY, "one", world.bucket, world.purge);
  assert.ok(came.kind === "problem");
  assert.deepEqual([came.problem.status, came.problem.code], [503, "not-purged"]);
  assert.match(came.problem.detail, /stored but not purged: send it again/);
  assert.equal(await world.withdraw(), 503);
  world.isPurgeBroken = false;
  assert.equal(await world.withdraw(), 404);
  assert.equal(await world.publish("one"), 201);
  assert.deepEqual(world.done.slice(-3), [
    "purge main/a.txt",
    "put main/a.txt",
    "purge main/a.txt",
  ]);
});
