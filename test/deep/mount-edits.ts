import type { ResolvedMount } from "../../sdk/spec";
import type { Random } from "./random";

type Pair = readonly [readonly ResolvedMount[], readonly ResolvedMount[]];

/** Each makes two lists of mounts that differ by one edit, at a random place of a random list. */
export const mountEdits: Readonly<Record<string, (random: Random) => Pair>> = {
  destination: (r) => {
    const mount = someMount(r);
    return around(r, [[mount], [{ ...mount, destination: `${mount.destination}x` }]]);
  },
  tree: (r) => {
    const mount = someMount(r);
    return around(r, [[mount], [{ ...mount, tree: r.hex() }]]);
  },
  "file against folder": (r) => {
    const { source, destination, tree } = someMount(r);
    return around(r, [
      [{ kind: "copyFile", source, destination, tree }],
      [{ kind: "copyDir", source, destination, tree }],
    ]);
  },
  added: (r) => around(r, [[], [someMount(r)]]),
  repeated: (r) => {
    const mount = someMount(r);
    return around(r, [[mount], [mount, mount]]);
  },
  reordered: (r) => {
    const [one, other] = [someMount(r), someMount(r)];
    return around(r, [
      [one, other],
      [other, one],
    ]);
  },
  "trees exchanged": (r) => {
    const [one, other] = [someMount(r), { ...someMount(r), destination: "/other" }];
    return around(r, [
      [one, other],
      [
        { ...one, tree: other.tree },
        { ...other, tree: one.tree },
      ],
    ]);
  },
  "boundary between two destinations moved": (r) => {
    const [one, other] = [someMount(r), someMount(r)];
    return around(r, [
      [{ ...one, destination: `${one.destination}/x` }, other],
      [one, { ...other, destination: `/x${other.destination}` }],
    ]);
  },
};

/** Each makes two lists of mounts that differ by one edit of what does not count. */
export const freeMountEdits: Readonly<Record<string, (random: Random) => Pair>> = {
  source: (r) => {
    const mount = someMount(r);
    return around(r, [[mount], [{ ...mount, source: `${mount.source}x` }]]);
  },
  patterns: (r) => {
    const mount = { kind: "copyDir", source: "s", destination: `/${r.word()}`, tree: r.hex() } as const;
    return around(r, [[mount], [{ ...mount, ignore: [r.word()], include: [r.word()] }]]);
  },
};

function someMount(random: Random): ResolvedMount {
  const more = { source: random.word(), destination: `/${random.word()}`, tree: random.hex() };
  return random.pick<ResolvedMount>([
    { kind: "copyFile", ...more },
    { kind: "copyDir", ...more },
  ]);
}

function around(random: Random, [one, other]: Pair): Pair {
  const before = random.list(() => someMount(random), 0, 2);
  const after = random.list(() => someMount(random), 0, 2);
  return [
    [...before, ...one, ...after],
    [...before, ...other, ...after],
  ];
}
