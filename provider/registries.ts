import { parseRepository } from "../sdk/reference";
import type { Credentials, FindCredentials } from "./credentials";
import { parseEcrHost, type EcrRegistryAddress } from "./ecr-address";
import { EcrRegistry } from "./ecr-registry";
import type { LocatedEcr, LocatedRepository } from "./located";
import { OciRegistry } from "./oci-registry";
import type { Place, Places } from "./place";
import type { Registry } from "./registry";

/** All registries of one process, each made once, and the credentials of their hosts. */
export class Registries {
  readonly #findDockerCredentials: FindCredentials;
  readonly #oci = new Map<string, OciRegistry>();
  readonly #ecr = new Map<string, EcrRegistry>();
  /** The hosts that repositories have said are ECR's. */
  readonly #ecrHosts = new Map<string, EcrRegistry>();

  constructor(findDockerCredentials: FindCredentials) {
    this.#findDockerCredentials = findDockerCredentials;
  }

  placesOf(located: LocatedRepository): Places {
    const { ecr } = located;
    return {
      home: this.#placeOf(located),
      copies: (ecr?.copies ?? []).map(({ region, repository }) =>
        this.#placeOf({ repository, ecr: { ...ecr, region } }),
      ),
      sources: (ecr?.copyFrom ?? []).map((source) => this.#placeOf(source)),
    };
  }

  /** Any registry of the distribution protocol, such as that of a base. */
  oci({ insecureHost = "" }: { readonly insecureHost?: string } = {}): Registry {
    const insecureHosts = new Set(insecureHost === "" ? [] : [insecureHost]);
    const known = this.#oci.get(insecureHost);
    const registry = known ?? new OciRegistry({ findCredentials: this.findCredentials, insecureHosts });
    this.#oci.set(insecureHost, registry);
    return registry;
  }

  /** ECR's hosts get a token of the moment; Docker's configuration comes first for those that no repository named. */
  readonly findCredentials: FindCredentials = async (host): Promise<Credentials | undefined> => {
    const known = this.#ecrHosts.get(host);
    if (known !== undefined) return known.fetchCredentials();
    const found = await this.#findDockerCredentials(host);
    const address = parseEcrHost(host);
    return found ?? (address === undefined ? undefined : this.#ecrAt(address).fetchCredentials());
  };

  /** Whether a host's credentials are made by us, so that the user's Docker configuration does not have them. */
  makesCredentials(host: string): boolean {
    return this.#ecrHosts.has(host) || parseEcrHost(host) !== undefined;
  }

  #placeOf({ repository, insecure, ecr }: LocatedRepository): Place {
    const address = parseRepository(repository);
    if (ecr === undefined) {
      return { registry: this.oci(insecure === true ? { insecureHost: address.host } : {}), address };
    }
    const registry = this.#ecrAt(accessOf(ecr));
    this.#ecrHosts.set(address.host, registry);
    const { create, region } = ecr;
    const prepare = () =>
      create === undefined ? registry.requireRepository(address) : registry.createRepository(address, create);
    return { registry, address, region, prepare };
  }

  #ecrAt(address: EcrRegistryAddress): EcrRegistry {
    const key = JSON.stringify(address);
    const registry = this.#ecr.get(key) ?? new EcrRegistry(address);
    this.#ecr.set(key, registry);
    return registry;
  }
}

function accessOf({ account, region, profile, assumeRoles, endpoint }: LocatedEcr): EcrRegistryAddress {
  return { account, region, profile, assumeRoles, endpoint };
}
