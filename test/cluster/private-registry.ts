import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerCredentials } from "../../provider/credentials";
import { OciRegistry } from "../../provider/oci-registry";
import { publishPauseImage } from "../../provider/pause-image";
import { startRegistry, TEST_HTPASSWD, TEST_PASSWORD, TEST_USER } from "../../tools/environment.mjs";
import { endWithFile, makeTemporaryFolder } from "../e2e/stack";

/** A registry that asks for a login, with an image in it, and the folder of a login that it takes. */
export async function startPrivateRegistry() {
  const root = makeTemporaryFolder();
  const htpasswd = join(root, "htpasswd");
  writeFileSync(htpasswd, TEST_HTPASSWD);
  const registry = await startRegistry({ root, htpasswd });
  endWithFile(registry.stop);
  const login = join(root, "login");
  mkdirSync(login);
  const auth = Buffer.from(`${TEST_USER}:${TEST_PASSWORD}`).toString("base64");
  writeFileSync(join(login, "config.json"), JSON.stringify({ auths: { [registry.address]: { auth } } }));
  const client = new OciRegistry({ findCredentials: dockerCredentials({ DOCKER_CONFIG: login }) });
  const { digest } = await publishPauseImage(client, { host: registry.address, path: "team/private" });
  return { address: registry.address, login, ref: `${registry.address}/team/private@${digest}`, client };
}
