import type { SecretPlaces } from "../../provider/secret-store";

/** A machine on which no secret is set. */
export const noSecrets: SecretPlaces = {
  folder: "/nowhere",
  home: "/nowhere",
  env: {},
  readConfig: () => undefined,
  hintConfig: (key) => `Set ${key}.`,
};
