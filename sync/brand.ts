// Which plain values carry a proof with them? A brand is a type that only its parser can make, so
// that a checked device id and any other string cannot be mixed up.

declare const brand: unique symbol;

/** Marks `Base` as checked under the name `Name`; made only by a parser or a named constructor. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** A device's id: `[A-Za-z0-9._-]{1,64}`, and not "." or "..", which a URL's path cannot carry. */
export type DeviceId = Brand<string, "DeviceId">;

/** A stream's name, one measured quantity of a device: `[a-z][a-z0-9_]{0,63}`. */
export type StreamName = Brand<string, "StreamName">;

/** A replica's id, `region/range`: for example `hel/00-ff`. */
export type ReplicaId = Brand<string, "ReplicaId">;

/** Returns the device id, or null if `text` is not a legal one. */
export function parseDeviceId(text: string): DeviceId | null {
  if (text === "." || text === "..") return null;
  return /^[A-Za-z0-9._-]{1,64}$/.test(text) ? (text as DeviceId) : null;
}

/** Returns the stream's name, or null if `text` is not a legal one. */
export function parseStreamName(text: string): StreamName | null {
  return /^[a-z][a-z0-9_]{0,63}$/.test(text) ? (text as StreamName) : null;
}

/** Returns the replica's id, or null if `text` is not `region/range` with `[a-z0-9-]` parts. */
export function parseReplicaId(text: string): ReplicaId | null {
  return /^[a-z0-9-]{1,32}\/[a-z0-9-]{1,32}$/.test(text) ? (text as ReplicaId) : null;
}
