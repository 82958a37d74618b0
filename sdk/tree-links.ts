/** As many links as Linux follows for one path; beyond, it is a loop, which leads nowhere. */
const MAX_LINKS = 40;

/**
 * The first link that leads out of its tree when every link on its way is followed, as a kernel does. What is not there
 * is taken for a folder.
 *
 * @param links paths of links, and the targets that are stored in them, `/`-separated.
 */
export function findLeavingLink(links: ReadonlyMap<string, string>): string | undefined {
  return [...links.keys()].find((path) => leaves(path, links));
}

function leaves(path: string, links: ReadonlyMap<string, string>): boolean {
  const at: string[] = [];
  const ahead = path.split("/").reverse();
  for (let followed = 0; ;) {
    const part = ahead.pop();
    if (part === undefined) return false;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.pop() === undefined) return true;
      continue;
    }
    at.push(part);
    const target = links.get(at.join("/"));
    if (target === undefined) continue;
    followed += 1;
    if (target.startsWith("/")) return true;
    if (followed > MAX_LINKS) return false;
    at.pop();
    ahead.push(...target.split("/").reverse());
  }
}
