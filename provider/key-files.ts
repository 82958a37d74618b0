import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SlipwayError } from "../sdk/error";
import type { SecretSource } from "../sdk/secret";
import type { Leftovers } from "./leftovers";
import { findSecret, type SecretPlaces } from "./secret-store";

/**
 * Gives the absolute path of what a program names as a builder's key: the file itself, or one that only this user can
 * read, made of a variable or a config key and gone when this process ends.
 *
 * @throws SlipwayError SECRET_MISSING
 */
export function makeKeyFiles(leftovers: Leftovers, places: SecretPlaces): (name: string, from: SecretSource) => string {
  let folder: string | undefined;
  return (name, from) => {
    const found = findSecret({ id: name, from }, places);
    if (!("value" in found)) {
      const text = `the builder's ${name}: ${found.problem}.`;
      throw new SlipwayError({ code: "SECRET_MISSING", text, hint: found.hint });
    }
    if (found.path !== undefined) return found.path;
    folder ??= leftovers.makeFolder("keys");
    const path = join(folder, name);
    writeFileSync(path, found.value, { mode: 0o600 });
    return path;
  };
}
