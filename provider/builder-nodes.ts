/** A machine of a builder, or a BuildKit that it reaches. */
export interface BuilderNode {
  readonly name: string;
  readonly endpoint: string;
  /** On which it runs steps, the native one first; empty where it does not tell. */
  readonly platforms: readonly string[];
  /** Those that whoever made the builder gave to this node, and those that it needs no emulation for. */
  readonly own: readonly string[];
}

export interface BuilderNodes {
  readonly name: string;
  readonly driver: string;
  readonly nodes: readonly BuilderNode[];
}

/**
 * Reads what `buildx inspect` prints: there is no other form of it. A node's `Platforms:` are those that it was given,
 * with a star, and then BuildKit's, of which the first is its own.
 */
export function parseNodes(text: string): BuilderNodes {
  const [head = "", body = ""] = text.split(/^Nodes:$/m);
  const nodes = body.split(/^(?=Name:)/m).flatMap((part): readonly BuilderNode[] => {
    const name = field(part, "Name");
    if (name === undefined) return [];
    const names = (field(part, "Platforms") ?? "").split(",").map((one) => one.trim());
    const platforms = names.filter((one) => one !== "");
    const given = platforms.filter((one) => one.endsWith("*"));
    const native = platforms.find((one) => !one.endsWith("*"));
    const own = given.length > 0 ? given : native === undefined ? [] : [native];
    return [{ name, endpoint: field(part, "Endpoint") ?? "", platforms: platforms.map(plain), own: own.map(plain) }];
  });
  return { name: field(head, "Name") ?? "", driver: field(head, "Driver") ?? "", nodes };
}

function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]+(.*)$`, "m").exec(text)?.[1]?.trim();
}

function plain(platform: string): string {
  return platform.replace(/\*$/, "");
}

/** All platforms of a builder; `undefined` where a node does not tell. */
export function platformsOf({ nodes }: BuilderNodes): readonly string[] | undefined {
  if (nodes.length === 0 || nodes.some(({ platforms }) => platforms.length === 0)) return undefined;
  return [...new Set(nodes.flatMap(({ platforms }) => platforms))];
}

/**
 * The node that is to build for a platform though buildx would take another one: buildx takes the first that can, also
 * by emulation, unless somebody gave the platform to a node.
 */
export function nodeToPrefer({ nodes }: BuilderNodes, platform: string): BuilderNode | undefined {
  const first = nodes.find(({ platforms }) => platforms.includes(platform));
  const native = nodes.find(({ own }) => own.includes(platform));
  return native === first ? undefined : native;
}
