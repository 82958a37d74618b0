import { SlipwayError } from "../sdk/error";

/** Builds of one process that several images wait for: each hash is built once in a repository. */
export class SharedBuilds<T> {
  readonly #builds = new Map<string, { readonly owner: string; readonly work: Promise<T> }>();

  /**
   * Does the work, or waits for whoever does the same.
   *
   * @param what is built, in words, for who waits in vain
   * @throws SlipwayError PREFIX_FAILED when another one's work failed, whose resource has told why
   */
  async run(
    key: string,
    { owner, what }: { readonly owner: string; readonly what: string },
    work: () => Promise<T>,
  ): Promise<T> {
    const known = this.#builds.get(key);
    if (known !== undefined) {
      return known.work.catch((cause: unknown) => {
        const isTold = cause instanceof SlipwayError && ["PREFIX_FAILED", "BUILD_CANCELLED"].includes(cause.code);
        throw isTold ? cause : waitedInVain(known.owner, what, cause);
      });
    }
    const own = work();
    this.#builds.set(key, { owner, work: own });
    const result = await own;
    // What failed stays: one error is enough for all that wait, and for those that come later.
    this.#builds.delete(key);
    return result;
  }
}

function waitedInVain(owner: string, what: string, cause: unknown): SlipwayError {
  return new SlipwayError({
    code: "PREFIX_FAILED",
    text: `building: ${what}, built with ${owner === "" ? "another image" : owner}, failed there.`,
    hint: "That one's error says why.",
    cause,
  });
}
