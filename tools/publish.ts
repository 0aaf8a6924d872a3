// How do I publish a site? Puts every file of a folder to the origin and tells what became of each.

import { Command } from "commander";
import { publishFolder, type PublishedFile } from "./publish-folder.ts";
import { runCommand } from "./terminal.ts";

interface Options {
  readonly site: string;
  readonly origin?: string;
  readonly token?: string;
  readonly cacheControl?: string;
  readonly all?: true;
  readonly dryRun?: true;
}

/** Rows of the closing table; a site may have thousands of files. */
const ROWS_MAX = 40;

const WHAT_NEXT = `Look at it at "/" of any region, e.g. http://127.0.0.1:8787/ of "npm start". A page that a region has
stored is shown there until its lifetime ends: 60 s, unless --cache-control says otherwise.
Files that are no longer in the folder stay published.`;

const program = new Command("publish")
  .description("Publishes a folder: each file becomes content of the site under its own path.")
  .argument("<folder>", "the folder with index.html in it")
  .option("--site <site>", "the site's name", "main")
  .option("--origin <url>", "the origin's base URL (or SKERRY_ORIGIN)")
  .option("--token <token>", 'an operator token with the scope "publish" (or SKERRY_TOKEN)')
  .option("--cache-control <policy>", 'how caches may keep the files, e.g. "public, max-age=300"')
  .option("--all", "files and folders whose name begins with a dot, too")
  .option("--dry-run", "send nothing, only list what would be sent")
  .parse();

async function main(): Promise<void> {
  const options = program.opts<Options>();
  const isDryRun = options.dryRun === true;
  const [folder = "."] = program.args;
  const files = await publishFolder({
    folder,
    site: options.site,
    ...(isDryRun ? { originUrl: "", token: "" } : destinationOf(options)),
    isDryRun,
    isHiddenIncluded: options.all === true,
    ...(options.cacheControl === undefined ? {} : { cacheControl: options.cacheControl }),
    onFile: process.stdout.isTTY ? showProgress : () => undefined,
  });
  if (process.stdout.isTTY) process.stdout.write("\r\u001b[K");
  report(files, options.site);
}

function destinationOf(options: Options): { originUrl: string; token: string } {
  const originUrl = options.origin ?? process.env["SKERRY_ORIGIN"] ?? "";
  const token = options.token ?? process.env["SKERRY_TOKEN"] ?? "";
  if (originUrl === "") {
    throw new Error("Say where the origin is: --origin URL, or SKERRY_ORIGIN in the environment");
  }
  if (!/^https?:\/\/[^\s/]+/.test(originUrl) || !URL.canParse(originUrl)) {
    throw new Error(
      `"${originUrl}" is not an origin's address: use one like https://origin.example.com`,
    );
  }
  if (token !== "") return { originUrl, token };
  throw new Error(
    'Say who is publishing: --token TOKEN, or SKERRY_TOKEN in the environment; "npm run token -- --operator you --scope publish" makes one',
  );
}

function showProgress(file: PublishedFile, done: number, total: number): void {
  const line = `${done}/${total} ${file.path}`.slice(0, (process.stdout.columns ?? 80) - 1);
  process.stdout.write(`\r\u001b[K${line}`);
}

function report(files: readonly PublishedFile[], site: string): void {
  const failed = files.filter((file) => file.outcome === "failed");
  // What failed is never among the rows that are left out.
  const shown = [...failed, ...files.filter((file) => file.outcome !== "failed")].slice(
    0,
    ROWS_MAX,
  );
  const pathWidth = Math.max(...shown.map((file) => file.path.length));
  for (const file of shown) console.log(rowOf(file, pathWidth));
  if (files.length > shown.length) console.log(`… and ${files.length - shown.length} more`);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const isDryRun = files.some((file) => file.outcome === "planned");
  const done = files.length - failed.length;
  console.log(
    `${isDryRun ? "Would publish" : "Published"} ${done} of ${files.length} files, ${sizeOf(bytes)}, to the site "${site}"`,
  );
  if (!isDryRun && done > 0) console.log(WHAT_NEXT);
  if (failed.length > 0)
    throw new Error(`${failed.length} of ${files.length} files were not published`);
}

function rowOf(file: PublishedFile, pathWidth: number): string {
  const what =
    file.outcome === "failed" ? file.error : "contentType" in file ? file.contentType : "";
  const row = `${file.outcome.padEnd(8)}  ${file.path.padEnd(pathWidth)}  ${sizeOf(file.bytes).padStart(9)}  ${what}`;
  return row.trimEnd();
}

function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024
    ? `${(bytes / 1024).toFixed(1)} KiB`
    : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

await runCommand(main);
