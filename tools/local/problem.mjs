/**
 * A failure that the user can act on: what we were doing, what we found, what to do.
 * Everything else that is thrown is a mistake of ours and keeps its stack.
 */
export class Problem extends Error {
  /** @param {{ doing: string, found: string, todo: string, cause?: unknown }} facts */
  constructor({ doing, found, todo, cause }) {
    super(`${doing}: ${found}\n${todo}`, { cause });
    this.name = "Problem";
  }
}

/** What to print for anything thrown. @param {unknown} error @returns {string} */
export function describe(error) {
  if (error instanceof Problem) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
