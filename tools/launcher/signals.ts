// What happens on Ctrl-C? Everything that was started is ended, and then this process is.

const SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs `end` at the first signal, then exits with `exitCode`. Returns how to stop watching. */
export function endOnSignals(end: () => Promise<void>, exitCode: number): () => void {
  const onSignal = () => {
    void end().finally(() => process.exit(exitCode));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}
