/** What Pulumi sends in the place of a value that is not known yet (runtime/rpc.ts, unknownValue). */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether a value, or a part of it, is not known yet. @param {unknown} value @returns {boolean} */
export function isUnknown(value) {
  if (value === UNKNOWN) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(isUnknown);
}

/** @typedef {readonly string[]} Path */

/**
 * Where two JSON values differ.
 * @param {unknown} before
 * @param {unknown} after
 * @param {Path} [path]
 * @returns {Path[]}
 */
export function changedPaths(before, after, path = []) {
  if (before === after) return [];
  if (!isObject(before) || !isObject(after)) return [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => changedPaths(before[key], after[key], [...path, key]));
}

/**
 * The changes that the API server takes from no one: what an object is called, and what it selects; and what Pulumi's own
 * plugin makes anew, the content of a ConfigMap (unless its provider says enableConfigMapMutable).
 * @param {unknown} before
 * @param {readonly Path[]} changes
 * @returns {Path[]}
 */
export function replacingPaths(before, changes) {
  if (!isObject(before) || Object.keys(before).length === 0) return [];
  const content = before["kind"] === "ConfigMap" ? ["data", "binaryData", "immutable"] : [];
  const fixed = ["apiVersion", "kind", "metadata.name", "metadata.namespace", "spec.selector", ...content];
  return changes.filter((path) => fixed.some((name) => `${path.join(".")}.`.startsWith(`${name}.`)));
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null;
}
