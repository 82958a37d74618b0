import { cacheHosts } from "./build-cache";
import type { BuilderChoice } from "./builder-choice";
import { BuildkitBuilder } from "./buildkit";
import type { Leftovers } from "./leftovers";
import type { Registries } from "./registries";
import type { SecretPlaces } from "./secret-store";

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

  /**
   * The builder of a choice for a build that asks these registries' hosts.
   *
   * @param places where its keys are
   */
  of(choice: BuilderChoice, hosts: readonly string[], places?: SecretPlaces): BuildkitBuilder {
    const registries = this.#registries;
    const all = choice.cache === undefined ? hosts : [...hosts, ...cacheHosts(choice.cache)];
    // Docker's own configuration is left as it is where it has all that a build needs.
    const logins = all.some((host) => registries.makesCredentials(host)) ? registries.findCredentials : undefined;
    const key = JSON.stringify([choice, logins !== undefined, places?.folder]);
    const options = { findCredentials: logins, places };
    const builder = this.#made.get(key) ?? new BuildkitBuilder(choice, this.#leftovers, this.#env, options);
    this.#made.set(key, builder);
    return builder;
  }
}
