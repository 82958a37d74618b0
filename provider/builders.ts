import { BuildkitBuilder } from "./buildkit";
import type { BuilderChoice } from "./buildx";
import type { Leftovers } from "./leftovers";
import type { Registries } from "./registries";

/** How many images a process builds at once; what BuildKit does with them is its own affair. */
export const MAX_CONCURRENCY = 4;

/** All builders of one process, each made once. */
export class Builders {
  readonly #leftovers: Leftovers;
  readonly #env: NodeJS.ProcessEnv;
  readonly #registries: Registries;
  readonly #made = new Map<string, BuildkitBuilder>();

  constructor(leftovers: Leftovers, env: NodeJS.ProcessEnv, registries: Registries) {
    this.#leftovers = leftovers;
    this.#env = env;
    this.#registries = registries;
  }

  /** The builder of a choice for a build that asks these registries' hosts. */
  of(choice: BuilderChoice, hosts: readonly string[]): BuildkitBuilder {
    const registries = this.#registries;
    // Docker's own configuration is left as it is where it has all that a build needs.
    const logins = hosts.some((host) => registries.makesCredentials(host)) ? registries.findCredentials : undefined;
    const key = JSON.stringify([choice, logins !== undefined]);
    const builder =
      this.#made.get(key) ?? new BuildkitBuilder(choice, this.#leftovers, this.#env, { findCredentials: logins });
    this.#made.set(key, builder);
    return builder;
  }
}
