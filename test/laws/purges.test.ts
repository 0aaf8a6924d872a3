// Goal: P5 whatever is purged, by whom and how often: what a purge means and was stored before it was
// known is never served again; and however many there were, the next one is not one of everything.
// Method: random schedules of two writers with room for few names, against an oracle that compares
// the texts of URLs and knows no marks.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PurgeBook } from "../../edge/cache/purge-book.ts";
import type { StoredMeta } from "../../edge/cache/stored-response.ts";
import { scopesOf, type PurgeRequest } from "../../edge/purge-scopes.ts";
import { RegionReplica } from "../../edge/region-replica.ts";
import { purges } from "../../state/region.ts";
import type { ReplicaId } from "../../sync/brand.ts";
import { MemoryReplicaStore } from "../../sync/replica/store.ts";
import { PLAIN_POLICY } from "../support/stored-policy.ts";

const SITES = { "a.example": "main", "b.example": "docs" };
const HOSTS = { main: "a.example", docs: "b.example" } as const;

interface Page {
  readonly site: keyof typeof HOSTS;
  readonly path: string;
  readonly tag: string;
}

interface Stored {
  readonly page: Page;
  readonly meta: StoredMeta;
  /** How many purges were known when it was asked for. */
  readonly known: number;
}

/** Tells what a request means, by its words alone. */
function means(
  { urls = [], prefixes = [], hosts = [], tags = [], all }: PurgeRequest,
  page: Page,
): boolean {
  const host = HOSTS[page.site];
  const url = `https://${host}${page.path}`;
  return (
    all === true ||
    urls.includes(url) ||
    prefixes.some((prefix) => url.startsWith(prefix)) ||
    hosts.includes(host) ||
    tags.includes(page.tag)
  );
}

const page = fc.record({
  site: fc.constantFrom<Page["site"]>("main", "docs"),
  path: fc.tuple(fc.nat(5), fc.nat(5)).map(([a, b]) => `/f${a}/p${b}`),
  tag: fc.nat(9).map((i) => `t${i}`),
});
const urlOf = ({ site, path }: Page): string => `https://${HOSTS[site]}${path}`;
const request: fc.Arbitrary<PurgeRequest> = fc.oneof(
  { weight: 6, arbitrary: page.map((one): PurgeRequest => ({ urls: [urlOf(one)] })) },
  {
    weight: 4,
    arbitrary: fc.tuple(page, fc.nat(6)).map(([one, cut]): PurgeRequest => ({
      prefixes: [urlOf(one).slice(0, urlOf(one).length - cut)],
    })),
  },
  { weight: 4, arbitrary: page.map(({ tag }): PurgeRequest => ({ tags: [tag] })) },
  { weight: 1, arbitrary: page.map(({ site }): PurgeRequest => ({ hosts: [HOSTS[site]] })) },
  { weight: 1, arbitrary: fc.constant<PurgeRequest>({ all: true }) },
);
const action = fc.oneof(
  fc.record({ kind: fc.constant("purge" as const), here: fc.boolean(), request }),
  fc.record({ kind: fc.constant("fill" as const), page }),
  fc.record({ kind: fc.constant("hear" as const) }),
);

function openRegion(name: string, namedMax: number): RegionReplica {
  let epoch = 0;
  const store = new MemoryReplicaStore();
  return new RegionReplica(
    name,
    `${name}/region` as ReplicaId,
    store,
    () => (epoch += 1),
    namedMax,
  );
}

/** A region that purges and stores, and another one of whose purges it hears now and then. */
class World {
  readonly #here: RegionReplica;
  readonly #away: RegionReplica;
  readonly #stored: Stored[] = [];
  readonly #known: PurgeRequest[] = [];
  #unheard: PurgeRequest[] = [];

  constructor(namedMax: number) {
    this.#here = openRegion("hel", namedMax);
    this.#away = openRegion("tll", namedMax);
  }

  book(): PurgeBook {
    const lease = this.#here.lease("");
    assert.ok(lease !== null);
    return new PurgeBook(lease);
  }

  purge(isHere: boolean, asked: PurgeRequest): void {
    const scopes = scopesOf(asked, SITES);
    assert.ok(scopes.ok);
    (isHere ? this.#here : this.#away).purge(1, scopes.value);
    (isHere ? this.#known : this.#unheard).push(asked);
  }

  hear(): void {
    const marks = this.#away.readAll(purges);
    this.#here.write(1, (draft) => {
      for (const [key, seq] of marks) draft.write(purges, key, seq);
    });
    // As absorb() does: what the lease says has changed.
    this.#here.revoke(1, "boat-1", 1);
    this.#known.push(...this.#unheard);
    this.#unheard = [];
  }

  fill(one: Page): void {
    const meta: StoredMeta = {
      ...PLAIN_POLICY,
      status: 200,
      fields: [["cache-tag", one.tag]],
      bodyBytes: 1,
      requestMs: 1,
      responseMs: 1,
      purgeView: this.book().view,
    };
    this.#stored.push({ page: one, meta, known: this.#known.length });
  }

  check(): void {
    const book = this.book();
    for (const { page: one, meta, known } of this.#stored) {
      const later = this.#known.slice(known);
      const isPurged = book.isPurged(`${one.site}|${one.path}`, meta);
      if (later.some((asked) => means(asked, one)))
        assert.ok(isPurged, `${urlOf(one)} is served after its purge`);
      if (later.length === 0) assert.ok(!isPurged, "what nothing was purged after stays");
    }
  }

  /** How many of the pages that are stored are dead. */
  dead(): number {
    const book = this.book();
    return this.#stored.filter(({ page: one, meta }) =>
      book.isPurged(`${one.site}|${one.path}`, meta),
    ).length;
  }
}

test("P5 what was purged after it was stored is dead, whatever shares its mark", () => {
  fc.assert(
    fc.property(fc.nat(6), fc.array(action, { maxLength: 40 }), (namedMax, actions) => {
      const world = new World(namedMax);
      for (const one of actions) {
        if (one.kind === "purge") world.purge(one.here, one.request);
        else if (one.kind === "fill") world.fill(one.page);
        else world.hear();
        world.check();
      }
    }),
    { numRuns: 400 },
  );
});

test("P8 past the bound of names a purge leaves nearly everything that it does not mean", () => {
  const world = new World(10);
  for (let i = 0; i < 40; i += 1) world.purge(true, { tags: [`old${i}`] });
  for (let i = 0; i < 1_000; i += 1)
    world.fill({ site: "main", path: `/news/page-${i}`, tag: `t${i}` });
  assert.equal(world.dead(), 0, "what is stored from then on lives");
  world.purge(true, { tags: ["new"], urls: ["https://a.example/news/page-7"] });
  assert.ok(world.dead() >= 1 && world.dead() <= 10, `${world.dead()} of 1,000`);
  world.purge(true, { prefixes: ["https://a.example/shop/"] });
  assert.ok(world.dead() <= 100, `${world.dead()} of 1,000`);
});
