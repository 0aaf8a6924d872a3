// Does another process use this folder? Two would write over each other's batches. The lock is a
// listening socket without a file (abstract; on Windows a pipe), because the system gives it back
// however the process ends: a lock file would stay behind after a power cut. Elsewhere: no lock.

import fs from "node:fs";
import net from "node:net";

/** Takes the folder for this process, or throws. Returns how to give it back. */
export async function takeFolder(folder: string): Promise<() => void> {
  const { dev, ino } = fs.statSync(folder);
  const name = `skerry-device-${dev}-${ino}`;
  const addresses: Partial<Record<NodeJS.Platform, string>> = {
    linux: `\0${name}`,
    win32: `\\\\.\\pipe\\${name}`,
  };
  const address = addresses[process.platform];
  if (address === undefined) return () => undefined;
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", () => reject(new Error(`Another process uses the folder ${folder}`)));
    server.listen(address, resolve);
  });
  server.unref();
  return () => void server.close();
}
