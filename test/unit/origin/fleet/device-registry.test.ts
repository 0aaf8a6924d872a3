// Does the registry say of its devices what was done to them, also after it was opened again, and
// within its bound?

import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceRegistry, takeOver } from "../../../../origin/fleet/device-registry.ts";
import { attributes, devices, REGION_COLLECTIONS, revoked } from "../../../../state/region.ts";
import { HubReplica } from "../../../../sync/replica/hub-replica.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";
import { region } from "../../../support/region-replicas.ts";

const NOW_MS = Date.UTC(2026, 10, 21);

function openReplica(store = new MemoryReplicaStore()): HubReplica {
  let link = 0;
  return new HubReplica({
    collections: REGION_COLLECTIONS,
    store,
    newNumber: () => (link += 1),
    leaseMs: 1_000_000,
  });
}

function open(store = new MemoryReplicaStore(), devicesMax = 100): DeviceRegistry {
  return new DeviceRegistry(openReplica(store), { devicesMax, namesMax: 1_000 });
}

const namesOf = ({ devices: page }: ReturnType<DeviceRegistry["list"]>) =>
  page.map(({ device }) => device).join(" ");

test("register() adds a device once, and find() says what is known of it", () => {
  const registry = open();
  const device = {
    device: "boat-1",
    generation: 1,
    registeredMs: NOW_MS,
    isDisabled: false,
    name: null,
    group: null,
  };
  assert.deepEqual(registry.register("boat-1", NOW_MS), {
    kind: "registered",
    isNew: true,
    device,
  });
  const again = registry.register("boat-1", NOW_MS + 1);
  assert.deepEqual(again, { kind: "registered", isNew: false, device });
  assert.deepEqual(registry.find("boat-1"), device);
  assert.equal(registry.find("boat-2"), null);
});

test("list() pages by name, whatever the order of registration, and after a device that is gone", () => {
  const store = new MemoryReplicaStore();
  const registry = open(store);
  for (const name of ["m", "b", "z", "B", "a", "boat-10", "boat-9"])
    registry.register(name, NOW_MS);
  for (const opened of [registry, open(store)]) {
    const first = opened.list("", 4);
    assert.deepEqual([namesOf(first), first.hasMore], ["B a b boat-10", true]);
    const last = opened.list("boat-10", 3);
    assert.deepEqual([namesOf(last), last.hasMore], ["boat-9 m z", false]);
    assert.equal(namesOf(opened.list("boat", 2)), "boat-10 boat-9");
    assert.equal(namesOf(opened.list("zz", 2)), "");
  }
});

test("rotate() revokes every generation so far, and a revocation of a region counts", () => {
  const replica = openReplica();
  const registry = new DeviceRegistry(replica, { devicesMax: 10, namesMax: 10 });
  registry.register("boat-1", NOW_MS);
  assert.equal(registry.rotate("boat-1", NOW_MS)?.generation, 2);
  assert.equal(replica.read(revoked, "boat-1"), 1);
  replica.write(NOW_MS, (draft) => draft.write(revoked, "boat-1", 7));
  assert.equal(registry.find("boat-1")?.generation, 8);
  assert.equal(registry.rotate("boat-1", NOW_MS)?.generation, 9);
  assert.equal(registry.rotate("boat-2", NOW_MS), null);
});

test("change() says, and takes back, what is said of a device", () => {
  const registry = open();
  registry.register("boat-1", NOW_MS);
  const said = registry.change(
    "boat-1",
    { disabled: true, name: "Aava", group: "harbour" },
    NOW_MS,
  );
  assert.deepEqual([said?.isDisabled, said?.name, said?.group], [true, "Aava", "harbour"]);
  const less = registry.change("boat-1", { disabled: false, group: null }, NOW_MS);
  assert.deepEqual([less?.isDisabled, less?.name, less?.group], [false, "Aava", null]);
  assert.equal(registry.change("boat-2", { disabled: true }, NOW_MS), null);
});

