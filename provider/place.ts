import { parseRepository } from "../sdk/reference";
import { formatAddress } from "./ecr-address";
import type { Registry, RepositoryAddress } from "./registry";

/** A repository and how it is asked. */
export interface Place {
  readonly registry: Registry;
  readonly address: RepositoryAddress;
  /** Of AWS. */
  readonly region?: string;
  /** Makes it ready to be written to; without it nothing is to be done. */
  readonly prepare?: () => Promise<void>;
}

/** Where an image is to be, and where it may come from. */
export interface Places {
  /** Where it is built, or taken from where it is. */
  readonly home: Place;
  /** Where copies of it are to be. */
  readonly copies: readonly Place[];
  /** Where a copy may be taken from, in this order. */
  readonly sources: readonly Place[];
}

/** The places of a repository that is all there is. */
export function onlyPlace(registry: Registry, repository: string): Places {
  return { home: { registry, address: parseRepository(repository) }, copies: [], sources: [] };
}

/** How a place reads in a line: by its region where it has one. */
export function nameOfPlace({ region, address }: Place): string {
  return region ?? formatAddress(address);
}
