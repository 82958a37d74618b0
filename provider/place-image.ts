import { hashImage } from "../sdk/hash";
import type { Builder } from "./builder";
import { adoptImage, type StoredImage } from "./commit";
import { copyImage } from "./copy-image";
import { formatAddress } from "./ecr-address";
import { hostsOf } from "./mirrors";
import { notStored } from "./not-stored";
import { nameOfPlace, type Place, type Places } from "./place";
import { publishImage, type PublishedImage, type PublishRequest } from "./publish";

/** Whether an image that is stored nowhere is built. */
export type BuildChoice = "auto" | "never";

/** An image that is everywhere where it is to be. */
export interface PlacedImage extends PublishedImage {
  /** Region → digest, where there is more than one. */
  readonly regions?: Readonly<Record<string, string>>;
}

export interface PlaceRequest extends Omit<PublishRequest, "repository"> {
  readonly build: BuildChoice;
}

/**
 * Sees to it that an image is in all its places: it is taken from where it is, or copied by digest, and built only when
 * no place has it.
 *
 * @param makeBuilder gets the registries that a build asks
 * @throws SlipwayError NOT_STORED where it would have to be built and must not be
 */
export async function placeImage(
  places: Places,
  makeBuilder: (hosts: readonly string[]) => Builder,
  request: PlaceRequest,
): Promise<PlacedImage> {
  const { home, copies, sources } = places;
  const { signal } = request;
  const hash = hashImage(request.specs);
  if (copies.length === 0 && sources.length === 0 && request.build === "auto") {
    return publish(home, makeBuilder, request);
  }
  const find = ({ registry, address }: Place) => adoptImage(registry, address, hash, signal);
  const copy = (from: Place, to: Place): Promise<StoredImage> => {
    request.onProgress({ text: `copying from ${nameOfPlace(from)} to ${nameOfPlace(to)}` });
    const { limit = (work) => work() } = request;
    return limit(() => copyImage({ from, to, hash, signal }));
  };
  const [atHome, ...elsewhere] = await Promise.all([home, ...copies].map(find));
  let own: PublishedImage | undefined = atHome === undefined ? undefined : { ...atHome, reused: true };
  if (own === undefined) {
    const region = copies.find((_, index) => elsewhere[index] !== undefined);
    const from = region ?? (await findFirst(sources, find));
    if (from !== undefined) own = { ...(await copy(from, home)), reused: true };
    else if (request.build === "never")
      throw notStored(
        [home, ...copies, ...sources].map(({ address }) => formatAddress(address)),
        hash,
      );
    else own = await publish(home, makeBuilder, request);
  }
  if (copies.length === 0) return own;
  const stored = await Promise.all(copies.map(async (to, index) => elsewhere[index] ?? copy(home, to)));
  const digests = [own, ...stored].map(({ digest }) => digest);
  return {
    ...own,
    regions: Object.fromEntries([home, ...copies].map((place, index) => [nameOfPlace(place), digests[index] ?? ""])),
  };
}

function publish(
  home: Place,
  makeBuilder: (hosts: readonly string[]) => Builder,
  request: PlaceRequest,
): Promise<PublishedImage> {
  const { build: _, ...rest } = request;
  const prepare = home.prepare === undefined ? {} : { prepare: home.prepare };
  const hosts = [home.address.host, ...hostsOf(request.specs, request.mirrors)];
  return publishImage(home.registry, () => makeBuilder(hosts), { ...rest, ...prepare, repository: home.address });
}

async function findFirst(
  places: readonly Place[],
  find: (place: Place) => Promise<StoredImage | undefined>,
): Promise<Place | undefined> {
  for (const place of places) if ((await find(place)) !== undefined) return place;
  return undefined;
}