test("decommission() leaves only that the credentials are refused, also once it is registered anew", () => {
  const replica = openReplica();
  const registry = new DeviceRegistry(replica, { devicesMax: 10, namesMax: 10 });
  registry.register("boat-1", NOW_MS);
  registry.change("boat-1", { disabled: true, name: "Aava" }, NOW_MS);
  assert.equal(registry.decommission("boat-1", NOW_MS), true);
  assert.equal(registry.decommission("boat-1", NOW_MS), false);
  assert.deepEqual([replica.readAll(devices).size, replica.readAll(attributes).size], [0, 0]);
  assert.equal(replica.read(revoked, "boat-1"), 1);
  assert.equal(namesOf(registry.list("", 10)), "");
  registry.register("boat-1", NOW_MS + 5);
  const { generation, isDisabled, name, registeredMs } = registry.find("boat-1") ?? {};
  assert.deepEqual(
    { generation, isDisabled, name, registeredMs },
    { generation: 2, isDisabled: false, name: null, registeredMs: NOW_MS + 5 },
  );
});

test("P8: a full registry refuses another device, until one is taken out", () => {
  const registry = open(new MemoryReplicaStore(), 2);
  for (const name of ["a", "b"]) registry.register(name, NOW_MS);
  assert.equal(registry.register("c", NOW_MS).kind, "full");
  assert.equal(registry.register("a", NOW_MS).kind, "registered");
  registry.decommission("a", NOW_MS);
  assert.equal(registry.register("c", NOW_MS).kind, "registered");
});

test("takeOver() keeps names, dates and generations, and a region gets them all", async () => {
  const store = new MemoryReplicaStore();
  const rows = Array.from({ length: 12_000 }, (_, i) => ({
    device: `boat-${String(i).padStart(5, "0")}`,
    generation: 1 + (i % 2),
    registeredMs: NOW_MS - i,
  }));
  const replica = openReplica(store);
  takeOver(replica, rows, NOW_MS);
  const hel = region("hel", replica, () => NOW_MS);
  await hel.untilAtRest();
  assert.equal(hel.replica.readAll(devices).size, rows.length);
  assert.equal(hel.replica.readAll(revoked).size, rows.length / 2);
  const opened = openReplica(store);
  assert.equal(opened.isWhole, true);
  const registry = new DeviceRegistry(opened, { devicesMax: 100_000, namesMax: 100_000 });
  const [last] = registry.list("boat-11998", 10).devices;
  assert.equal(last?.registeredMs, NOW_MS - 11_999);
  assert.deepEqual(
    ["boat-00000", "boat-00001"].map((name) => registry.find(name)?.generation),
    [1, 2],
  );
});

test("P8 what is refused of devices that are gone is bounded: past it only an old name is taken", () => {
  const replica = openReplica();
  const registry = new DeviceRegistry(replica, { devicesMax: 3, namesMax: 5 });
  for (let i = 0; i < 5; i += 1) {
    assert.equal(registry.register(`boat-${i}`, NOW_MS).kind, "registered");
    assert.equal(registry.decommission(`boat-${i}`, NOW_MS), true);
  }
  assert.deepEqual(registry.register("boat-5", NOW_MS), { kind: "full", what: "names" });
  const again = registry.register("boat-2", NOW_MS);
  assert.ok(again.kind === "registered");
  assert.equal(again.device.generation, 2, "and its old credentials stay refused");
  assert.deepEqual(registry.register("boat-6", NOW_MS), { kind: "full", what: "names" });
  registry.rotate("boat-2", NOW_MS);
  assert.equal(replica.readAll(revoked).size, 5);
  const reopened = new DeviceRegistry(replica, { devicesMax: 3, namesMax: 6 });
  assert.equal(reopened.register("boat-7", NOW_MS).kind, "registered");
  assert.deepEqual(reopened.register("boat-8", NOW_MS), { kind: "full", what: "names" });
});

test("what a region refuses counts among the names, as soon as it has told", async () => {
  const replica = openReplica();
  const registry = new DeviceRegistry(replica, { devicesMax: 9, namesMax: 2 });
  const hel = region("hel", replica);
  hel.replica.write(NOW_MS, (draft) => draft.write(revoked, "stolen", 1));
  assert.equal(registry.register("boat-1", NOW_MS).kind, "registered");
  await hel.untilAtRest();
  assert.deepEqual(registry.register("boat-2", NOW_MS), { kind: "full", what: "names" });
  assert.equal(registry.register("stolen", NOW_MS).kind, "registered");
});
