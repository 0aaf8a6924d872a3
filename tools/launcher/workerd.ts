// How is one Worker run on bare workerd? Writes the configuration, starts the one pinned binary and
// waits until it listens. Secrets travel in the environment and never reach the disk.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Child } from "./children.ts";
import { LaunchError } from "./launch-error.ts";
import { startLogged } from "./process-log.ts";

/** What one workerd process serves. */
export interface WorkerdSpec {
  /** The folder of the configuration, the log and, under `do/`, the Durable Objects' files. */
  readonly dir: string;
  readonly name: string;
  /** Absolute path of the bundle. */
  readonly bundle: string;
  readonly compatibilityDate: string;
  readonly host: string;
  readonly port: number;
  readonly text: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly objects: readonly { readonly name: string; readonly className: string }[];
  readonly cfHeader?: boolean;
  /** The port of a second isolate of the same Worker, which has the first one's objects. */
  readonly twinPort?: number;
}

const SECRET_PREFIX = "SKERRY_";

/**
 * V8's own bounds are those of a page: under a stream of batches what is in flight survives a young
 * generation of 16 MB, and all that survives is collected with every request standing still. Megabytes;
 * docs/decisions/0031 has what it does and what it costs.
 */
export const V8_FLAGS: readonly string[] = [
  "--min-semi-space-size=64",
  "--max-semi-space-size=64",
  "--initial-old-space-size=128",
];

/** Finds the binary of the `workerd` package that Miniflare pins. */
export function workerdPath(): string {
  const missing = 'The workerd binary is missing: run "npm ci" on this machine';
  try {
    const near = createRequire(createRequire(import.meta.url).resolve("miniflare"));
    const found = near("workerd") as { readonly default?: string };
    if (found.default !== undefined && existsSync(found.default)) return found.default;
  } catch (error) {
    throw new LaunchError(missing, { cause: error });
  }
  throw new LaunchError(missing);
}

/** Starts workerd with `spec`. Resolves at once; ask the port whether it serves. */
export function spawnWorkerd(spec: WorkerdSpec): Child {
  mkdirSync(path.join(spec.dir, "do"), { recursive: true });
  const config = path.join(spec.dir, `${spec.name}.capnp`);
  writeFileSync(config, workerdConfig(spec));
  const env = { ...process.env, ...prefixed(spec.secrets) };
  return startLogged(
    logPath(spec),
    (log) => new Child(workerdPath(), ["serve", config], { stdio: ["ignore", log, log], env }),
  );
}

export function logPath(spec: WorkerdSpec): string {
  return path.join(spec.dir, `${spec.name}.log`);
}

/** Writes the configuration of `spec` in workerd's language. */
export function workerdConfig(spec: WorkerdSpec): string {
  const bindings = bindingsOf(spec, (className) => quote(className));
  // Stable keys: the files of a Durable Object class are found again by them.
  const classes = spec.objects.map(
    ({ className }) =>
      `(className = ${quote(className)}, uniqueKey = ${quote(`skerry-${className}`)}, enableSql = true)`,
  );
  // Off but in tests: the header makes request.cf, and any client could set it, while a place
  // decides where data stays.
  const http = spec.cfHeader === true ? `(cfBlobHeader = "MF-CF-Blob")` : "()";
  const socket = (name: string, port: number, service: string): string =>
    `(name = ${quote(name)}, address = ${quote(`${spec.host}:${port}`)}, http = ${http}, service = ${quote(service)})`;
  const { twinPort } = spec;
  const sockets = [
    socket("http", spec.port, "main"),
    ...(twinPort === undefined ? [] : [socket("twin", twinPort, "twin")]),
  ];
  const twin = twinPort === undefined ? "" : twinWorker(spec);
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),${twin === "" ? "" : '\n    (name = "twin", worker = .twin),'}
    (name = "disk", disk = (path = ${quote(path.join(spec.dir, "do"))}, writable = true)),
    (name = "internet", network = (allow = ["public", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [
    ${sockets.join(",\n    ")}
  ],
  v8Flags = [${V8_FLAGS.map(quote).join(", ")}],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed ${quote(path.relative(spec.dir, spec.bundle))})],
  compatibilityDate = ${quote(spec.compatibilityDate)},
  bindings = [
    ${bindings.join(",\n    ")}
  ],
  durableObjectNamespaces = [
    ${classes.join(",\n    ")}
  ],
  ${classes.length === 0 ? "" : 'durableObjectStorage = (localDisk = "disk"),\n  '}globalOutbound = "internet",
);
${twin}`;
}

function bindingsOf(spec: WorkerdSpec, namespaceOf: (className: string) => string): string[] {
  return [
    ...spec.objects.map(
      ({ name, className }) =>
        `(name = ${quote(name)}, durableObjectNamespace = ${namespaceOf(className)})`,
    ),
    ...Object.entries(spec.text).map(
      ([name, text]) => `(name = ${quote(name)}, text = ${quote(text)})`,
    ),
    ...Object.keys(spec.secrets).map(
      (name) => `(name = ${quote(name)}, fromEnvironment = ${quote(SECRET_PREFIX + name)})`,
    ),
  ];
}

/** The same Worker once more, with the objects of the first: what two isolates of one region are. */
function twinWorker(spec: WorkerdSpec): string {
  const bindings = bindingsOf(
    spec,
    (className) => `(className = ${quote(className)}, serviceName = "main")`,
  );
  return `
const twin :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed ${quote(path.relative(spec.dir, spec.bundle))})],
  compatibilityDate = ${quote(spec.compatibilityDate)},
  bindings = [
    ${bindings.join(",\n    ")}
  ],
  globalOutbound = "internet",
);
`;
}

function prefixed(secrets: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [SECRET_PREFIX + name, value]),
  );
}

/** Cap'n Proto text knows C's escapes, of which JSON's are these; the rest goes as UTF-8. */
function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
