// How is work that comes in steps, so that other work is let in between, done at once?

/** Runs steps to their end and gives what they came to. */
export function finish<Value>(steps: Iterator<unknown, Value>): Value {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
