// What do the documents tell a person to type, and what do they say the answer is?

import { execFileSync } from "node:child_process";
import { readFile } from "./repository.ts";

/** One command of a document and the answer that stands below it. */
export interface ShownCommand {
  readonly command: string;
  readonly answer: string;
}

/** Reads the `console` blocks of a document: "$ command" lines, each with its answer. */
export function shownCommands(file: string): readonly ShownCommand[] {
  return blocks(file, "console").flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((shown) => {
        const [command = "", ...answer] = shown.trimEnd().split("\n");
        return { command, answer: answer.join("\n") };
      }),
  );
}

/** Reads the lines of the `sh` blocks below a heading of a document. */
export function commandsBelow(file: string, heading: string): readonly string[] {
  const section =
    readFile(file)
      .split(/^## /m)
      .find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) =>
    block.trim().split("\n"),
  );
}

/**
 * Runs a command as a person would, with variables set and documented hosts replaced by real ones.
 *
 * @returns What it printed and what the document says, both without what differs from run to run.
 */
export function runShown(
  { command, answer }: ShownCommand,
  variables: Readonly<Record<string, string>>,
  hosts: Readonly<Record<string, string>>,
  cwd: string,
): [printed: string, shown: string] {
  let line = command;
  for (const [host, url] of Object.entries(hosts)) line = line.replaceAll(host, new URL(url).host);
  const printed = execFileSync("bash", ["-c", line], {
    cwd,
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, ...variables },
  });
  return [withoutRun(printed), withoutRun(answer)];
}

/** Leaves out of an answer what differs from run to run: times, random ids, ages, progress. */
export function withoutRun(answer: string): string {
  return answer
    .replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z/g, "TIME")
    .replace(/"(replicaEpoch|silentMs)":\d+/g, '"$1":N')
    .replace(/ttl=\d+/g, "ttl=N")
    .trim();
}

function blocks(file: string, language: string): readonly string[] {
  return [
    ...readFile(file).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm")),
  ].map(([, block = ""]) => block);
}
