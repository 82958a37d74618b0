import { createHash } from "node:crypto";

export interface StoredTag {
  readonly tag: string;
  readonly digest: string;
  /** What is wrong with it: a blob that is missing or has other bytes, a tag that names another hash. */
  readonly wrong: string | undefined;
}

/**
 * All tags of a repository of a plain registry, each read to its last byte.
 *
 * @param repository `host/path`, asked by plain HTTP and without a login
 */
export async function readTags(repository: string): Promise<readonly StoredTag[]> {
  const [host = "", ...path] = repository.split("/");
  const place = `http://${host}/v2/${path.join("/")}`;
  const list = await fetch(`${place}/tags/list`);
  if (list.status === 404) return [];
  const { tags }: { tags: readonly string[] | null } = JSON.parse(await list.text());
  return Promise.all((tags ?? []).map((tag) => readTag(place, tag)));
}

async function readTag(place: string, tag: string): Promise<StoredTag> {
  const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
  const response = await fetch(`${place}/manifests/${tag}`, { headers: { accept } });
  const text = await response.text();
  const digest = digestOf(Buffer.from(text));
  if (!response.ok) return { tag, digest, wrong: `the tag is listed and answered with ${response.status}` };
  const { config, layers, annotations }: Manifest = JSON.parse(text);
  if (annotations?.["io.slipway.hash"] !== tag) return { tag, digest, wrong: "it carries another hash" };
  return { tag, digest, wrong: await findBrokenBlob(place, [config, ...layers]) };
}

/** What is wrong with the first blob that is not what its digest says. */
async function findBrokenBlob(place: string, parts: readonly Part[]): Promise<string | undefined> {
  for (const part of parts) {
    const response = await fetch(`${place}/blobs/${part.digest}`);
    if (!response.ok) return `${part.digest} is answered with ${response.status}`;
    if (digestOf(Buffer.from(await response.arrayBuffer())) !== part.digest) return `${part.digest} has other bytes`;
  }
  return undefined;
}

interface Part {
  readonly digest: string;
}
interface Manifest {
  readonly config: Part;
  readonly layers: readonly Part[];
  readonly annotations?: Readonly<Record<string, string>>;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
