/** The line that keeps a user from looking for files in an image that are not there; `undefined` without mounts. */
export function describeLeftOut(mountCount: number): string | undefined {
  if (mountCount === 0) return undefined;
  const [noun, verb] = mountCount === 1 ? ["mount", "is"] : ["mounts", "are"];
  return `${mountCount} ${noun} ${verb} not in the image; use Sandbox, Mounts or strategy copy`;
}
