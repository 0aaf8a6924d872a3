// Where do the peers come from? From Debian's packages, downloaded as apt knows and checks them and
// unpacked into a folder of the bench: nothing is installed, and libraries that the system lacks come
// along. Whatever does not work out is an error that says so; no peer is left out silently.

import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { LaunchError } from "../../tools/launcher/launch-error.ts";

const run = promisify(execFile);
const COMMAND_MS_MAX = 300_000;

/** What is asked for by name. PostgreSQL's compiler for queries (libllvm) is not needed for COPY. */
const PACKAGES = ["influxdb", "redis-server", "redis-tools", "postgresql-15", "strace"];
const NEEDLESS = /-dev$|-perl$|^libperl|^libllvm/;

/** The unpacked packages. */
export interface Packages {
  readonly root: string;
  /** LD_LIBRARY_PATH of every program in it. */
  readonly libraryPath: string;
  /** By package: what was unpacked, as file names with versions. */
  readonly files: readonly string[];
}

/** Downloads and unpacks what is not there yet. */
export async function unpackPeers(
  folder: string,
  packages: readonly string[] = PACKAGES,
): Promise<Packages> {
  const root = path.join(folder, "root");
  const done = path.join(folder, "unpacked");
  const archives = path.join(folder, "archives");
  if (!existsSync(done)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(archives, { recursive: true });
    mkdirSync(root);
    const names = [...packages, ...(await missingLibraries(packages))];
    const args = ["-o", "APT::Sandbox::User=root", "download", ...names];
    await command("apt-get", args, archives, packages);
    for (const file of globSync("*.deb", { cwd: archives }))
      await command("dpkg-deb", ["-x", path.join(archives, file), root], archives, packages);
    writeFileSync(done, "");
  }
  const folders = globSync("{usr/lib,lib}/*-linux-gnu*", { cwd: root });
  return {
    root,
    libraryPath: folders.map((library) => path.join(root, library)).join(":"),
    files: readdirSync(archives),
  };
}

/** Asks apt, which only simulates, what this system would need beside the packages. */
async function missingLibraries(packages: readonly string[]): Promise<string[]> {
  const args = ["-s", "--no-install-recommends", "install", ...packages];
  const output = await command("apt-get", args, "/", packages);
  const inst = output.matchAll(/^Inst (lib\S+)/gm);
  return [...inst].map(([, name = ""]) => name).filter((name) => !NEEDLESS.test(name));
}

async function command(
  name: string,
  args: readonly string[],
  cwd: string,
  packages: readonly string[],
): Promise<string> {
  try {
    const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
    return (await run(name, args, { cwd, env, timeout: COMMAND_MS_MAX })).stdout;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const why = text.split("\n").find((line) => line.startsWith("E:")) ?? text.split("\n")[0] ?? "";
    throw new LaunchError(
      `The peers are not there: "${name} ${args.at(-1) ?? ""}" failed (${why}). They are Debian's packages ${packages.join(", ")}: run "apt-get update", or leave them out with --only skerry`,
      { cause: error },
    );
  }
}
